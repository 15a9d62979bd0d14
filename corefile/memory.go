package corefile

import (
	"encoding/binary"
	"sync/atomic"
)

// Provenance says where the bytes of a piece of memory come from.
type Provenance uint8

// The provenances of memory.
const (
	Unmapped   Provenance = iota // no such address in the process
	FromCore                     // dumped
	FromBinary                   // file-backed page of the binary, not dumped
	FromLib                      // file-backed page of another file, build ID checked
	ZeroFill                     // past the end of a mapped file, in its last page: zero by the kernel's rules
	Absent                       // mapped in the process, but not in the core and in no file at hand
	Truncated                    // the core claims to hold it but ends before
)

// String is the provenance in a word or two.
func (p Provenance) String() string {
	switch p {
	case FromCore:
		return "core"
	case FromBinary:
		return "binary"
	case FromLib:
		return "library"
	case ZeroFill:
		return "zero fill"
	case Absent:
		return "not dumped"
	case Truncated:
		return "truncated"
	default:
		return "unmapped"
	}
}

// maxCopy bounds what View copies when a range is not in one piece. A hostile
// core can map the same bytes at many addresses.
const maxCopy = 1 << 30

// Memory is the memory of the crashed process, read only. Its methods are safe
// for concurrent use.
type Memory struct {
	regions []region // ascending, not overlapping
	// last is where the last address was found. It is a guess, whoever wrote it:
	// readers of one stack or one part of the heap stay in one region.
	last atomic.Uint32
}

// region is a run of addresses of one provenance.
type region struct {
	start, end uint64
	data       []byte // end-start bytes; nil where they are not at hand
	prov       Provenance
	writable   bool
}

// find returns the region that holds addr, nil when there is none.
func (m *Memory) find(addr uint64) *region {
	if i := int(m.last.Load()); i < len(m.regions) {
		if r := &m.regions[i]; r.start <= addr && addr < r.end {
			return r
		}
	}
	lo, hi := 0, len(m.regions)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if m.regions[mid].end <= addr {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(m.regions) && m.regions[lo].start <= addr {
		m.last.Store(uint32(lo))
		return &m.regions[lo]
	}
	return nil
}

// View returns n bytes at addr without copying, valid until the Core is
// closed, not to be changed. A range that crosses into a segment of another
// provenance is copied (1 GiB at most). ok is false unless all bytes are
// there; p is then the provenance of the first byte that is not, otherwise of
// the first byte.
func (m *Memory) View(addr uint64, n int) (b []byte, p Provenance, ok bool) {
	r := m.find(addr)
	switch {
	case r == nil:
		return nil, Unmapped, false
	case r.data == nil:
		return nil, r.prov, false
	case n < 0:
		return nil, r.prov, false
	}
	off := addr - r.start
	if uint64(n) <= r.end-addr {
		return r.data[off : off+uint64(n) : off+uint64(n)], r.prov, true
	}
	have := m.Available(addr, int64(n))
	if have < int64(n) {
		return nil, m.Provenance(addr + uint64(have)), false
	}
	if n > maxCopy {
		return nil, Absent, false
	}
	b = make([]byte, n)
	m.copyTo(b, addr)
	return b, r.prov, true
}

// copyTo copies bytes that are known to be there.
func (m *Memory) copyTo(buf []byte, addr uint64) {
	for len(buf) > 0 {
		r := m.find(addr)
		n := copy(buf, r.data[addr-r.start:])
		buf, addr = buf[n:], addr+uint64(n)
	}
}

// Read fills buf from addr. On error nothing in buf is to be used. The error
// is an [*AddressError]: it wraps ErrUnmapped, ErrAbsent or ErrTruncated and
// names the address, never contents.
func (m *Memory) Read(buf []byte, addr uint64) error {
	if len(buf) == 0 {
		return nil
	}
	if r := m.find(addr); r != nil && r.data != nil && uint64(len(buf)) <= r.end-addr {
		copy(buf, r.data[addr-r.start:])
		return nil
	}
	if have := m.Available(addr, int64(len(buf))); have < int64(len(buf)) {
		at := addr + uint64(have)
		return &AddressError{at, m.Provenance(at)}
	}
	m.copyTo(buf, addr)
	return nil
}

// Provenance tells where the byte at addr comes from.
func (m *Memory) Provenance(addr uint64) Provenance {
	if r := m.find(addr); r != nil {
		return r.prov
	}
	return Unmapped
}

// Available returns how many bytes, n at most, can be read from addr on.
func (m *Memory) Available(addr uint64, n int64) int64 {
	var have int64
	for have < n {
		r := m.find(addr)
		if r == nil || r.data == nil {
			break
		}
		if left := r.end - addr; left < uint64(n-have) {
			have, addr = have+int64(left), r.end
			continue
		}
		return n
	}
	return have
}

// Uint64 reads a little-endian 64-bit word.
func (m *Memory) Uint64(addr uint64) (uint64, error) {
	if r := m.find(addr); r != nil && r.data != nil && r.end-addr >= 8 {
		return binary.LittleEndian.Uint64(r.data[addr-r.start:]), nil
	}
	var buf [8]byte
	if err := m.Read(buf[:], addr); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(buf[:]), nil
}

// Uint32 reads a little-endian 32-bit word.
func (m *Memory) Uint32(addr uint64) (uint32, error) {
	var buf [4]byte
	if err := m.Read(buf[:], addr); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(buf[:]), nil
}

// Uint8 reads a byte.
func (m *Memory) Uint8(addr uint64) (uint8, error) {
	var buf [1]byte
	err := m.Read(buf[:], addr)
	return buf[0], err
}
