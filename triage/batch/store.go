package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/safedump/sdcore/triage/index"
)

// ErrLocked means that another batch is at work in the store.
var ErrLocked = errors.New("another batch is running")

// Store is the directory that reports and index are kept in.
type Store struct{ Dir string }

// Index is the file of the index.
func (s Store) Index() string { return filepath.Join(s.Dir, "index.db") }

// Report is the path of a report, as the index has it.
func (s Store) Report(name string) string { return filepath.Join(s.Dir, filepath.FromSlash(name)) }

func (s Store) binaries() string { return filepath.Join(s.Dir, "binaries") }
func (s Store) work() string     { return filepath.Join(s.Dir, "work") }

// reportName is where the report of a file with these contents is kept: a
// hundred thousand in one directory would make every listing slow.
func reportName(key string) string {
	return "reports/" + key[:2] + "/" + key + reportSuffix
}

const reportSuffix = ".safedump.json.gz"

// Lock makes the store and keeps others from working in it until unlock.
func (s Store) Lock() (unlock func(), err error) {
	for _, dir := range []string{s.Dir, s.work(), filepath.Join(s.Dir, "reports")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, fmt.Errorf("%s: %w", s.Dir, err)
	}
	return func() { f.Close() }, nil
}

// Sweep removes the files of reports that an index has dealt with and nothing in
// it refers to any more, and returns how many there were. Others are left alone:
// of a batch that was killed, or of another index with reports in this store.
// The store has to be locked.
func (s Store) Sweep(ctx context.Context, x *index.Index) (removed int, err error) {
	used := map[string]bool{}
	if err := x.Reports(ctx, func(report string) { used[report] = true }); err != nil {
		return 0, err
	}
	files, err := filepath.Glob(filepath.Join(s.Dir, "reports", "??", "*"+reportSuffix))
	if err != nil {
		return 0, err
	}
	for _, path := range files {
		name, err := filepath.Rel(s.Dir, path)
		if err != nil {
			return removed, err
		}
		if used[filepath.ToSlash(name)] {
			continue
		}
		switch source, known, err := x.Source(ctx, strings.TrimSuffix(filepath.Base(name), reportSuffix)); {
		case err != nil:
			return removed, err
		case !known || source.State != index.Done:
			continue
		}
		if err := os.Remove(path); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// failures is a hook of the tests: it may end the process at a named place.
type failures func(at string)

func (f failures) at(place string) {
	if f != nil {
		f(place)
	}
}

// writeFile writes a file that appears whole or not at all: "what.write" is in
// the middle of it, "what.rename" behind the last byte, "what.renamed" when it
// is there. Only a report is on the disk before its name is: what a power cut
// leaves of the others is told from what is whole, and made again.
func writeFile(path, what string, fail failures, write func(io.Writer) error) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = write(&interrupted{w: f, at: what + ".write", fail: fail})
	if err == nil && what == "report" {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(tmp)
		return err
	}
	fail.at(what + ".rename")
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	fail.at(what + ".renamed")
	return nil
}

// interrupted calls the hook when half of the first write is out.
type interrupted struct {
	w    io.Writer
	at   string
	fail failures
	done bool
}

func (i *interrupted) Write(p []byte) (int, error) {
	if i.done || i.fail == nil {
		return i.w.Write(p)
	}
	i.done = true
	n, err := i.w.Write(p[:len(p)/2])
	if err != nil {
		return n, err
	}
	i.fail.at(i.at)
	m, err := i.w.Write(p[n:])
	return n + m, err
}
