package corefile

import (
	"bytes"
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
	data := f.data
	f.data = nil
	return unix.Munmap(data)
}

// checkCompressed recognizes compressed files by their first bytes.
func checkCompressed(path string, data []byte) error {
	for _, m := range []struct{ magic, format, command string }{
		{"\x28\xb5\x2f\xfd", "zstd", "zstd -d"},
		{"\x1f\x8b", "gzip", "gunzip -k"},
		{"\x04\x22\x4d\x18", "lz4", "lz4 -d"},
		{"\xfd7zXZ\x00", "xz", "xz -dk"},
	} {
		if bytes.HasPrefix(data, []byte(m.magic)) {
			msg := fmt.Sprintf("is compressed with %s: run `%s %s` first", m.format, m.command, printable(path))
			return &FormatError{path, -1, msg, ErrCompressed}
		}
	}
	return nil
}
