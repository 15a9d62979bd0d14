package index

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver
)

//go:embed schema/*.sql
var schema embed.FS

// Version is the newest schema that is known.
const Version = 1

// Errors that callers tell apart.
var (
	// ErrNewer means that a newer sdcore wrote the index.
	ErrNewer = errors.New("the index was written by a newer version of sdcore")
	// ErrNotFound means that no group or occurrence has such a name.
	ErrNotFound = errors.New("no such group or occurrence")
	// ErrAmbiguous means that the beginning of a name is that of several.
	ErrAmbiguous = errors.New("several groups or occurrences begin so")
)

// Options change how an index is opened.
type Options struct {
	// ReadOnly is for who only asks.
	ReadOnly bool
	// Fail, when set, is called before and after what must not be done by halves,
	// with a name of the place. Tests end the process there.
	Fail func(at string)
}

// Index is an opened index. It may be used by several goroutines.
type Index struct {
	db   *sql.DB
	fail func(at string)
}

// Open opens the index in a file, and makes or migrates it unless it is only
// read.
func Open(ctx context.Context, path string, o Options) (*Index, error) {
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "temp_store(2)", "cache_size(-65536)"}}
	if o.ReadOnly {
		pragmas.Add("mode", "ro")
	} else {
		// Behind a commit the worst that a power cut does is to forget it: the
		// file that it was about is then dealt with again.
		pragmas["_pragma"] = append(pragmas["_pragma"], "journal_mode(WAL)", "synchronous(NORMAL)")
		pragmas.Set("_txlock", "immediate")
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: pragmas.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one writer; every answer is short
	x := &Index{db: db, fail: o.Fail}
	if x.fail == nil {
		x.fail = func(string) {}
	}
	if err := x.migrate(ctx, o.ReadOnly); err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

// Close closes the index.
func (x *Index) Close() error { return x.db.Close() }

// migrate brings the schema up to date, a version at a time, each in one
// transaction.
func (x *Index) migrate(ctx context.Context, readOnly bool) error {
	var have int
	if err := x.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	switch {
	case have > Version:
		return fmt.Errorf("schema %d, this one knows %d: %w", have, Version, ErrNewer)
	case have < Version && readOnly:
		return fmt.Errorf("schema %d is an old one: the next batch brings it up to date", have)
	}
	for v := have + 1; v <= Version; v++ {
		err := x.write(ctx, "migrate", func(tx *sql.Tx) error {
			for _, name := range []string{"schema/%04d.sql", "schema/%04d.fts.sql"} {
				text, err := schema.ReadFile(fmt.Sprintf(name, v))
				if err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, string(text)); err != nil {
					return fmt.Errorf("schema %d: %w", v, err)
				}
			}
			_, err := tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(v))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write runs f in a transaction.
func (x *Index) write(ctx context.Context, what string, f func(*sql.Tx) error) error {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing behind a commit
	if err := f(tx); err != nil {
		return err
	}
	x.fail(what + ".commit")
	if err := tx.Commit(); err != nil {
		return err
	}
	x.fail(what + ".committed")
	return nil
}

// micros is a time as it is stored: microseconds since 1970, 0 for the zero
// time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// printable makes of a text what may stand on a line of a terminal: whatever is
// not printable as a Go escape, at most max bytes.
func printable(s string, max int) string {
	if len(s) > max {
		s = strings.ToValidUTF8(s[:max], "") + "…"
	}
	clean := true
	for _, r := range s {
		clean = clean && strconv.IsPrint(r) && r != '\ufffd'
	}
	if clean {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Printable makes of a path or a reason what may stand on a line of a terminal.
func Printable(s string) string { return printable(s, maxMessage) }
