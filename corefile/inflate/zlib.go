package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
)

// ErrCorrupt is wrapped by every error of this package.
var ErrCorrupt = errors.New("corrupt zlib stream")

// Zlib unpacks the zlib stream at the start of src into dst, which must have
// exactly the size of its contents. What dst holds after an error means nothing.
// Bytes behind the stream are not looked at. progress, unless it is nil, is told
// at times how many bytes of dst are what they will be.
func Zlib(dst, src []byte, progress func(n int)) error {
	const deflate, preset = 8, 0x20 // method; a dictionary, which nobody could know
	if len(src) < 2 || src[0]&15 != deflate || src[0]>>4 > 7 || src[1]&preset != 0 || binary.BigEndian.Uint16(src)%31 != 0 {
		return fmt.Errorf("header: %w", ErrCorrupt)
	}
	d := decoder{src: src, pos: 2, dst: dst, progress: progress}
	if err := d.run(); err != nil {
		return fmt.Errorf("byte %d of %d, of its contents %d of %d: %w", d.pos, len(src), d.out, len(dst), err)
	}
	if d.out != len(dst) {
		return fmt.Errorf("contents of %d bytes, want %d: %w", d.out, len(dst), ErrCorrupt)
	}
	d.align()
	if len(src)-d.pos < 4 {
		return fmt.Errorf("no checksum: %w", ErrCorrupt)
	}
	if binary.BigEndian.Uint32(src[d.pos:]) != adler32.Checksum(dst) {
		return fmt.Errorf("checksum: %w", ErrCorrupt)
	}
	return nil
}

// decoder is the state of unpacking one stream.
type decoder struct {
	src []byte
	pos int // of the next byte that is not in bits
	// bits holds the next count bits of src, the lowest first. What is above
	// them is either zero or what src has there.
	bits  uint64
	count uint

	dst []byte
	out int // bytes of dst that are written

	progress func(n int) // nil for none

	lits  [litSize]entry
	dists [distSize]entry
}

// run unpacks all blocks.
func (d *decoder) run() error {
	for {
		head, err := d.take(3)
		if err != nil {
			return err
		}
		switch head >> 1 {
		case 0:
			err = d.stored()
		case 1:
			d.fixed()
			err = d.block()
		case 2:
			if err = d.dynamic(); err == nil {
				err = d.block()
			}
		default:
			err = ErrCorrupt
		}
		if err != nil || head&1 != 0 {
			return err
		}
		if d.progress != nil {
			d.progress(d.out)
		}
	}
}

// fill adds bytes to bits until there are at least 56, or all that src has.
func (d *decoder) fill() {
	for d.count < 56 && d.pos < len(d.src) {
		d.bits |= uint64(d.src[d.pos]) << d.count
		d.pos++
		d.count += 8
	}
}

// take consumes n bits, 16 at most.
func (d *decoder) take(n uint) (uint, error) {
	d.fill()
	if d.count < n {
		return 0, ErrCorrupt
	}
	v := uint(d.bits & (1<<n - 1))
	d.drop(n)
	return v, nil
}

// drop consumes n bits that are there.
func (d *decoder) drop(n uint) {
	d.bits >>= n
	d.count -= n
}

// align moves to the next whole byte of src and empties bits.
func (d *decoder) align() {
	d.pos -= int(d.count / 8)
	d.bits, d.count = 0, 0
}

// stored copies a block that is not compressed.
func (d *decoder) stored() error {
	d.align()
	if len(d.src)-d.pos < 4 {
		return ErrCorrupt
	}
	n := int(binary.LittleEndian.Uint16(d.src[d.pos:]))
	if n != int(^binary.LittleEndian.Uint16(d.src[d.pos+2:])) {
		return ErrCorrupt
	}
	d.pos += 4
	if n > len(d.src)-d.pos || n > len(d.dst)-d.out {
		return ErrCorrupt
	}
	copy(d.dst[d.out:], d.src[d.pos:d.pos+n])
	d.pos, d.out = d.pos+n, d.out+n
	return nil
}
