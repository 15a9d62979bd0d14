package corefile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxDirEntries bounds how many files of one directory are looked at.
const maxDirEntries = 4096

// findBinary looks for the binary by the build ID that the core holds: in the
// given directories, then at the paths that the core records. It returns nil
// when there is none, and says in the evidence what was tried.
func (c *Core) findBinary(ctx context.Context, dirs []string) (*Binary, error) {
	if c.image == nil || c.image.ids == (buildIDs{}) {
		c.evidence("no binary was looked for: the core holds no build ID to recognize it by")
		return nil, nil
	}
	own := c.executablePaths()
	for _, dir := range dirs {
		if b, err := c.searchDir(ctx, dir, own); b != nil || err != nil {
			return b, err
		}
	}
	for _, path := range own {
		if b := c.tryBinary(path, true); b != nil {
			return b, nil
		}
	}
	c.evidence("no binary with the core's build ID was found")
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

// maxPath is Linux's PATH_MAX.
const maxPath = 4096

// searchDir looks in one directory: a .build-id tree, files of the
// executable's own name, then all other files, but not in sub-directories.
func (c *Core) searchDir(ctx context.Context, dir string, own []string) (*Binary, error) {
	if id := c.image.ids.gnu; len(id) > 2 {
		for _, tree := range []string{filepath.Join(dir, ".build-id"), dir} {
			if b := c.tryBinary(filepath.Join(tree, id[:2], id[2:]), false); b != nil {
				return b, nil
			}
		}
	}
	for _, p := range own {
		if b := c.tryBinary(filepath.Join(dir, filepath.Base(p)), false); b != nil {
			return b, nil
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		c.evidence("directory %s could not be searched: %v", printable(dir), cause(err))
		return nil, nil
	}
	defer d.Close()
	entries, err := d.ReadDir(maxDirEntries)
	if err != nil && len(entries) == 0 {
		c.evidence("directory %s holds no file with the core's build ID: %v", printable(dir), cause(err))
		return nil, nil
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e.IsDir() {
			continue
		}
		if b := c.tryBinary(filepath.Join(dir, e.Name()), false); b != nil {
			return b, nil
		}
	}
	c.evidence("directory %s: no file with the core's build ID among %d entries", printable(dir), len(entries))
	return nil, nil
}

// tryBinary opens a candidate and keeps it when its build ID is the core's.
// Most files of a directory are something else: they are told of on request.
func (c *Core) tryBinary(path string, tell bool) *Binary {
	b, err := OpenBinary(path)
	if err != nil {
		if tell {
			c.evidence("%s, which the core names, can't be used: %v", printable(path), cause(err))
		}
		return nil
	}
	if b.ids.sameBuild(c.image.ids) {
		c.evidence("binary %s was found by its build ID", printable(path))
		return b
	}
	if tell {
		c.evidence("%s, which the core names, is another build", printable(path))
	}
	b.Close()
	return nil
}

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
