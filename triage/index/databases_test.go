package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// database makes indexes of one dialect. open opens the same one each time.
type database struct {
	dialect dialect
	open    func(t testing.TB, o Options) *Index
	try     func(o Options) (*Index, error)
	// raw runs a statement, for what no index would do.
	raw func(t testing.TB, statement string)
}

// onEach runs a test on a new database of each dialect.
func onEach(t *testing.T, test func(t *testing.T, d database)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteDatabase(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresDatabase(t)) })
}

func newDatabase(d dialect, driver, source string, try func(o Options) (*Index, error)) database {
	return database{
		dialect: d,
		try:     try,
		open: func(t testing.TB, o Options) *Index {
			t.Helper()
			x, err := try(o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { x.Close() })
			return x
		},
		raw: func(t testing.TB, statement string) {
			t.Helper()
			db, err := sql.Open(driver, source)
			if err != nil {
				t.Fatal(err)
			}
			_, err = db.Exec(statement)
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func sqliteDatabase(t testing.TB) database {
	path := filepath.Join(t.TempDir(), "a b?c#.db")
	source := url.URL{Scheme: "file", OmitHost: true, Path: path}
	return newDatabase(sqlite(), "sqlite", source.String(), func(o Options) (*Index, error) { return Open(context.Background(), path, o) })
}

// serverURL is that of scripts/postgres-test.sh.
func serverURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("SDCORE_TEST_POSTGRES")
	if server == "" {
		t.Skip("no PostgreSQL server: scripts/postgres-test.sh runs this test with one")
	}
	return server
}

// postgresDatabase is a schema of its own on the server.
func postgresDatabase(t testing.TB) database {
	t.Helper()
	server := serverURL(t)
	schema := fmt.Sprintf("test_%016x", rand.Uint64())
	source := withSchema(t, server, schema)
	d := newDatabase(postgres(), "pgx", source, func(o Options) (*Index, error) { return OpenPostgres(context.Background(), source, o) })
	d.raw(t, fmt.Sprintf(`CREATE SCHEMA %q`, schema))
	t.Cleanup(func() { d.raw(t, fmt.Sprintf(`DROP SCHEMA %q CASCADE`, schema)) })
	return d
}

func withSchema(t testing.TB, server, schema string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("SDCORE_TEST_POSTGRES is no URL")
	}
	q := u.Query()
	q.Set("search_path", fmt.Sprintf("%q", schema))
	u.RawQuery = q.Encode()
	return u.String()
}
