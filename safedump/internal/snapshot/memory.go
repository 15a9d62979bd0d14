//go:build linux && (amd64 || arm64)

package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	pageSize  = 4096
	chunkSize = 4 << 20  // of one write
	batchSize = 64 << 20 // of the writes between two answers
)

// File is a file of /proc/self as the image sees it. Where the kernel lets the
// parent look at its child, the parent reads it; where it doesn't (a process
// that is not dumpable, ptrace_scope), the image does.
type File struct {
	local *os.File // nil when the image has it open
	im    *Image
	fd    int
}

// Open opens /proc/self/name of the image. See Alive.
func (im *Image) Open(name string) (*File, error) {
	if f, err := os.Open(filepath.Join("/proc", strconv.Itoa(im.pid), name)); err == nil {
		return &File{local: f}, nil
	}
	return im.openThere("/proc/self/" + name)
}

// openThere has the image open a file for reading.
func (im *Image) openThere(path string) (*File, error) {
	b := batch{im: im}
	o := b.add(syscall.SYS_OPENAT, atFDCWD, b.text(path), syscall.O_RDONLY)
	if _, err := b.run(); err != nil {
		return nil, err
	}
	fd, err := o.result()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &File{im: im, fd: int(fd)}, nil
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	if f.local != nil {
		return f.local.Read(p)
	}
	return f.read(p, syscall.SYS_READ, 0)
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	if f.local != nil {
		return f.local.ReadAt(p, off)
	}
	for n < len(p) && err == nil {
		var got int
		got, err = f.read(p[n:], syscall.SYS_PREAD64, uintptr(off)+uintptr(n))
		n += got
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

func (f *File) read(p []byte, nr, off uintptr) (int, error) {
	n, err := f.im.call(nr, uintptr(f.fd), f.im.address(0), uintptr(min(len(p), bufSize)), off)
	if err != nil {
		return 0, err
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return copy(p, f.im.a.buf[:n]), nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.local != nil {
		return f.local.Close()
	}
	_, err := f.im.call(syscall.SYS_CLOSE, uintptr(f.fd))
	return err
}

// Memory reads the image's memory where /proc/self/mem can't be opened: by way
// of the start of the output, which is to be written last.
func (im *Image) Memory() io.ReaderAt { return memory{im} }

type memory struct{ im *Image }

func (m memory) ReadAt(p []byte, addr int64) (int, error) {
	n := min(len(p), bufSize)
	b := batch{im: m.im}
	out := uintptr(m.im.keep[0])
	o := b.add(syscall.SYS_PWRITE64, out, uintptr(addr), uintptr(n), 0).must(int64(n))
	b.add(syscall.SYS_PREAD64, out, m.im.address(0), uintptr(n), 0).must(int64(n))
	done, err := b.run()
	if err != nil {
		return 0, err
	}
	if done < b.n {
		_, err = o.result()
		return 0, errors.Join(errors.New("memory can't be read"), err)
	}
	if copy(p, m.im.a.buf[:n]) < len(p) {
		return n, io.ErrShortBuffer
	}
	return n, nil
}

// Residency answers as /proc/self/pagemap does, by mincore(2), which can't see
// what is swapped out.
func (im *Image) Residency() io.ReaderAt { return residency{im} }

type residency struct{ im *Image }

func (r residency) ReadAt(p []byte, off int64) (int, error) {
	const present = 1 << 63
	n := min(len(p)/8, bufSize)
	if _, err := r.im.call(syscall.SYS_MINCORE, uintptr(off)/8*pageSize, uintptr(n)*pageSize, r.im.address(0)); err != nil {
		return 0, fmt.Errorf("mincore: %w", err)
	}
	for i, v := range r.im.a.buf[:n] {
		entry := uint64(0)
		if v&1 != 0 {
			entry = present
		}
		binary.LittleEndian.PutUint64(p[8*i:], entry)
	}
	if 8*n < len(p) {
		return 8 * n, io.ErrShortBuffer
	}
	return 8 * n, nil
}

// Writer has the image write its memory to the output.
type Writer struct {
	// Written and Unreadable count bytes: what the file holds, and what could
	// not be read and is a hole.
	Written, Unreadable uint64

	im      *Image
	ops     []op
	pending uint64
}

// NewWriter returns a Writer to the file that Take was given.
func (im *Image) NewWriter() *Writer { return &Writer{im: im} }

// Write adds size bytes at addr, whole pages, to be written at offset.
func (w *Writer) Write(addr, size, offset uint64) error {
	for size > 0 {
		n := min(size, chunkSize)
		w.ops = append(w.ops, op{nr: syscall.SYS_PWRITE64, args: [6]uint64{uint64(w.im.keep[0]), addr, n, offset}, want: int64(n), check: 1})
		w.pending += n
		if len(w.ops) == maxOps || w.pending >= batchSize {
			if err := w.Flush(); err != nil {
				return err
			}
		}
		addr, size, offset = addr+n, size-n, offset+n
	}
	return nil
}

// Flush writes what was added.
func (w *Writer) Flush() error {
	ops := w.ops
	for len(ops) > 0 {
		b := batch{im: w.im, n: copy(w.im.a.ops[:], ops)}
		w.im.a.count = uint64(b.n)
		done, err := b.run()
		if err != nil {
			return err
		}
		for _, o := range ops[:done] {
			w.Written += o.args[2]
		}
		if ops = ops[done:]; len(ops) == 0 {
			break
		}
		if ops, err = w.resume(ops, w.im.a.ops[done].ret); err != nil {
			return err
		}
	}
	w.ops, w.pending = w.ops[:0], 0
	return nil
}

// resume goes on behind a write that came out short: ops[0] gave ret.
func (w *Writer) resume(ops []op, ret int64) ([]op, error) {
	size := ops[0].args[2]
	switch {
	case ret > 0 && uint64(ret) < size:
		w.Written += uint64(ret)
		return append(ops[0].behind(uint64(ret)), ops[1:]...), nil
	case ret == -int64(syscall.EFAULT) && size > pageSize:
		// Somewhere in it: ask for its first page alone.
		first := ops[0]
		first.args[2], first.want = pageSize, pageSize
		return append(append([]op{first}, ops[0].behind(pageSize)...), ops[1:]...), nil
	case ret == -int64(syscall.EFAULT):
		w.Unreadable += size
		return ops[1:], nil
	case ret < 0:
		return nil, fmt.Errorf("write: %w", syscall.Errno(-ret))
	}
	return nil, errors.New("write: the kernel wrote nothing")
}

// behind is a write without its first n bytes.
func (o op) behind(n uint64) []op {
	o.args[1], o.args[2], o.args[3] = o.args[1]+n, o.args[2]-n, o.args[3]+n
	o.want = int64(o.args[2])
	return []op{o}
}
