package die

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Sections are the uncompressed debug sections of a binary. Those that it does
// not have are nil. They are kept and must not change.
type Sections struct {
	Info, Abbrev             []byte
	Str, LineStr, StrOffsets []byte
	Addr                     []byte
	// Lists returns a section of lists by its name when one of its lists is
	// read: .debug_ranges or .debug_loc (DWARF 2 to 4), .debug_rnglists or
	// .debug_loclists (DWARF 5). They are a third of all debug information, and
	// not everybody needs them. It may be called by several goroutines at once;
	// nil stands for no such section.
	Lists func(section string) ([]byte, error)
	// Wait, when set, is called before the first end bytes of Info are looked at,
	// for who passes on a section that is still being unpacked. After an error
	// what is in them is damaged.
	Wait func(end uint64) error
}

// list returns a reader at an offset of a section of lists.
func (s *Sections) list(section string, off uint64) reader {
	var b []byte
	var err error
	if s.Lists != nil {
		b, err = s.Lists(section)
	}
	if err != nil {
		return reader{section: section, err: err}
	}
	return at(section, b, off)
}

// Error is a defect of the debug information.
type Error struct {
	Section string // ".debug_info"
	Offset  uint64 // where in it
	Reason  string
}

// Error says what is wrong and where.
func (e *Error) Error() string {
	return fmt.Sprintf("%s+0x%x: %s", e.Section, e.Offset, e.Reason)
}

// reader walks a section. After a read past its end it stays at the end,
// returns zeros, and err is set.
type reader struct {
	section string
	b       []byte
	pos     uint64
	err     error
}

// fail records the first error.
func (r *reader) fail(reason string) {
	if r.err == nil {
		r.err = &Error{Section: r.section, Offset: r.pos, Reason: reason}
	}
	r.pos = uint64(len(r.b))
}

// bytes returns the next n bytes.
func (r *reader) bytes(n uint64) []byte {
	size := uint64(len(r.b))
	if r.pos > size || n > size-r.pos {
		r.fail(fmt.Sprintf("%d bytes do not fit", n))
		return nil
	}
	b := r.b[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

func (r *reader) u8() uint8 {
	if r.pos < uint64(len(r.b)) {
		v := r.b[r.pos]
		r.pos++
		return v
	}
	r.fail("1 byte does not fit")
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// uint reads a little-endian number of n bytes, n at most 8.
func (r *reader) uint(n int) uint64 {
	if n < 0 || n > 8 {
		r.fail("number of more than 8 bytes")
		return 0
	}
	var v uint64
	for i, c := range r.bytes(uint64(n)) {
		v |= uint64(c) << (8 * i)
	}
	return v
}

// uleb reads an unsigned LEB128 number. Bits beyond 64 are an error.
func (r *reader) uleb() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		c := r.u8()
		if r.err != nil {
			return 0
		}
		if shift > 63 || shift == 63 && c&0x7e != 0 {
			r.fail("LEB128 number of more than 64 bits")
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			return v
		}
	}
}

// sleb reads a signed LEB128 number.
func (r *reader) sleb() int64 {
	var v int64
	for shift := 0; ; shift += 7 {
		c := r.u8()
		if r.err != nil {
			return 0
		}
		if shift > 63 {
			r.fail("LEB128 number of more than 64 bits")
			return 0
		}
		v |= int64(c&0x7f) << shift
		if c&0x80 == 0 {
			if shift+7 < 64 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}

// skipLEB moves over a LEB128 number of at most 64 bits, signed or not.
func (r *reader) skipLEB() {
	for range 10 {
		if r.u8()&0x80 == 0 {
			return
		}
	}
	r.fail("LEB128 number of more than 64 bits")
}

// cstring reads a string up to its NUL.
func (r *reader) cstring() []byte {
	rest := r.b[r.pos:]
	n := bytes.IndexByte(rest, 0)
	if n < 0 {
		r.fail("string without end")
		return nil
	}
	r.pos += uint64(n) + 1
	return rest[:n:n]
}

// at returns a reader over b from off on.
func at(section string, b []byte, off uint64) reader {
	r := reader{section: section, b: b, pos: off}
	if off > uint64(len(b)) {
		r.fail("offset is outside the section")
	}
	return r
}
