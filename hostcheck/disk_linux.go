package hostcheck

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// readStore looks at the file system below dir.
func readStore(dir string) (store, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return store{}, err
	}
	if s.Bsize <= 0 {
		return store{}, errors.New("file system tells no block size")
	}
	return store{free: s.Bavail * uint64(s.Bsize), readOnly: s.Flags&unix.ST_RDONLY != 0, inMemory: int64(s.Type) == unix.TMPFS_MAGIC}, nil
}

// owner is the user that owns a file.
func owner(path string) (uid int, known bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// mayWrite judges by the mode bits whether a process may create files in a
// directory; access control lists are not looked at.
func mayWrite(dir fs.FileInfo, p process) bool {
	st, ok := dir.Sys().(*syscall.Stat_t)
	if !ok || p.effective == 0 {
		return true
	}
	mode := dir.Mode().Perm()
	const writeAndSearch = 3
	switch {
	case int(st.Uid) == p.effective:
		mode >>= 6
	case int(st.Gid) == p.gid || slices.Contains(p.groups, int(st.Gid)):
		mode >>= 3
	}
	return mode&writeAndSearch == writeAndSearch
}
