package index

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed schema/*.sql
var schema embed.FS

// Version is the newest schema that is known.
const Version = 3

// Errors that callers tell apart.
var (
	// ErrNewer means that a newer sdcore wrote the index.
	ErrNewer = errors.New("the index was written by a newer version of sdcore")
	// ErrNone means that no batch has made an index there.
	ErrNone = errors.New("no index")
	// ErrNotFound means that no group or occurrence has such a name.
	ErrNotFound = errors.New("no such group or occurrence")
	// ErrAmbiguous means that the beginning of a name is that of several.
	ErrAmbiguous = errors.New("several groups or occurrences begin so")
)

// Options change how an index is opened.
type Options struct {
	// ReadOnly is for who only asks.
	ReadOnly bool
	// MustExist is for who makes no index where there is none: ErrNone.
	MustExist bool
	// Home is where this host keeps its reports, for an index that several share.
	Home Home
	// Fail, when set, is called before and after what must not be done by halves,
	// with a name of the place. Tests end the process there.
	Fail func(at string)
}

// Index is an opened index. It may be used by several goroutines.
type Index struct {
	db      *sql.DB
	dialect dialect
	home    int64 // the number of this host's store
	fail    func(at string)
}

// open makes or migrates the schema. place is what errors call it.
func open(ctx context.Context, db *sql.DB, d dialect, place string, o Options) (*Index, error) {
	x := &Index{db: db, dialect: d, fail: o.Fail}
	if x.fail == nil {
		x.fail = func(string) {}
	}
	err := x.migrate(ctx, o)
	if err == nil {
		err = x.settle(ctx, o.Home, o)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return x, nil
}

// Close closes the index.
func (x *Index) Close() error { return x.db.Close() }

// migrate brings the schema up to date, a version at a time, each in one
// transaction.
func (x *Index) migrate(ctx context.Context, o Options) error {
	have, err := x.dialect.version(ctx, x.db)
	switch {
	case err != nil:
		return err
	case have > Version:
		return fmt.Errorf("schema %d, this one knows %d: %w", have, Version, ErrNewer)
	case have == 0 && o.MustExist:
		return ErrNone
	case have < Version && (o.ReadOnly || o.MustExist && o.Home != (Home{})):
		// Who asks does not lock out the hosts that have no newer sdcore yet.
		return fmt.Errorf("schema %d is an old one: the next batch brings it up to date", have)
	}
	for have < Version {
		err := x.write(ctx, "migrate", func(tx *sql.Tx) error {
			// Another host may have been faster.
			if have, err = x.dialect.version(ctx, tx); err != nil || have >= Version {
				return err
			}
			have++
			return x.migrateTo(ctx, tx, have)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// migrateTo runs what makes of a schema the next one: what the databases share,
// then what this one has of its own.
func (x *Index) migrateTo(ctx context.Context, tx *sql.Tx, version int) error {
	for _, name := range []string{"schema/%04d.sql", "schema/%04d." + x.dialect.name + ".sql"} {
		text, err := schema.ReadFile(fmt.Sprintf(name, version))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("schema %d: %w", version, err)
		}
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(x.dialect.setVersion, version))
	return err
}

// write runs f in a transaction, with no other writer beside it.
func (x *Index) write(ctx context.Context, what string, f func(*sql.Tx) error) error {
	tx, err := x.dialect.begin(ctx, x.db)
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

// onLine puts the lines of a text beside each other; the runtime indents those of a
// panic's text by a tab.
func onLine(s string) string { return strings.NewReplacer("\n\t", " · ", "\n", " · ").Replace(s) }

// Printable makes of a path or a reason what may stand on a line of a terminal.
func Printable(s string) string { return printable(s, maxMessage) }

// storable makes of any bytes a text that a database takes, and another one of
// others: the names of files may be anything, PostgreSQL takes no NUL and
// nothing but UTF-8.
func storable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsRune(s, 0) && !strings.HasPrefix(s, `"`) {
		return s
	}
	return strconv.Quote(s)
}

// unstorable is what storable was given.
func unstorable(s string) string {
	if strings.HasPrefix(s, `"`) {
		if raw, err := strconv.Unquote(s); err == nil {
			return raw
		}
	}
	return s
}
