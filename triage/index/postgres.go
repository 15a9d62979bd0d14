package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrURL means that the URL of a database can't be read. It does not say why:
// what can't be read may have a password anywhere.
var ErrURL = errors.New("the URL of the database can't be read: want postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full, with %40, %2F, %3F, %23 for @, /, ?, # in names")

// IsPostgres reports whether a text claims to be the URL of a PostgreSQL
// database.
func IsPostgres(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// OpenPostgres opens the index in a PostgreSQL database. What the URL does not
// say, PostgreSQL's own variables and password file do (PGHOST, PGPASSFILE, ...).
// No error shows the URL.
func OpenPostgres(ctx context.Context, url string, o Options) (*Index, error) {
	if !IsPostgres(url) || misread(url) {
		return nil, ErrURL
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, ErrURL
	}
	set := func(name, value string) {
		if _, ok := config.RuntimeParams[name]; !ok {
			config.RuntimeParams[name] = value
		}
	}
	set("application_name", "sdcore")
	if o.ReadOnly {
		config.RuntimeParams["default_transaction_read_only"] = "on"
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		if e := c.PgConn().ParameterStatus("server_encoding"); e != "UTF8" {
			_ = c.Close(ctx) // the driver forgets to
			return fmt.Errorf("its encoding is %s, which can't hold all names: want a database with ENCODING 'UTF8'", printable(e, maxWord))
		}
		return nil
	}))
	db.SetMaxOpenConns(connections)
	place := "PostgreSQL database " + printable(config.Database, maxWord) + " at " + printable(net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))), maxWord)
	return open(ctx, db, postgres(), place, o)
}

// misread reports whether a password that is not escaped would be taken for
// the name of a database, which errors show: postgres://u:1/2@host/db.
func misread(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	end := strings.IndexAny(rest, "/?#")
	return end >= 0 && strings.Contains(rest[end:], "@")
}

// connections are enough for one transaction that writes, one that holds its
// turn, and the questions beside them.
const connections = 4

func postgres() dialect {
	return dialect{
		name:       "postgres",
		version:    postgresVersion,
		setVersion: "UPDATE schema_version SET version = %d",
		begin: func(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
			return beginAlone(ctx, db, writing, writingSeconds)
		},
		matches:  func(_, param string) string { return "text @@ CAST(CAST(" + param + " AS TEXT) AS TSQUERY)" },
		document: document,
		words:    tsquery,
		turn: func(ctx context.Context, db *sql.DB) (func(), error) {
			tx, err := beginAlone(ctx, db, telling, tellingSeconds)
			if err != nil {
				return nil, err
			}
			return func() { _ = tx.Rollback() }, nil // it has only held a lock
		},
	}
}

// Writers take turns, as they do with SQLite: numbers, counts, bounds and who is
// the first of a group are then right without a second try. A host that stops
// answering in the middle loses its turn after some seconds.
const (
	writing        = 0x5dc04e01 // the number of an advisory lock
	writingSeconds = 60
	telling        = 0x5dc04e02
	tellingSeconds = 600 // with what --exec and --webhook do
)

// beginAlone begins a transaction that no other holder of a lock is in. It sees
// all that those before it have committed.
func beginAlone(ctx context.Context, db *sql.DB, lock, seconds int) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = '%ds'; SET LOCAL idle_in_transaction_session_timeout = '%ds';
		SELECT pg_advisory_xact_lock(%d, hashtext(coalesce(current_schema(), '')))`, seconds, seconds, lock))
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

func postgresVersion(ctx context.Context, q querier) (v int, err error) {
	// Not to_regclass: what it remembers of the catalog can be older than the turn
	// that this host waited for.
	var there bool
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relname = 'schema_version')`).Scan(&there)
	if err != nil || !there {
		return 0, err
	}
	err = q.QueryRowContext(ctx, "SELECT version FROM schema_version").Scan(&v)
	return v, err
}

// Bounds of PostgreSQL's full text.
const (
	maxPosition = 16383
	maxLexeme   = 500 // of 2046 bytes
)

// lexemes are the words of a text as FTS5 tells them: letters and digits.
// PostgreSQL's own parser would take main.f for the name of a host, whole.
func lexemes(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.In(r, unicode.L, unicode.N, unicode.Mn, unicode.Co)
	})
	for i, w := range words {
		words[i] = strings.ToValidUTF8(w[:min(len(w), maxLexeme)], "")
	}
	return words
}

// document is a text as a tsvector: its words with their places.
func document(text string) string {
	var b strings.Builder
	for i, w := range lexemes(text) {
		fmt.Fprintf(&b, "'%s':%d ", w, min(i+1, maxPosition))
	}
	return b.String()
}

// tsquery is a search: each word has to occur, one that has several parts as
// these in a row, one that ends in * as a beginning.
func tsquery(search string) string {
	var all []string
	for _, w := range strings.Fields(search) {
		w, star := cutStar(w)
		parts := lexemes(w)
		if len(parts) == 0 {
			continue
		}
		for i, p := range parts {
			parts[i] = "'" + p + "'"
		}
		if star != "" {
			parts[len(parts)-1] += ":*"
		}
		all = append(all, "("+strings.Join(parts, " <-> ")+")")
	}
	return strings.Join(all, " & ")
}
