//go:build linux && (amd64 || arm64)

package snapshot

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Numbers and constants that the syscall package has no names for on every
// architecture.
const (
	sysCloseRange   = 436
	prSetPDeathSig  = 1
	prSetName       = 15
	atFDCWD         = ^uintptr(99) // -100
	wAll            = 0x40000000   // __WALL: children without an exit signal, too
	adoptedByKernel = "1000"       // oom_score_adj: the first to go
	oomPath         = "/proc/self/oom_score_adj"
)

// Image is a frozen copy of this process. It is driven by the goroutine that
// made it, and by no other; Kill may come from anywhere.
type Image struct {
	// Pause is how long no other goroutine ran, Wait how long a running garbage
	// collection delayed the stop before that, while the program ran.
	Pause, Wait time.Duration
	// Fork is the part of Pause that the clone took.
	Fork time.Duration
	// TID is the thread whose registers the image holds.
	TID int

	mem    []byte
	a      *area
	pid    int
	ctl    [2]int // pipe: we write, the image reads
	resp   *os.File
	keep   [3]int // descriptors of the image: output, ctl, resp
	mu     sync.Mutex
	reaped bool
	status syscall.WaitStatus
}

// Take makes the image. Its only descriptor of this process will be out. The
// goroutine is locked to its thread until Close, because the image dies with
// the thread that made it.
func Take(out *os.File) (im *Image, err error) {
	runtime.LockOSThread()
	im = &Image{ctl: [2]int{-1, -1}, TID: syscall.Gettid()}
	defer func() {
		if err != nil {
			err = errors.Join(err, im.Close())
			im = nil
		}
	}()
	respW, err := im.prepare(int(out.Fd()))
	if err != nil {
		return im, err
	}
	defer syscall.Close(respW)
	s := newStopper()
	pid, alone := 0, s.stop()
	before := time.Now()
	if alone {
		pid = fork(im.a)
	}
	s.forked.Store(true)
	after := time.Now()
	s.release()
	s.end()
	runtime.KeepAlive(out)
	im.Pause, im.Wait = s.times()
	im.Fork = after.Sub(before)
	if pid < 0 {
		return im, fmt.Errorf("clone: %w", syscall.Errno(-pid))
	}
	im.pid = pid
	if !alone || s.disturbed.Load() {
		return im, ErrDisturbed
	}
	if im.a.fsErr < 0 {
		return im, fmt.Errorf("arch_prctl: %w", syscall.Errno(-im.a.fsErr))
	}
	return im, im.settle()
}

// prepare makes the shared memory and the pipes, and the first orders.
func (im *Image) prepare(out int) (respW int, err error) {
	im.mem, err = syscall.Mmap(-1, 0, int(unsafe.Sizeof(area{})), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
	if err != nil {
		return -1, fmt.Errorf("shared memory: %w", err)
	}
	im.a = (*area)(unsafe.Pointer(&im.mem[0]))
	if err := syscall.Pipe2(im.ctl[:], syscall.O_CLOEXEC); err != nil {
		im.ctl = [2]int{-1, -1}
		return -1, fmt.Errorf("pipe: %w", err)
	}
	var resp [2]int
	if err := syscall.Pipe2(resp[:], syscall.O_CLOEXEC); err != nil {
		return -1, fmt.Errorf("pipe: %w", err)
	}
	// The runtime's poller waits for the answers: no thread is held.
	if err := syscall.SetNonblock(resp[0], true); err != nil {
		return -1, errors.Join(fmt.Errorf("pipe: %w", err), syscall.Close(resp[0]), syscall.Close(resp[1]))
	}
	im.resp = os.NewFile(uintptr(resp[0]), "image")
	im.keep = [3]int{out, im.ctl[0], resp[1]}
	im.a.ctl, im.a.resp, im.a.all = uint64(im.ctl[0]), uint64(resp[1]), ^uint64(0)
	im.firstOrders()
	return resp[1], nil
}

// firstOrders are what the image does before it is asked: it goes down in
// every order of precedence, and lets go of what belongs to the service.
// Descriptors that stay open here keep the service's connections open.
func (im *Image) firstOrders() {
	b := batch{im: im}
	b.add(syscall.SYS_PRCTL, prSetPDeathSig, uintptr(syscall.SIGKILL))
	for _, r := range gaps(im.keep[:]) {
		b.add(sysCloseRange, uintptr(r[0]), uintptr(r[1])).must(0)
	}
	b.rest()
}

// rest is what follows the descriptors: they are the lowest that are free, and
// nothing that is opened now can be in the way.
func (b *batch) rest() {
	b.add(syscall.SYS_PRCTL, prSetName, b.text("safedump-core"))
	fd := lowestFree(b.im.keep[:])
	b.add(syscall.SYS_OPENAT, atFDCWD, b.text(oomPath), syscall.O_WRONLY).must(int64(fd))
	b.add(syscall.SYS_WRITE, uintptr(fd), b.text(adoptedByKernel), uintptr(len(adoptedByKernel)))
	b.add(syscall.SYS_CLOSE, uintptr(fd))
}

// gaps are the ranges of descriptors that are not in keep, both ends included.
func gaps(keep []int) (ranges [][2]uint32) {
	sorted := append([]int(nil), keep...)
	sort.Ints(sorted)
	from := uint32(0)
	for _, fd := range sorted {
		if uint32(fd) > from {
			ranges = append(ranges, [2]uint32{from, uint32(fd) - 1})
		}
		from = max(from, uint32(fd)+1)
	}
	return append(ranges, [2]uint32{from, ^uint32(0)})
}

func lowestFree(keep []int) int {
	for fd := 0; ; fd++ {
		taken := false
		for _, k := range keep {
			taken = taken || k == fd
		}
		if !taken {
			return fd
		}
	}
}
