package goruntime

import (
	"encoding/binary"
	"fmt"

	"github.com/safedump/sdcore/corefile"
)

// maxName bounds names that the runtime itself made; they are short.
const maxName = 256

// str reads the string whose header lies at addr.
func (r *Runtime) str(addr uint64, limit int) (string, error) {
	h, err := r.view(addr, 16)
	if err != nil {
		return "", err
	}
	ptr, n := binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint64(h[8:])
	if n == 0 {
		return "", nil
	}
	if n > uint64(limit) {
		return "", fmt.Errorf("string at %#x has length %d, over %d", addr, n, limit)
	}
	b, err := r.view(ptr, int(n))
	return string(b), err
}

// view returns n bytes at addr.
func (r *Runtime) view(addr uint64, n int) ([]byte, error) {
	b, p, ok := r.mem.View(addr, n)
	if !ok || len(b) < n {
		if p == corefile.Truncated {
			return nil, fmt.Errorf("%d bytes at %#x: %w", n, addr, corefile.ErrTruncated)
		}
		return nil, fmt.Errorf("%d bytes at %#x: %w", n, addr, corefile.ErrUnmapped)
	}
	return b, nil
}

// object is a structure of the runtime in memory.
type object struct {
	data []byte
	addr uint64
}

// object reads the structure of the given size at addr.
func (r *Runtime) object(addr uint64, size int64) (object, error) {
	b, err := r.view(addr, int(size))
	return object{b, addr}, err
}

// get reads the field f, 0 when the structure has none in this release.
func (o object) get(f field) uint64 {
	if !f.ok || f.off < 0 || f.off+f.size > int64(len(o.data)) {
		return 0
	}
	b := o.data[f.off:]
	switch f.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	case 8:
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
