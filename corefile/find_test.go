package corefile

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// Directories are searched with what is below them; links to files are
// followed, links to directories and what is no file are not.
func TestFindBinaryBelow(t *testing.T) {
	gnu := "0102030405060708090a0b0c0d0e0f1011121314"
	for name, put := range map[string]func(t *testing.T, bin, dir string) string{
		"below": func(t *testing.T, bin, dir string) string {
			return move(t, bin, filepath.Join(dir, "releases", "17", "linux_amd64", "server"))
		},
		"tree of links": func(t *testing.T, bin, dir string) string {
			move(t, bin, filepath.Join(t.TempDir(), "elsewhere"))
			return ""
		},
		"a build ID tree itself": func(t *testing.T, bin, dir string) string {
			return move(t, bin, filepath.Join(dir, gnu[:2], gnu[2:]))
		},
	} {
		core, bin := crashFiles(t, coretest.SynthGNUID, coretest.SynthGoID, false, nil)
		dir := t.TempDir()
		if err := errors.Join(os.Symlink(dir, filepath.Join(dir, "loop")), syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "text", []byte(strings.Repeat("no program ", 20)))
		want := ""
		if name == "tree of links" {
			to := move(t, bin, filepath.Join(t.TempDir(), "elsewhere"))
			want = filepath.Join(dir, ".build-id", gnu[:2], gnu[2:])
			if err := errors.Join(os.MkdirAll(filepath.Dir(want), 0o700), os.Symlink(to, want)); err != nil {
				t.Fatal(err)
			}
		} else {
			want = put(t, bin, dir)
		}
		c := mustOpen(t, core, "", Options{BinaryDirs: []string{dir}})
		if c.Binary() == nil || c.Binary().Path() != want || c.Identity().Match != report.MatchBuildID {
			t.Errorf("%s: %+v", name, c.Identity())
		}
	}
}

// Of two binaries of the build the one with debug information is taken.
func TestFindPrefersDebugInformation(t *testing.T) {
	whole := program(t, coretest.SynthGNUID, coretest.SynthGoID)
	stripped, _ := coretest.Split(t, whole, "")
	core, bin := crashFiles(t, coretest.SynthGNUID, coretest.SynthGoID, false, nil)
	dir := t.TempDir()
	write(t, dir, "a-stripped", stripped)
	if err := os.Remove(bin); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, core, "", Options{BinaryDirs: []string{dir}})
	if c.Binary() == nil || c.Binary().Path() != filepath.Join(dir, "a-stripped") {
		t.Fatalf("the stripped one alone: %+v", c.Identity())
	}
	want := move(t, whole, filepath.Join(dir, "z", "whole"))
	c = mustOpen(t, core, "", Options{BinaryDirs: []string{dir}})
	if c.Binary() == nil || c.Binary().Path() != want || !c.Binary().HasDWARF() {
		t.Errorf("both: %+v", c.Identity())
	}
}

// Nothing found: every place is named, with what is there.
func TestFindNothing(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, nil)
	rewrite(t, bin, nil, strings.Repeat("z", 20), "", false)
	dir := t.TempDir()
	other, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pay", "text", "two"} {
		write(t, dir, name, map[bool][]byte{true: []byte("text"), false: other}[name == "text"])
	}
	c := mustOpen(t, core, "", Options{BinaryDirs: []string{dir, "/nowhere/else"}})
	if c.Binary() != nil {
		t.Fatalf("found %s", c.Binary().Path())
	}
	got := strings.Join(c.BinarySearch(), "\n")
	for _, want := range []string{
		dir + " (3 files, 2 of them programs, none with the core's build ID)",
		"/nowhere/else (no such file or directory)", bin + " (is another build)",
		"/usr/lib/.build-id/01/02030405",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if named := mustOpen(t, core, bin, Options{AllowMismatch: true}); named.BinarySearch() != nil {
		t.Errorf("searched with the binary named: %q", named.BinarySearch())
	}
}

// The search ends: at a number of entries, at a depth, when it is cancelled.
func TestFindBounds(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, nil)
	c := mustOpen(t, core, bin, Options{})
	dir := t.TempDir()
	for i := range 50 {
		write(t, dir, fmt.Sprintf("%02d", i), []byte("x"))
	}
	move(t, bin, filepath.Join(dir, "zz", "pay"))
	for left, found := range map[int]bool{20: false, 51: false, 52: true} {
		s := &search{c: c, left: left}
		b, err := s.walk(context.Background(), dir)
		if err != nil || b != nil || (s.best != nil) != found || s.left < 0 {
			t.Errorf("%d entries: found %v, %d left, %v", left, s.best != nil, s.left, err)
		}
		if s.best != nil {
			s.best.Close()
		}
	}
	if !slices.ContainsFunc(c.BinarySearch(), func(s string) bool { return strings.Contains(s, "the search ended after") }) {
		t.Errorf("searched %q", c.BinarySearch())
	}
	root := t.TempDir()
	move(t, filepath.Join(dir, "zz", "pay"), filepath.Join(root, strings.Repeat("d/", maxWalkDepth+1), "pay"))
	s := &search{c: c, left: maxWalkEntries}
	if b, err := s.walk(context.Background(), root); b != nil || s.best != nil || err != nil {
		t.Errorf("too deep: %v, %v", b, err)
	}
	if s.walk(context.Background(), filepath.Join(root, "d")); s.best == nil {
		t.Error("not found where it is just deep enough")
	} else {
		s.best.Close()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.walk(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Candidates come before directories, and are proven like other files.
func TestCandidates(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, coretest.SynthGoID, false, nil)
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(bin, moved); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("no binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	var asked string
	c, err := Open(context.Background(), core, "", Options{Candidates: func(gnu, goID string) []string {
		asked = gnu + " " + goID
		return []string{other, other + "none", moved}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if want := hex.EncodeToString([]byte(coretest.SynthGNUID)) + " " + coretest.SynthGoID; asked != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if paths := c.ExecutablePaths(); len(paths) == 0 || paths[0] != bin {
		t.Errorf("the core names %q, want %q first", paths, bin)
	}
	if b := c.Binary(); b == nil || b.Path() != moved {
		t.Errorf("the binary is %v, want %s", b, moved)
	}
}
