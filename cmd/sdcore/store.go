package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/triage/batch"
	"github.com/safedump/sdcore/triage/index"
)

// storeFlag is --store and --db: where reports are, and where the index is.
type storeFlag struct{ dir, db string }

func (f *storeFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "store", "", "`directory` of index and reports (default ~/.safedump/store)")
	cmd.Flags().StringVar(&f.db, "db", "", "`URL` of a PostgreSQL database that has the index, for many hosts: postgres://USER@HOST/DATABASE, the password in PGPASSFILE or PGPASSWORD")
}

func (f *storeFlag) store() (batch.Store, error) {
	if f.dir != "" {
		return batch.Store{Dir: f.dir}, nil
	}
	dir, err := reportDir()
	return batch.Store{Dir: filepath.Join(dir, "store")}, err
}

// open opens the index for asking.
func (f *storeFlag) open(ctx context.Context) (*index.Index, batch.Store, error) {
	s, err := f.store()
	if err != nil {
		return nil, s, err
	}
	x, err := f.index(ctx, s, index.Options{MustExist: true})
	return x, s, err
}

// index opens the index: the store's own, or the one that hosts share.
func (f *storeFlag) index(ctx context.Context, s batch.Store, o index.Options) (*index.Index, error) {
	if f.db == "" {
		return index.Open(ctx, s.Index(), o)
	}
	var err error
	if o.Home, err = home(s); err != nil {
		return nil, err
	}
	x, err := index.OpenPostgres(ctx, f.db, o)
	if errors.Is(err, index.ErrURL) {
		err = usagef("--db: %w", err)
	}
	return x, err
}

// home is what a shared index calls the store of this host.
func home(s batch.Store) (h index.Home, err error) {
	if h.Host, err = os.Hostname(); err != nil {
		return h, err
	}
	h.Dir, err = filepath.Abs(s.Dir)
	return h, err
}

// errElsewhere ends a view of a report that another host keeps.
var errElsewhere = errors.New("another host keeps the report")

// reportFile is the file of the report of a crash: in this store, or where
// another host has it, if this one sees the same files there.
func (f *storeFlag) reportFile(s batch.Store, o *index.Occurrence) (string, error) {
	here := s.Report(o.Report)
	if f.db == "" || o.Home == (index.Home{}) {
		return here, nil
	}
	h, err := home(s)
	if err != nil || h == o.Home {
		return here, err
	}
	there := batch.Store{Dir: o.Home.Dir}.Report(o.Report)
	for _, path := range []string{there, here} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w: host %s, %s", o.Name(), errElsewhere, index.Printable(o.Home.Host), index.Printable(there))
}
