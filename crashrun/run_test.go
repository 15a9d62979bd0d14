package crashrun

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/hostcheck"
	"github.com/safedump/sdcore/internal/coretest"
)

func TestExitCode(t *testing.T) {
	for script, want := range map[string]int{"true": 0, "exit 9": 9, "kill -KILL $$": 137} {
		res, err := Run(context.Background(), Command{Argv: []string{"sh", "-c", script}, Dir: t.TempDir(), Env: os.Environ(), Scratch: t.TempDir()})
		if err != nil || res.ExitCode != want || len(res.Cores) != 0 {
			t.Errorf("%s: %+v, %v, want %d and no cores", script, res, err, want)
		}
	}
	if _, err := Run(context.Background(), Command{}); err == nil {
		t.Error("no command, and no error")
	}
	if _, err := Run(context.Background(), Command{Argv: []string{"./nothing"}, Dir: t.TempDir(), Env: os.Environ(), Scratch: t.TempDir()}); err == nil {
		t.Error("no program, and no error")
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var out writerFunc = func(b []byte) (int, error) { cancel(); return len(b), nil }
	res, err := Run(ctx, Command{Argv: []string{"sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"}, Dir: t.TempDir(), Env: os.Environ(), Scratch: t.TempDir(), Stdout: out})
	if err != nil || res.ExitCode != 5 {
		t.Errorf("%+v, %v: it was not asked to end", res, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestEnvironment(t *testing.T) {
	for user, want := range map[string]string{
		"":                    "-work '-ldflags=-s=0 -w=0'",
		"-mod=mod -trimpath":  "-mod=mod -trimpath -work '-ldflags=-s=0 -w=0'",
		"'-ldflags=-X a.b=c'": "'-ldflags=-X a.b=c' -work",
	} {
		got, err := (&Command{Tracer: []string{"/a b/sdcore", "ci-trace"}}).goFlags(user, false)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", user, got, err, want)
		}
	}
	c := Command{Tracer: []string{"/a b/sdcore", "ci-trace"}, Unoptimized: true}
	got, err := c.goFlags("", true)
	if want := `-work '-ldflags=-s=0 -w=0' '-gcflags=all=-N -l' "-exec='/a b/sdcore' 'ci-trace'"`; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	c.Tracer[0] = "/it's"
	if _, err := c.goFlags("", true); err == nil {
		t.Error("a quote that go can't read, and no error")
	}
}

// TestSearch: cores that are new, wherever they lie in the tree, and no others.
func TestSearch(t *testing.T) {
	core, _ := coretest.NewSynthCrash("", strings.Repeat("a", 20), "", true).Core.Bytes()
	tree := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := put("old/core", core)
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	s, ok := newSearch(hostcheck.Core{Destination: hostcheck.ToFile, Pattern: "core", Path: "/x/core"}, tree)
	if !ok {
		t.Fatal("no search for a relative pattern")
	}
	if err := s.begin(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	want := []string{put("a/b/core.17", core), put("c/odd name", core)}
	put("a/core.txt", bytes.Repeat([]byte("no core "), 100))
	put(".git/core", core)
	put("node_modules/x/core", core)
	got, whole, err := s.cores()
	slices.Sort(got)
	if err != nil || !whole || !slices.Equal(got, want) {
		t.Errorf("%q, whole %v, %v, want %q", got, whole, err, want)
	}
}

func TestPlaces(t *testing.T) {
	for _, tt := range []struct {
		place hostcheck.Core
		tree  string
		dirs  []string
		ok    bool
	}{
		{hostcheck.Core{Destination: hostcheck.ToFile, Pattern: "core", Path: "/w/core"}, ".", nil, true},
		{hostcheck.Core{Destination: hostcheck.ToFile, Pattern: "/var/crash/core.%p", Path: "/var/crash/core.*", Glob: true}, "", []string{"/var/crash"}, true},
		{hostcheck.Core{Destination: hostcheck.ToPipe, Handler: "/usr/lib/systemd/systemd-coredump %P %u"}, "", []string{systemdDir}, true},
		{hostcheck.Core{Destination: hostcheck.ToPipe, Handler: "/usr/share/apport/apport %p"}, "", nil, false},
		{hostcheck.Core{Destination: hostcheck.ToNowhere}, "", nil, false},
	} {
		s, ok := newSearch(tt.place, "")
		if ok != tt.ok || s.tree != tt.tree || !slices.Equal(s.dirs, tt.dirs) {
			t.Errorf("%+v: %+v, %v", tt.place, s, ok)
		}
	}
}
