package crashrun

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/hostcheck"
)

// systemdDir is where systemd-coredump keeps cores (coredump.conf(5)).
const systemdDir = "/var/lib/systemd/coredump"

// maxEntries bounds how many files of a tree are looked at.
const maxEntries = 500_000

// search knows where cores may lie.
type search struct {
	tree  string   // with all that is below it: cores land in the working directory of what dies
	dirs  []string // without what is below
	since time.Time
}

// newSearch derives it from where the host puts cores. ok is false when they
// can't be found.
func newSearch(place hostcheck.Core, dir string) (s *search, ok bool) {
	s = &search{}
	switch place.Destination {
	case hostcheck.ToFile:
		if filepath.IsAbs(place.Pattern) {
			s.dirs = append(s.dirs, filepath.Dir(place.Path))
			return s, true
		}
		if s.tree = dir; dir == "" {
			s.tree = "."
		}
		return s, true
	case hostcheck.ToPipe:
		if strings.Contains(place.Handler, "systemd-coredump") {
			s.dirs = append(s.dirs, systemdDir)
			return s, true
		}
	}
	return s, false
}

// begin notes what was there before.
func (s *search) begin(scratch string) (err error) {
	s.since, err = marker(scratch)
	return err
}

// found is a core with its age.
type found struct {
	path     string
	modified time.Time
}

// cores are those that appeared since begin, oldest first. whole is false when
// there are more files than were looked at.
func (s *search) cores() (paths []string, whole bool, err error) {
	whole = true
	var list []found
	look := func(path string, d fs.DirEntry) {
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.ModTime().Before(s.since) || !corefile.IsCore(path) {
			return
		}
		list = append(list, found{path, info.ModTime()})
	}
	for _, dir := range s.dirs {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			return nil, false, err
		}
		whole = whole && len(entries) <= maxEntries
		for _, e := range entries[:min(len(entries), maxEntries)] {
			look(filepath.Join(dir, e.Name()), e)
		}
	}
	if s.tree != "" {
		n, err := walk(s.tree, look)
		if err != nil {
			return nil, false, err
		}
		whole = whole && n <= maxEntries
	}
	slices.SortFunc(list, func(a, b found) int {
		if c := a.modified.Compare(b.modified); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	for i := range list {
		paths = append(paths, list[i].path)
	}
	return paths, whole, nil
}

// walk goes over a tree, but not into what no program has for its working
// directory. What can't be read is left out. n counts the entries.
func walk(root string, look func(path string, d fs.DirEntry)) (n int, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if n++; n > maxEntries {
			return filepath.SkipAll
		}
		switch {
		case err != nil && d == nil:
			return err // the root itself
		case err != nil:
			return nil
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.Type().IsRegular():
			look(path, d)
		}
		return nil
	})
	return n, err
}
