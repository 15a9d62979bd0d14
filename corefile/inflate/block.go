package inflate

import "encoding/binary"

const (
	maxMatch = 258
	word     = 8 // bytes that are read and copied at once
)

// block unpacks a compressed block with the tables in d.
func (d *decoder) block() error {
	if ended, err := d.fast(); ended || err != nil {
		return err
	}
	for {
		e, err := d.symbol(d.lits[:], litBits, litLong)
		switch {
		case err != nil:
			return err
		case e&isLiteral != 0:
			if d.out == len(d.dst) {
				return ErrCorrupt
			}
			d.dst[d.out] = byte(e >> 16)
			d.out++
			continue
		case e&isEnd != 0:
			return nil
		}
		if err := d.match(e); err != nil {
			return err
		}
	}
}

// symbol reads a code and what it stands for, with every check.
func (d *decoder) symbol(table []entry, first, long uint) (entry, error) {
	d.fill()
	e := table[d.bits&(1<<first-1)]
	n := e.bits()
	if e&isLink != 0 {
		e = table[e.base()+uint(d.bits>>first&(1<<long-1))]
		n += e.bits()
	}
	if e&isSpecial != 0 && e&isEnd == 0 || n > d.count {
		return 0, ErrCorrupt
	}
	d.drop(n)
	return e, nil
}

// match copies what was unpacked before, as long as e says.
func (d *decoder) match(e entry) error {
	more, err := d.take(e.extra())
	if err != nil {
		return err
	}
	length := int(e.base() + more)
	if e, err = d.symbol(d.dists[:], distBits, distLong); err != nil {
		return err
	}
	if more, err = d.take(e.extra()); err != nil {
		return err
	}
	from := d.out - int(e.base()+more)
	if from < 0 || length > len(d.dst)-d.out {
		return ErrCorrupt
	}
	for range length { // they may overlap
		d.dst[d.out] = d.dst[from]
		d.out, from = d.out+1, from+1
	}
	return nil
}

// fast unpacks as block does while there is plenty of room at both ends, with
// few checks and the state in registers. It returns true at the end of the block.
//
// bits is filled to 56 and more by reading a whole word: what does not fit is
// read again by the next fill, at the same place.
func (d *decoder) fast() (ended bool, err error) {
	src, dst := d.src, d.dst
	pos, out, bits, count := d.pos, d.out, d.bits, d.count
	lits, dists := &d.lits, &d.dists
	for pos+2*word <= len(src) && out+maxMatch+2*word <= len(dst) {
		bits |= binary.LittleEndian.Uint64(src[pos:]) << (count & 63)
		pos += int(63-count) >> 3
		count |= 56

		// Three literals at most: 33 bits, and the next code is looked up
		// before bits is filled again.
		e := lits[bits&(1<<litBits-1)]
		if e&isLiteral != 0 {
			bits, count = bits>>e.bits(), count-e.bits()
			dst[out] = byte(e >> 16)
			out++
			e = lits[bits&(1<<litBits-1)]
			if e&isLiteral != 0 {
				bits, count = bits>>e.bits(), count-e.bits()
				dst[out] = byte(e >> 16)
				out++
				e = lits[bits&(1<<litBits-1)]
				if e&isLiteral != 0 {
					bits, count = bits>>e.bits(), count-e.bits()
					dst[out] = byte(e >> 16)
					out++
					continue
				}
			}
			bits |= binary.LittleEndian.Uint64(src[pos:]) << (count & 63)
			pos += int(63-count) >> 3
			count |= 56
		}
		if e&isLink != 0 {
			bits, count = bits>>litBits, count-litBits
			e = lits[e.base()+uint(bits&(1<<litLong-1))]
		}
		bits, count = bits>>e.bits(), count-e.bits()
		if e&isLiteral != 0 {
			dst[out] = byte(e >> 16)
			out++
			continue
		}
		if e&isSpecial != 0 {
			if e&isEnd == 0 {
				err = ErrCorrupt
			}
			ended = true
			break
		}
		length := int(e.base() + uint(bits&(1<<e.extra()-1)))
		bits, count = bits>>e.extra(), count-e.extra()

		// A length takes 20 bits at most, an offset 28.
		e = dists[bits&(1<<distBits-1)]
		if e&isLink != 0 {
			bits, count = bits>>distBits, count-distBits
			e = dists[e.base()+uint(bits&(1<<distLong-1))]
		}
		bits, count = bits>>e.bits(), count-e.bits()
		offset := int(e.base() + uint(bits&(1<<e.extra()-1)))
		bits, count = bits>>e.extra(), count-e.extra()
		if e&isSpecial != 0 || offset > out {
			ended, err = true, ErrCorrupt
			break
		}
		copyWithin(dst[out-offset:out+maxMatch+word], offset, length)
		out += length
	}
	d.pos, d.out, d.count = pos, out, count
	d.bits = bits & (1<<count - 1)
	return ended, err
}

// copyWithin copies length bytes from the start of b to offset, each after the
// one before it. It may write up to a word more.
func copyWithin(b []byte, offset, length int) {
	switch {
	case offset >= word:
		for i := 0; i < length; i += word {
			binary.LittleEndian.PutUint64(b[offset+i:], binary.LittleEndian.Uint64(b[i:]))
		}
	default:
		for i := range length {
			b[offset+i] = b[i]
		}
	}
}
