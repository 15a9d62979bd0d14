//go:build linux && (amd64 || arm64)

package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// batch collects system calls for the image.
type batch struct {
	im      *Image
	n, used int
}

// add appends a system call whose result doesn't matter.
func (b *batch) add(nr uintptr, args ...uintptr) *op {
	o := &b.im.a.ops[b.n]
	*o = op{nr: uint64(nr)}
	for i, a := range args {
		o.args[i] = uint64(a)
	}
	b.n++
	b.im.a.count = uint64(b.n)
	return o
}

// must ends the batch when the result is another one.
func (o *op) must(want int64) *op {
	o.want, o.check = want, 1
	return o
}

// text puts a C string into the shared memory and returns its address.
func (b *batch) text(s string) uintptr {
	at := b.used
	b.used += copy(b.im.a.buf[at:], s+"\x00")
	return b.im.address(at)
}

// address is that of buf[at], in both processes.
func (im *Image) address(at int) uintptr { return uintptr(unsafe.Pointer(&im.a.buf[at])) }

// run has the image make the calls of a batch, and answers how many it made
// before one that had to give another result.
func (b *batch) run() (done int, err error) {
	if _, err := syscall.Write(b.im.ctl[1], []byte{1}); err != nil {
		return 0, fmt.Errorf("pipe: %w", err)
	}
	return b.im.answer()
}

func (im *Image) answer() (done int, err error) {
	var token [1]byte
	if n, err := im.resp.Read(token[:]); n != 1 {
		return 0, fmt.Errorf("%w (%v)", ErrGone, err)
	}
	return int(im.a.done), nil
}

// call has the image make one system call.
func (im *Image) call(nr uintptr, args ...uintptr) (int64, error) {
	b := batch{im: im}
	o := b.add(nr, args...)
	if _, err := b.run(); err != nil {
		return 0, err
	}
	return o.result()
}

func (o *op) result() (int64, error) {
	if o.ret < 0 {
		return 0, syscall.Errno(-o.ret)
	}
	return o.ret, nil
}

// settle waits for the first orders. Without close_range(2), which came with
// Linux 5.9, descriptors are closed one by one.
func (im *Image) settle() error {
	sent := int(im.a.count)
	done, err := im.answer()
	if err != nil || done == sent || im.a.ops[done].nr != sysCloseRange {
		return err // all done but, perhaps, the words in /proc/self
	}
	if err := im.closeAll(); err != nil {
		return fmt.Errorf("close descriptors: %w", err)
	}
	b := batch{im: im}
	b.rest()
	_, err = b.run()
	return err
}

// closeAll closes what /proc/self/fd lists, except what is to be kept.
func (im *Image) closeAll() error {
	dir, err := im.openThere("/proc/self/fd")
	if err != nil {
		return err
	}
	var fds []int
	for {
		n, err := im.call(syscall.SYS_GETDENTS64, uintptr(dir.fd), im.address(0), bufSize)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		fds = append(fds, descriptors(im.a.buf[:n])...)
	}
	b := batch{im: im}
	for _, fd := range fds {
		if fd == im.keep[0] || fd == im.keep[1] || fd == im.keep[2] {
			continue
		}
		b.add(syscall.SYS_CLOSE, uintptr(fd))
		if b.n == maxOps {
			if _, err := b.run(); err != nil {
				return err
			}
			b = batch{im: im}
		}
	}
	if b.n == 0 {
		return nil
	}
	_, err = b.run()
	return err
}

// descriptors reads the names out of struct linux_dirent64s.
func descriptors(b []byte) (fds []int) {
	const nameAt = 19
	for len(b) > nameAt {
		size := int(binary.LittleEndian.Uint16(b[16:]))
		if size <= nameAt || size > len(b) {
			return fds
		}
		name := b[nameAt:size]
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		if fd, err := strconv.Atoi(string(name)); err == nil {
			fds = append(fds, fd)
		}
		b = b[size:]
	}
	return fds
}

// Alive asks the image for a sign of life. The files of a dead process end
// early, without an error: what was read from them counts only if the image
// lives afterwards.
func (im *Image) Alive() error {
	_, err := im.call(syscall.SYS_GETPID)
	return err
}

// PID is that of the image.
func (im *Image) PID() int { return im.pid }

// Registers is struct user_regs_struct of the thread that made the image.
func (im *Image) Registers() []byte {
	n := 27 // amd64
	if runtime.GOARCH == "arm64" {
		n = len(im.a.regs)
	}
	var b []byte
	for _, r := range im.a.regs[:n] {
		b = binary.LittleEndian.AppendUint64(b, r)
	}
	return b
}

// Kill ends the image at once. What waits for it returns ErrGone.
func (im *Image) Kill() {
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.pid > 0 && !im.reaped {
		_ = syscall.Kill(im.pid, syscall.SIGKILL) // it may be dead already
	}
}

// patience bounds the wait for a killed image: one that hangs in a write to a
// dead network file system is left to a goroutine.
const patience = 5 * time.Second

// Close ends the image, waits for its end, and unlocks the thread. It is called
// by the goroutine that called Take.
func (im *Image) Close() error {
	defer runtime.UnlockOSThread()
	im.Kill()
	var errs []error
	if im.pid > 0 && !im.reap(patience) {
		errs = append(errs, fmt.Errorf("process %d, killed, has not ended within %v", im.pid, patience))
		go im.reap(0)
	}
	if im.resp != nil {
		errs = append(errs, im.resp.Close())
	}
	for _, fd := range im.ctl {
		if fd >= 0 {
			errs = append(errs, syscall.Close(fd))
		}
	}
	if im.mem != nil {
		errs = append(errs, syscall.Munmap(im.mem))
	}
	return errors.Join(errs...)
}

// reap collects the image's exit status; without a limit it waits as long as
// it takes. It answers whether the image is gone.
func (im *Image) reap(limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for delay := 100 * time.Microsecond; ; delay = min(2*delay, 10*time.Millisecond) {
		im.mu.Lock()
		pid, err := syscall.Wait4(im.pid, &im.status, wAll|syscall.WNOHANG, nil)
		// ECHILD: somebody waits for all children of this process.
		im.reaped = pid == im.pid || errors.Is(err, syscall.ECHILD)
		gone := im.reaped
		im.mu.Unlock()
		if gone {
			return true
		}
		if limit > 0 && time.Now().After(deadline) {
			return false
		}
		time.Sleep(delay)
	}
}
