package main

import (
	"bytes"
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/safedump/sdcore/triage/index"
)

// hostileText acts on a terminal that shows it as it is.
const hostileText = "\x1b[31m\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\u009b2J\u202e\u2066\u2028\n\r\b\x00\xff <script>own()</script>"

// TestHostileIndex: what an index says does not act on a terminal, neither what came
// from a process nor what somebody wrote into the database.
func TestHostileIndex(t *testing.T) {
	store := t.TempDir()
	path := filepath.Join(store, "index.db")
	ctx := context.Background()
	x, err := index.Open(ctx, path, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run1, err := x.BeginRun(ctx, "here", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := hostileText
	for _, key := range []string{"aa11bb22cc33dd44", "aa11bb22cc33dd45"} {
		o := index.Occurrence{
			Key: key, Seen: time.Now(), Host: h, Program: h, Version: h, GoVersion: h, BuildID: h, Type: h, Message: h, Site: h,
			Group: "sd1:group:aa11bb22cc33dd44", Narrow: h, Wide: h, Kind: h, Title: h, Missing: h,
			Functions: []string{h}, Variables: []index.Variable{{Path: h, Value: h}},
		}
		if _, err := x.Add(ctx, index.Source{Key: key, Path: "/var/crash/" + h}, o, run1); err != nil {
			t.Fatal(err)
		}
	}
	groups, err := x.Groups(ctx, index.Filter{})
	if err != nil || len(groups) != 1 {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T) {
		t.Helper()
		for _, args := range [][]string{{"list"}, {"list", "--all"}, {"stats"}, {"view", groups[0].Name}} {
			var out, errs bytes.Buffer
			run(ctx, append(args, "--store", store), strings.NewReader(""), &out, &errs)
			text := out.String() + errs.String()
			if !strings.Contains(text, "owned") {
				t.Errorf("%v shows nothing of it:\n%s", args, text)
			}
			for _, r := range text {
				if r != '\n' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) {
					t.Errorf("%v writes %q in\n%q", args, r, text)
					break
				}
			}
		}
	}
	t.Run("added", check)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{
		"UPDATE groups SET title = ?1, type = ?1, site = ?1, program = ?1", "UPDATE occurrences SET host = ?1, type = ?1, message = ?1, site = ?1, program = ?1, version = ?1",
		"UPDATE counts SET value = ?1 || rowid", "UPDATE variables SET path = ?1, value = ?1",
	} {
		if _, err := db.ExecContext(ctx, q, strings.ReplaceAll(h, "\x00", "")); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	t.Run("written into the database", check)
}
