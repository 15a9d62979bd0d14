package corefile

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Bounds of the search through directories, for all of them together.
const (
	maxWalkEntries = 1 << 17
	maxWalkDepth   = 16
)

// search looks for the binary of a core.
type search struct {
	c    *Core
	left int     // directory entries that may still be looked at
	best *Binary // the first one found that has no debug information
}

// systemBuildIDDirs hold links to the executables and debug files of installed
// packages, by build ID (Fedora's and Debian's layouts).
func systemBuildIDDirs() []string { return []string{"/usr/lib", systemDebugDir} }

// findBinary looks for the binary by the build ID that the core holds: among
// the candidates, in the given directories and below, at the paths that the core records, in the
// system's .build-id trees. One with debug information is preferred. It returns
// nil when there is none; evidence and BinarySearch say what was tried.
func (c *Core) findBinary(ctx context.Context, o Options) (*Binary, error) {
	if c.image == nil || c.image.ids == (buildIDs{}) {
		c.evidence("no binary was looked for: the core holds no build ID to recognize it by")
		return nil, nil
	}
	s := &search{c: c, left: maxWalkEntries}
	b, err := s.run(ctx, o)
	if b == nil && err == nil {
		b, s.best = s.best, nil
	}
	if s.best != nil {
		s.best.Close()
	}
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		c.evidence("no binary with the core's build ID was found")
	default:
		c.evidence("binary %s was found by its build ID", printable(b.path))
	}
	return b, nil
}

// run returns the first binary with debug information.
func (s *search) run(ctx context.Context, o Options) (*Binary, error) {
	own, dirs := s.c.executablePaths(), o.BinaryDirs
	if o.Candidates != nil {
		for _, path := range o.Candidates(s.c.image.ids.gnu, s.c.image.ids.gob) {
			if b := s.try(path); b != nil {
				return b, nil
			}
		}
	}
	for _, dir := range dirs {
		for _, path := range s.likely(dir, own) {
			if b := s.try(path); b != nil {
				return b, nil
			}
		}
	}
	for _, dir := range dirs {
		if b, err := s.walk(ctx, dir); b != nil || err != nil {
			return b, err
		}
	}
	for _, path := range own {
		if b := s.named(path); b != nil {
			return b, nil
		}
	}
	for _, dir := range systemBuildIDDirs() {
		for _, path := range s.likely(dir, nil) {
			if b := s.try(path); b != nil {
				return b, nil
			}
			s.c.looked = append(s.c.looked, path)
		}
	}
	return nil, nil
}

// executablePaths are the paths that the core records for its executable.
func (c *Core) executablePaths() []string {
	var paths []string
	for i := range c.notes.files {
		m := &c.notes.files[i]
		if m.Start <= c.image.base && c.image.base < m.End {
			paths = append(paths, strings.TrimSuffix(m.Path, " (deleted)"))
			break
		}
	}
	if addr, ok := c.notes.auxv[atExecFn]; ok {
		if s, ok := c.stackString(addr, maxPath); ok && (len(paths) == 0 || paths[0] != s) {
			paths = append(paths, s)
		}
	}
	out := paths[:0]
	for _, p := range paths {
		if filepath.IsAbs(p) { // a relative path would mean another file here
			out = append(out, filepath.Clean(p))
		}
	}
	return out
}

// ExecutablePaths are the absolute paths that the core records for its
// executable: NT_FILE's and AT_EXECFN's. Nothing proves that the file there is
// still the same.
func (c *Core) ExecutablePaths() []string {
	if c.image == nil {
		return nil
	}
	return c.executablePaths()
}

// maxPath is Linux's PATH_MAX.
const maxPath = 4096

// likely are the places in a directory to look at first: a .build-id tree, of
// which it may be the root, and files of the executable's own name.
func (s *search) likely(dir string, own []string) []string {
	var out []string
	if id := s.c.image.ids.gnu; len(id) > 2 {
		out = append(out, filepath.Join(dir, ".build-id", id[:2], id[2:]))
	}
	for _, p := range own {
		out = append(out, filepath.Join(dir, filepath.Base(p)))
	}
	return out
}

// walk looks at every file in a directory and below it, the upper ones first.
// Links to files are followed, links to directories are not.
func (s *search) walk(ctx context.Context, root string) (*Binary, error) {
	files, programs := 0, 0
	type level struct {
		dir   string
		depth int
	}
	for queue := []level{{root, 0}}; len(queue) > 0 && s.left > 0; queue = queue[1:] {
		at := queue[0]
		entries, err := readDir(at.dir, s.left)
		if err != nil && at.depth == 0 {
			s.c.evidence("directory %s could not be searched: %v", printable(root), cause(err))
			s.c.looked = append(s.c.looked, fmt.Sprintf("%s (%v)", printable(root), cause(err)))
			return nil, nil
		}
		s.left -= len(entries)
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			path := filepath.Join(at.dir, e.Name())
			if e.IsDir() {
				if at.depth < maxWalkDepth {
					queue = append(queue, level{path, at.depth + 1})
				}
				continue
			}
			files++
			if !isProgram(path) {
				continue
			}
			programs++
			if b := s.try(path); b != nil {
				return b, nil
			}
		}
	}
	if s.best != nil {
		return nil, nil // it is told of in the end
	}
	text := fmt.Sprintf("%d files, %d of them programs, none with the core's build ID", files, programs)
	if s.left <= 0 {
		text += fmt.Sprintf("; the search ended after %d entries", maxWalkEntries)
	}
	s.c.evidence("directory %s: %s", printable(root), text)
	s.c.looked = append(s.c.looked, fmt.Sprintf("%s (%s)", printable(root), text))
	return nil, nil
}

// readDir lists a directory by name, max entries at most.
func readDir(dir string, max int) ([]fs.DirEntry, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(max)
	if len(entries) > 0 || err == io.EOF {
		err = nil
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// isProgram tells by its first bytes whether a file may be an executable.
func isProgram(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return false
	}
	head := make([]byte, ehdrSize)
	if _, err := io.ReadFull(f, head); err != nil {
		return false
	}
	h, err := parseIdent(path, head)
	return err == nil && (h.typ == elf.ET_EXEC || h.typ == elf.ET_DYN)
}

// try opens a candidate and returns it when its build ID is the core's and it
// has debug information. The first one without is kept.
func (s *search) try(path string) *Binary {
	b, err := OpenBinary(path)
	if err != nil {
		return nil // most files of a directory are something else
	}
	return s.keep(b)
}

// keep decides about a binary and closes it unless it is used.
func (s *search) keep(b *Binary) *Binary {
	switch {
	case !b.ids.sameBuild(s.c.image.ids):
	case b.HasDWARF():
		return b
	case s.best == nil:
		s.best = b
		return nil
	}
	b.Close()
	return nil
}

// named tries a path that the core records, and says what is wrong with it.
func (s *search) named(path string) *Binary {
	why := "is another build"
	b, err := OpenBinary(path)
	if err == nil {
		if b.ids.sameBuild(s.c.image.ids) {
			return s.keep(b)
		}
		b.Close()
	} else {
		why = fmt.Sprintf("can't be used: %v", cause(err))
	}
	s.c.evidence("%s, which the core names, %s", printable(path), why)
	s.c.looked = append(s.c.looked, fmt.Sprintf("%s (%s)", printable(path), why))
	return nil
}

// BinarySearch lists where the binary was looked for when none was named, and
// why it was not there; nil when it was not looked for.
func (c *Core) BinarySearch() []string { return c.looked }

// sameBuild reports whether at least one kind of build ID is on both sides and
// none differs.
func (ids buildIDs) sameBuild(other buildIDs) bool {
	gnu := ids.gnu != "" && other.gnu != ""
	gob := ids.gob != "" && other.gob != ""
	if gnu && ids.gnu != other.gnu || gob && ids.gob != other.gob {
		return false
	}
	return gnu || gob
}

// cause is an error without the path, which the caller has named already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	var fe *FormatError
	if errors.As(err, &fe) {
		return errors.New(fe.Msg)
	}
	return err
}
