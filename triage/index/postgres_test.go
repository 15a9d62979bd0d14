package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// A URL that can't be read is not shown: the password may be anywhere in it.
func TestURLIsNotShown(t *testing.T) {
	for _, u := range []string{
		"postgres://u:s3cr3t-pw@host:notaport/db", "postgres://u:s3cr3t-pw@[::1/db", "postgres://u:s3cr3t-pw%zz@host/db",
		"postgres://u:s3 cr3t-pw@host/db?sslmode=s3cr3t-pw", "postgres://h/db?password=s3cr3t-pw&sslmode=odd", "postgers://u:s3cr3t-pw@host/db", "s3cr3t-pw", "",
		"postgres://u:12/s3cr3t-pw@127.0.0.1:1/db", "postgres://u:12?s3cr3t-pw@127.0.0.1:1/db", "postgres://u:12#s3cr3t-pw@127.0.0.1:1/db",
	} {
		_, err := OpenPostgres(context.Background(), u, Options{})
		if !errors.Is(err, ErrURL) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "cr3t-pw") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

// Nor is a password that is wrong, or of a server that is not there.
func TestPasswordIsNotShown(t *testing.T) {
	server, err := url.Parse(serverURL(t))
	if err != nil {
		t.Fatal(err)
	}
	const password = "s3cr3t-pw/?@%"
	refused := *server
	refused.User = url.UserPassword(server.User.Username(), password)
	for name, u := range map[string]string{
		"refused": refused.String(),
		"nobody":  fmt.Sprintf("postgres://u:%s@127.0.0.1:1/db?connect_timeout=5", url.QueryEscape(password)),
		"by name": "postgres://u@127.0.0.1:1/db?connect_timeout=5&password=" + url.QueryEscape(password),
	} {
		_, err := OpenPostgres(context.Background(), u, Options{})
		if err == nil {
			t.Fatalf("%s: opened", name)
		}
		if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, "cr3t-pw") || !strings.Contains(text, "PostgreSQL database") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A database that can't hold every name is refused before anything is in it.
func TestEncoding(t *testing.T) {
	server := serverURL(t)
	d, name := postgresDatabase(t), fmt.Sprintf("latin_%016x", rand.Uint64())
	d.raw(t, "CREATE DATABASE "+name+" ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
	t.Cleanup(func() { d.raw(t, "DROP DATABASE "+name) })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	if _, err := OpenPostgres(context.Background(), u.String(), Options{}); err == nil || !strings.Contains(err.Error(), "its encoding is LATIN1") {
		t.Errorf("opened: %v", err)
	}
}

// The words of a text, and what is asked for, as PostgreSQL reads them.
func TestFullText(t *testing.T) {
	for text, want := range map[string]string{
		"main.(*Server).charge":    "'main':1 'server':2 'charge':3 ",
		"it's \\ 100%_Sure 1e5 -3": "'it':1 's':2 '100':3 'sure':4 '1e5':5 '3':6 ",
		"Ü\xff\x00ö":               "'ü':1 'ö':2 ",
		"":                         "",
	} {
		if got := document(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for search, want := range map[string]string{
		"premium_plus":  "('premium' <-> 'plus')",
		"prem* main.f":  "('prem':*) & ('main' <-> 'f')",
		"a.b*":          "('a' <-> 'b':*)",
		`' | ! ( "x" *`: "('x')",
		"***":           "",
	} {
		if got := tsquery(search); got != want {
			t.Errorf("%q: %s, want %s", search, got, want)
		}
	}
	if long := document(strings.Repeat("ⱥ", 5000)); len(long) > 2*maxLexeme || !strings.HasPrefix(long, "'ⱥ") {
		t.Errorf("%d bytes", len(long))
	}
	if many := document(strings.Repeat("a ", 20_000)); !strings.HasSuffix(many, "'a':16383 ") {
		t.Error("a place that PostgreSQL has not")
	}
}
