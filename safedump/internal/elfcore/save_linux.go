package elfcore

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// ErrDeadline is returned by Save when Options.Deadline has passed.
var ErrDeadline = errors.New("the deadline of the core has passed")

// Options change what Save does.
type Options struct {
	// Deadline ends the work; the zero value never does.
	Deadline time.Time
	// Written, if set, is called after each write, Before when the core is
	// whole and about to get its name. An error of Before leaves no core.
	Written func()
	Before  func() error
}

func (o Options) passed() bool { return !o.Deadline.IsZero() && time.Now().After(o.Deadline) }

// Save writes the core of the stopped process pid to path, mode 0600. It has
// its name only when it is whole; where the file system allows it, it has none
// before, so that nothing is left behind by a writer that is killed.
func Save(path string, pid int, crash Crash, o Options) (stats Stats, err error) {
	// Heap, stacks and the first page of each file are what a core is for,
	// whatever the program's filter says.
	p, err := Snapshot(pid, filterAnonPrivate|filterELFHeaders)
	if err != nil {
		return stats, err
	}
	mem, err := os.Open(filepath.Join(proc, strconv.Itoa(pid), "mem"))
	if err != nil {
		return stats, fmt.Errorf("elfcore: %w", err)
	}
	defer mem.Close()
	memory := Memory{Mem: mem}
	if pagemap, err := os.Open(filepath.Join(proc, strconv.Itoa(pid), "pagemap")); err == nil {
		defer pagemap.Close()
		memory.Pagemap = pagemap
	}
	out, err := newFile(path)
	if err != nil {
		return stats, fmt.Errorf("elfcore: %w", err)
	}
	machine := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		machine = elf.EM_AARCH64
	}
	stats, err = Write(timed{out.File, o}, machine, p, crash, memory)
	if err == nil && o.passed() {
		err = ErrDeadline // the process may run again: the core is none
	}
	if err == nil && o.Before != nil {
		err = o.Before()
	}
	return stats, out.finish(err)
}

// timed is a File that fails once the deadline has passed.
type timed struct {
	*os.File
	o Options
}

func (f timed) WriteAt(p []byte, off int64) (int, error) {
	if f.o.passed() {
		return 0, ErrDeadline
	}
	n, err := f.File.WriteAt(p, off)
	if f.o.Written != nil {
		f.o.Written()
	}
	return n, err
}

// newborn is a file on its way to its name.
type newborn struct {
	*os.File
	path string
	tmp  string // its name until then, "" when it has none
}

// tmpFile is O_TMPFILE of open(2): a bit of its own and O_DIRECTORY, which
// differs by architecture.
const tmpFile = 0o20000000 | syscall.O_DIRECTORY

func newFile(path string) (newborn, error) {
	fd, err := syscall.Open(filepath.Dir(path), tmpFile|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err == nil {
		return newborn{File: os.NewFile(uintptr(fd), path), path: path}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return newborn{}, err
	}
	return newborn{File: f, path: path, tmp: f.Name()}, nil
}

// finish names the file, or removes it when failed is not nil, and closes it.
func (f newborn) finish(failed error) error {
	if failed == nil && f.tmp == "" {
		// A link can't take the place of a file that exists, a rename can.
		f.tmp = filepath.Join(filepath.Dir(f.path), fmt.Sprintf(".%s.%d", filepath.Base(f.path), os.Getpid()))
		if failed = link(int(f.Fd()), f.tmp); failed != nil {
			f.tmp = ""
		}
	}
	if err := f.Close(); failed == nil {
		failed = err
	}
	if failed == nil {
		failed = os.Rename(f.tmp, f.path)
	}
	if failed != nil && f.tmp != "" {
		return errors.Join(failed, os.Remove(f.tmp))
	}
	return failed
}

// link gives an open file without a name a name (open(2), O_TMPFILE).
func link(fd int, name string) error {
	const atFDCWD, atSymlinkFollow = -100, 0x400
	from, err := syscall.BytePtrFromString(filepath.Join(proc, "self/fd", strconv.Itoa(fd)))
	if err != nil {
		return err
	}
	to, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	cwd := atFDCWD
	_, _, errno := syscall.Syscall6(syscall.SYS_LINKAT, uintptr(cwd), uintptr(unsafe.Pointer(from)),
		uintptr(cwd), uintptr(unsafe.Pointer(to)), atSymlinkFollow, 0)
	if errno != 0 {
		return &os.PathError{Op: "link", Path: name, Err: errno}
	}
	return nil
}
