package corefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// file is a regular file, mapped read only. A file that another process cuts
// short while it is mapped makes reads of the lost part fail with SIGBUS, as
// with every user of mmap.
type file struct {
	path string
	data []byte
	mod  time.Time
	temp *os.File // what data is a view of, when it has no name: an unpacked core
}

// openFile maps a file. Devices, pipes and directories are refused before
// anything is read: paths also come from cores, and opening a pipe would wait.
func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, openError(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, openError(path, err)
	}
	switch {
	case st.IsDir():
		return nil, &FormatError{path, -1, "is a directory", ErrNotFile}
	case !st.Mode().IsRegular():
		return nil, &FormatError{path, -1, "is not a regular file", ErrNotFile}
	case st.Size() == 0:
		return nil, &FormatError{path, -1, "is empty", ErrEmpty}
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("%s: map %d bytes: %w", printable(path), st.Size(), err)
	}
	return &file{path: path, data: data, mod: st.ModTime()}, nil
}

// openError keeps the cause and puts the path into one line.
func openError(path string, err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return fmt.Errorf("%s: %s: %w", printable(path), pe.Op, pe.Err)
	}
	return fmt.Errorf("%s: %w", printable(path), err)
}

// close unmaps the file. It may be called twice.
func (f *file) close() error {
	if f == nil || f.data == nil {
		return nil
	}
	err := unix.Munmap(f.data)
	f.data = nil
	if f.temp != nil {
		err = errors.Join(err, f.temp.Close())
	}
	return err
}
