package index

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// Open opens the index in a file, which is SQLite's, and makes or migrates it
// unless Options say otherwise.
func Open(ctx context.Context, path string, o Options) (*Index, error) {
	if o.MustExist {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: %w", err, ErrNone)
		}
	}
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
	return open(ctx, db, sqlite(), path, o)
}

func sqlite() dialect {
	return dialect{
		name: "sqlite",
		version: func(ctx context.Context, q querier) (v int, err error) {
			err = q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
			return v, err
		},
		setVersion: "PRAGMA user_version = %d",
		begin:      func(ctx context.Context, db *sql.DB) (*sql.Tx, error) { return db.BeginTx(ctx, nil) }, // immediate, see Open
		matches:    func(table, param string) string { return table + " MATCH " + param },
		document:   func(text string) string { return text },
		words:      match,
		turn:       func(context.Context, *sql.DB) (func(), error) { return func() {}, nil }, // the store is locked
	}
}

// match is a search as FTS5 wants it: each word quoted, and as a beginning where
// it ends in *. Beginnings are for who asks for them: all the rows that they
// are in have to be collected before the newest is known.
func match(search string) string {
	var words []string
	for _, w := range strings.Fields(search) {
		w, star := cutStar(w)
		words = append(words, `"`+strings.ReplaceAll(w, `"`, `""`)+`"`+star)
	}
	return strings.Join(words, " ")
}

// cutStar tells whether a word is a beginning.
func cutStar(w string) (word, star string) {
	if rest, ok := strings.CutSuffix(w, "*"); ok {
		return rest, "*"
	}
	return w, ""
}
