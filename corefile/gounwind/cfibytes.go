package gounwind

import "encoding/binary"

// bytesReader reads numbers; bad is set when the bytes end early.
type bytesReader struct {
	b   []byte
	bad bool
	off uint64 // bytes read
}

func (d *bytesReader) take(n int) []byte {
	if len(d.b) < n {
		d.bad, d.b = true, nil
		return make([]byte, 8)
	}
	out := d.b[:n]
	d.b = d.b[n:]
	d.off += uint64(n)
	return out
}

func (d *bytesReader) u8() byte    { return d.take(1)[0] }
func (d *bytesReader) u16() uint16 { return binary.LittleEndian.Uint16(d.take(2)) }
func (d *bytesReader) u32() uint32 { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *bytesReader) u64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }

func (d *bytesReader) skip(n uint64) {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return
	}
	d.take(int(n))
}

func (d *bytesReader) uleb() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.take(n)
	return v
}

func (d *bytesReader) sleb() int64 {
	var v int64
	for shift := uint(0); shift < 64; shift += 7 {
		c := d.u8()
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	d.bad = true
	return 0
}

// pointer reads an encoded pointer; base is the address of the first byte of
// what d reads.
func (d *bytesReader) pointer(encoding byte, base uint64) uint64 {
	if encoding == peOmit {
		return 0
	}
	at := base + d.off
	var v uint64
	switch encoding & 0x0f {
	case 0x00, 0x04, 0x0c:
		v = d.u64()
	case 0x02:
		v = uint64(d.u16())
	case 0x03:
		v = uint64(d.u32())
	case 0x0a:
		v = uint64(int64(int16(d.u16())))
	case 0x0b:
		v = uint64(int64(int32(d.u32())))
	default:
		d.bad = true
	}
	switch encoding & 0x70 {
	case 0:
	case pePCRel:
		v += at
	default:
		d.bad = true
	}
	return v
}
