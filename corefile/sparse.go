package corefile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// holeUnit is the unit in which zeros are left out of a sparse file. Smaller
// holes save little and cost a system call each.
const holeUnit = 16 << 10

// sparseFile is a private temporary file without a name, written from its
// start on, in which runs of zeros take no space.
type sparseFile struct {
	f       *os.File
	dir     string
	size    int64 // bytes so far, holes included
	written int64 // bytes that take space
	room    int64 // what written may become
	zeros   []byte
}

// newSparseFile makes a file in the first of dirs that takes one, of whose
// free space it leaves a tenth to others.
func newSparseFile(dirs []string) (*sparseFile, error) {
	var errs []error
	for _, dir := range dirs {
		f, err := unnamedFile(dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("temporary file in %s: %w", printable(dir), cause(err)))
			continue
		}
		var st unix.Statfs_t
		room := int64(math.MaxInt64)
		if unix.Fstatfs(int(f.Fd()), &st) == nil && st.Bsize > 0 && st.Bavail < uint64(math.MaxInt64/st.Bsize) {
			free := int64(st.Bavail) * st.Bsize
			room = free - free/10
		}
		return &sparseFile{f: f, dir: dir, room: room, zeros: make([]byte, holeUnit)}, nil
	}
	return nil, errors.Join(errs...)
}

// unnamedFile makes a file that only this process can open and that is gone
// when it ends, however it ends.
func unnamedFile(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), dir), nil
	}
	return namelessFile(dir) // not every file system has O_TMPFILE
}

// namelessFile makes a file and removes its name.
func namelessFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "sdcore-*.core")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// errNoRoom is a file that grows beyond what there is room for.
var errNoRoom = errors.New("no room")

// append writes p, whose length is a multiple of holeUnit unless it is the
// last piece.
func (s *sparseFile) append(p []byte) error {
	for len(p) > 0 {
		n := s.run(p, true)
		s.size, p = s.size+int64(n), p[n:]
		n = s.run(p, false)
		if n == 0 {
			continue
		}
		if s.written += int64(n); s.written > s.room {
			return errNoRoom
		}
		if _, err := s.f.WriteAt(p[:n], s.size); err != nil {
			return fmt.Errorf("temporary file in %s: %w", printable(s.dir), cause(err))
		}
		s.size, p = s.size+int64(n), p[n:]
	}
	return nil
}

// run is how many bytes p begins with, in whole units, that are all zero or
// that are not.
func (s *sparseFile) run(p []byte, zero bool) int {
	n := 0
	for n < len(p) {
		unit := p[n:min(n+holeUnit, len(p))]
		if bytes.Equal(unit, s.zeros[:len(unit)]) != zero {
			break
		}
		n += len(unit)
	}
	return n
}

// finish gives the file its size, which its last hole did not, and maps it.
func (s *sparseFile) finish() ([]byte, error) {
	if err := s.f.Truncate(s.size); err != nil {
		return nil, fmt.Errorf("temporary file in %s: %w", printable(s.dir), cause(err))
	}
	data, err := unix.Mmap(int(s.f.Fd()), 0, int(s.size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d unpacked bytes: %w", s.size, err)
	}
	return data, nil
}
