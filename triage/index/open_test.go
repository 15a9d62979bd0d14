package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// An index lives on when it is opened again; a newer one is refused, and one that
// is not there is made only by who may make it.
func TestOpen(t *testing.T) { onEach(t, testOpen) }

func testOpen(t *testing.T, d database) {
	ctx := context.Background()
	if _, err := d.try(Options{MustExist: true}); !errors.Is(err, ErrNone) {
		t.Errorf("an index that is not there was opened: %v", err)
	}
	if _, err := d.try(Options{ReadOnly: true}); err == nil {
		t.Error("an index that is not there was read")
	}
	x := d.open(t, Options{})
	add(t, x, crash(0, 1))
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	again := d.open(t, Options{ReadOnly: true, MustExist: true})
	if len(must[[]Group](t)(again.Groups(ctx, Filter{}))) != 1 {
		t.Error("nothing is left")
	}
	if err := again.Mark(ctx, 1, Change{Status: Known, FixedIn: ""}); err == nil {
		t.Error("written to, though only to be read")
	}
	again.Close()
	d.raw(t, fmt.Sprintf(d.dialect.setVersion, Version+1))
	if _, err := d.try(Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer schema: %v", err)
	}
}

// What was written by the first version of the schema is all there in this one.
func TestMigrate(t *testing.T) { onEach(t, testMigrate) }

func testMigrate(t *testing.T, d database) {
	ctx := context.Background()
	for _, name := range []string{"schema/0001.sql", "schema/0001." + d.dialect.name + ".sql"} {
		text, err := schema.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		d.raw(t, string(text))
	}
	d.raw(t, fmt.Sprintf(d.dialect.setVersion, 1))
	for _, o := range []Options{{ReadOnly: true}, {MustExist: true, Home: web(1)}} {
		if _, err := d.try(o); err == nil || !strings.Contains(err.Error(), "schema 1 is an old one") {
			t.Errorf("%+v: an old schema was read as if it were a new one, or changed: %v", o, err)
		}
	}
	d.raw(t, `INSERT INTO groups VALUES (1, 'gab', 'f', '', 'panic', 'E', 'title', 'site', 'pay', 'new', '', 1, 1, 1, 1024, 0)`)
	d.raw(t, `INSERT INTO occurrences VALUES (1024, 'ab', 1, 'web', 'pay', 'v1', 'go1', '', 1, 'E', 'm', 's', '', '', 'reports/ab', 7, 1)`)
	x := d.open(t, Options{})
	if got := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{})); len(got) != 1 || got[0].Key != "ab" || got[0].Home != (Home{}) {
		t.Errorf("%+v", got)
	}
	if v := must[int](t)(x.dialect.version(ctx, x.db)); v != Version {
		t.Errorf("schema %d, want %d", v, Version)
	}
	if p := must[Cleaning](t)(x.Plan(ctx, Keep{Count: 1})); p.Bytes != 0 || len(p.Occurrences) != 0 {
		t.Errorf("%+v", p)
	}
}

// The names of files, and what binaries and cores say, may be any bytes.
func TestAnyBytes(t *testing.T) { onEach(t, testAnyBytes) }

func testAnyBytes(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	for i, odd := range []string{"/crash/\xff\xfe", "/crash/a\x00b", `"/crash"`, `/crash/"x"`, "/crash/ü\U0010ffff\ufffd", `"`, ""} {
		s := Source{Key: fmt.Sprint(i), Path: odd, Kind: "core", State: Waiting, Reason: odd, BuildID: odd, GoID: odd, Executable: odd, Tried: odd}
		if err := x.Put(ctx, s, 1); err != nil {
			t.Errorf("%q: %v", odd, err)
			continue
		}
		s.Reason = printable(odd, maxMessage)
		for _, get := range []func() (Source, bool, error){
			func() (Source, bool, error) { return x.Source(ctx, s.Key) },
			func() (Source, bool, error) { return x.SourceAt(ctx, odd, 0, 0, 0) },
		} {
			if got, ok, err := get(); !ok || err != nil || got != s {
				t.Errorf("%q: %+v, %v, %v", odd, got, ok, err)
			}
		}
		if err := x.Mark(ctx, 1, Change{Status: Fixed, FixedIn: odd}); err != nil {
			t.Errorf("fixed in %q: %v", odd, err)
		}
		for _, f := range []Filter{{Search: "x" + odd}, {Type: "x" + odd}, {Type: "x", Search: odd}} {
			if _, err := x.Groups(ctx, f); err != nil {
				t.Errorf("%+v: %v", f, err)
			}
			if _, err := x.Occurrences(ctx, f); err != nil {
				t.Errorf("%+v: %v", f, err)
			}
		}
		if _, _, err := x.Find(ctx, "x"+odd); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", odd, err)
		}
	}
}

// Texts are in the order of their bytes, whatever language a database is set to.
func TestOrder(t *testing.T) { onEach(t, testOrder) }

func testOrder(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	want := []string{"", "B", "_", "a", "é"}
	for i, word := range []string{"é", "a", "", "_", "B"} {
		o := crash(i, i)
		o.Version, o.Type, o.Site = word, word, word
		add(t, x, o)
		if err := x.Put(ctx, Source{Key: word, Path: word, State: Failed}, 1); err != nil {
			t.Fatal(err)
		}
	}
	words := func(list []Count, err error) (out []string) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			out = append(out, c.Value)
		}
		return out
	}
	var paths []string
	for _, s := range must[[]Source](t)(x.Sources(ctx, Failed, 10)) {
		paths = append(paths, s.Path)
	}
	for name, got := range map[string][]string{
		"versions": words(x.Counts(ctx, 0, "version")), "types": words(x.Types(ctx)), "sites": words(x.Sites(ctx)), "paths": paths,
	} {
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, key := range []string{"abcd", "abcd-1", "ABCE"} {
		o := crash(20, 20)
		o.Key = key
		add(t, x, o)
	}
	if _, _, err := x.Find(ctx, "abcd"); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("two that begin so: %v", err)
	}
	if _, o, err := x.Find(ctx, "abcd-"); err != nil || o == nil || o.Key != "abcd-1" {
		t.Errorf("%+v, %v", o, err)
	}
	if _, _, err := x.Find(ctx, "abce"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another case: %v", err)
	}
}
