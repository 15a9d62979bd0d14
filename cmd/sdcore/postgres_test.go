package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// postgresServer is that of scripts/postgres-test.sh.
func postgresServer(t *testing.T) *url.URL {
	t.Helper()
	server := os.Getenv("SDCORE_TEST_POSTGRES")
	if server == "" {
		t.Skip("no PostgreSQL server: scripts/postgres-test.sh runs this test with one")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("SDCORE_TEST_POSTGRES is no URL")
	}
	return u
}

// postgresSchema is the URL of a schema of its own on the server.
func postgresSchema(t *testing.T, server *url.URL) *url.URL {
	t.Helper()
	schema := fmt.Sprintf("test_%016x", rand.Uint64())
	sql := func(statement string) {
		t.Helper()
		if out, err := exec.Command("psql", "-q", server.String(), "-c", statement).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", statement, err, out)
		}
	}
	sql("CREATE SCHEMA " + schema)
	t.Cleanup(func() { sql("SET client_min_messages = warning; DROP SCHEMA " + schema + " CASCADE") })
	u := *server
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return &u
}

// TestPostgresScripts runs the scripts of an index that hosts share, on a real
// server: $db is a new one.
func TestPostgresScripts(t *testing.T) {
	u := postgresSchema(t, postgresServer(t))
	vars := []string{"db=" + u.String(), "PGPASSWORD=" + os.Getenv("PGPASSWORD")}
	u.User = url.UserPassword(u.User.Username(), "s3cr3t-pw")
	vars = append(vars, "wrong="+u.String())
	for _, name := range []string{"payment", "customerror"} {
		f := coretest.Core(t, name)
		vars = append(vars, name+"_core="+f.Core, name+"_bin="+f.Bin)
	}
	runScripts(t, filepath.Join("testdata", "postgres"), vars)
}

// TestDatabaseIsNotShown: whatever --db is given, no password comes back.
func TestDatabaseIsNotShown(t *testing.T) {
	for _, db := range []string{"postgres://u:s3cr3t-pw@127.0.0.1:1/db?connect_timeout=5", "postgres://u:s3cr3t-pw@host:port/db", "postgers://u:s3cr3t-pw@h/db"} {
		for _, args := range [][]string{{"batch", t.TempDir()}, {"list"}, {"stats"}, {"view", "g0123"}, {"mark", "g0123", "--open"}, {"clean"}} {
			cmd := exec.Command("sdcore", append(args, "--store", t.TempDir(), "--db", db)...)
			out, err := cmd.CombinedOutput()
			if err == nil || strings.Contains(string(out), "s3cr3t") || !strings.HasPrefix(string(out), "sdcore: ") {
				t.Errorf("%v with %s: %v, %s", args, db, err, out)
			}
		}
	}
}
