//go:build amd64 || arm64

package monitor

import (
	"fmt"
	"os"
	"syscall"
)

const (
	setPipeSize = 1031 // F_SETPIPE_SZ of fcntl(2)
	getPipeSize = 1032 // F_GETPIPE_SZ

	// drainSize is the pipe's size while the crash text is read: 20 000
	// goroutines need 1.6 s to die with it, 39 s with one page.
	drainSize = 1 << 20
)

func fcntl(fd, cmd, arg int) (int, error) {
	v, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), uintptr(cmd), uintptr(arg))
	if errno != 0 {
		return 0, errno
	}
	return int(v), nil
}

// newBrake makes the pipe of one packet.
func newBrake() (r, w *os.File, err error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_DIRECT|syscall.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	r, w = os.NewFile(uintptr(fds[0]), "brake"), os.NewFile(uintptr(fds[1]), "brake")
	page := os.Getpagesize()
	size, err := fcntl(fds[1], setPipeSize, page)
	if err == nil && size != page {
		err = fmt.Errorf("size is %d bytes", size)
	}
	if err != nil {
		_, _ = r.Close(), w.Close() // the first error counts
		return nil, nil, fmt.Errorf("a pipe of one page: %w", err)
	}
	return r, w, nil
}

// letGo takes the pipe out of packet mode, which the dying runtime shares, and
// makes it large. What fails costs time only.
func letGo(w int, size int) {
	if flags, err := fcntl(w, syscall.F_GETFL, 0); err == nil {
		_, _ = fcntl(w, syscall.F_SETFL, flags&^syscall.O_DIRECT)
	}
	_, _ = fcntl(w, setPipeSize, size)
}
