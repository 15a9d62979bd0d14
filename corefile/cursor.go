package corefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// cursor reads little-endian fields from a piece of a file. The first error
// sticks: later reads return zeros, so a run of reads needs one check.
type cursor struct {
	path string
	what string // what is being read, for errors
	data []byte
	base int64 // offset of data in the file
	off  int
	err  error
}

// left is how many bytes can still be read.
func (c *cursor) left() int { return len(c.data) - c.off }

// fail records the first error at the current place.
func (c *cursor) fail(sentinel error, format string, args ...any) {
	if c.err == nil {
		c.err = &FormatError{c.path, c.base + int64(c.off), c.what + ": " + fmt.Sprintf(format, args...), sentinel}
	}
}

// bytes returns the next n bytes, nil after an error.
func (c *cursor) bytes(n uint64) []byte {
	if c.err != nil {
		return nil
	}
	if n > uint64(c.left()) {
		c.fail(ErrCorrupt, "%d bytes wanted, %d left", n, c.left())
		return nil
	}
	b := c.data[c.off : c.off+int(n) : c.off+int(n)]
	c.off += int(n)
	return b
}

// align skips padding up to a multiple of n from the start of the data. The
// padding after the last item may be missing.
func (c *cursor) align(n int) {
	if pad := (n - c.off%n) % n; c.err == nil {
		c.off += min(pad, c.left())
	}
}

func (c *cursor) u16() uint16 {
	if b := c.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// cstring returns the bytes up to a NUL and skips it.
func (c *cursor) cstring() []byte {
	if c.err != nil {
		return nil
	}
	n := bytes.IndexByte(c.data[c.off:], 0)
	if n < 0 {
		c.fail(ErrCorrupt, "string without an end")
		return nil
	}
	b := c.bytes(uint64(n))
	c.off++
	return b
}
