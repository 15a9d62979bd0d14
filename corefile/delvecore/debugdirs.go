package delvecore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/safedump/sdcore/corefile"
)

// debugDirs makes delve use the file with debug information that corefile
// found and checked, and no other: the .build-id tree that it is in, or a
// temporary one with a link to it. Delve looks there first, by the GNU build ID
// or else by the name of the binary (pkg/proc/bininfo.go,
// openSeparateDebugInfo), and does not check what it finds. done removes the
// temporary tree.
func debugDirs(b *corefile.Binary, tempDir string) (dirs []string, done func(), err error) {
	done = func() {}
	path := b.DebugPath()
	if path == "" || path == b.Path() {
		return nil, done, nil
	}
	inTree := ""
	if id := b.GNUBuildID(); len(id) > 2 {
		inTree = filepath.Join(".build-id", id[:2], id[2:]+".debug")
		if dir, ok := strings.CutSuffix(path, string(filepath.Separator)+inTree); ok && dir != "" {
			return []string{dir}, done, nil
		}
	}
	target, err := filepath.Abs(path)
	if err != nil {
		return nil, done, err
	}
	dir, err := makeTemp(tempDir)
	if err != nil {
		return nil, done, fmt.Errorf("%s: delve can't be shown it: %w", path, err)
	}
	done = func() { os.RemoveAll(dir) }
	names := []string{filepath.Base(b.Path()) + ".debug"}
	if inTree != "" {
		names = append(names, inTree)
	}
	for _, name := range names {
		link := filepath.Join(dir, name)
		err = errors.Join(os.MkdirAll(filepath.Dir(link), 0o700), os.Symlink(target, link))
		if err != nil {
			done()
			return nil, func() {}, fmt.Errorf("%s: delve can't be shown it: %w", path, err)
		}
	}
	return []string{dir}, done, nil
}

// makeTemp makes a private directory.
func makeTemp(dir string) (string, error) {
	if dir != "" {
		return os.MkdirTemp(dir, "sdcore-*")
	}
	path, err := os.MkdirTemp("/var/tmp", "sdcore-*")
	if err != nil {
		path, err = os.MkdirTemp("/tmp", "sdcore-*")
	}
	return path, err
}
