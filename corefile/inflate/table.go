package inflate

import "math/bits"

// entry is what a code stands for:
//
//	literal:        isLiteral | byte<<16 | bits
//	length, offset: base<<16 | extra bits<<8 | bits
//	end of block:   isSpecial | isEnd | bits
//	longer codes:   isSpecial | isLink | start of their table<<16 | bits
//	no code:        isSpecial
//
// bits is how many bits of the stream it takes up, base and number of extra
// bits are those of RFC 1951, section 3.2.5.
type entry uint32

const (
	isLiteral entry = 1 << 31
	isSpecial entry = 1 << 15
	isLink    entry = 1 << 14
	isEnd     entry = 1 << 13
)

func (e entry) bits() uint  { return uint(e & 31) }
func (e entry) extra() uint { return uint(e >> 8 & 15) }
func (e entry) base() uint  { return uint(e >> 16) }

const (
	maxBits = 15 // of a code

	// Codes of at most this many bits are found at once, longer ones in a
	// second table.
	litBits, distBits = 11, 9
	litLong, distLong = maxBits - litBits, maxBits - distBits

	// A second table holds two codes at least, so there are at most half as
	// many of them as there are codes.
	litSize  = 1<<litBits + maxLits/2<<litLong
	distSize = 1<<distBits + maxDists/2<<distLong

	maxLits, maxDists = 288, 32
	endOfBlock        = 256
)

// litEntry is symbol s of the literals and lengths, without its bits.
func litEntry(s int) entry {
	// The lengths in steps of 4 codes: base, then 1<<extra apart.
	switch {
	case s < endOfBlock:
		return isLiteral | entry(s)<<16
	case s == endOfBlock:
		return isSpecial | isEnd
	case s < 265:
		return entry(s-257+3) << 16
	case s < 285:
		extra := (s - 261) / 4
		return entry(3+(4+(s-261)%4)<<extra)<<16 | entry(extra)<<8
	case s == 285:
		return 258 << 16
	}
	return isSpecial
}

// distEntry is symbol s of the offsets, without its bits.
func distEntry(s int) entry {
	switch {
	case s < 4:
		return entry(s+1) << 16
	case s < 30:
		extra := s/2 - 1
		return entry(1+(2+s%2)<<extra)<<16 | entry(extra)<<8
	}
	return isSpecial
}

// build fills a table from the length of each symbol's code: direct entries
// for codes of at most first bits, tables of 1<<long entries for the others.
// As compress/flate has it, the code must be complete, or have one symbol of one
// bit, or none.
func build(table []entry, first, long uint, lens []uint8, symbol func(int) entry) bool {
	var count, next [maxBits + 1]int
	for _, n := range lens {
		count[n]++
	}
	count[0] = 0
	code, used := 0, 0
	for n := 1; n <= maxBits; n++ {
		code = (code + count[n-1]) << 1
		next[n] = code
		used += count[n] << (maxBits - n)
	}
	lone := used == 1<<(maxBits-1) && count[1] == 1
	if used != 1<<maxBits && used != 0 && !lone {
		return false
	}
	end := 1 << first // of what is in use
	for i := range table[:end] {
		table[i] = isSpecial
	}
	for s, n := range lens {
		if n == 0 {
			continue
		}
		n := uint(n)
		at := int(bits.Reverse16(uint16(next[n])) >> (16 - n)) // codes come with their highest bit first
		next[n]++
		part, e := table[:1<<first], symbol(s)
		if n > first {
			link := &table[at&(1<<first-1)]
			if *link&isLink == 0 {
				*link = isSpecial | isLink | entry(end)<<16 | entry(first)
				end += 1 << long
			}
			start := int(link.base())
			part, at, n = table[start:start+1<<long], at>>first, n-first
		}
		for ; at < len(part); at += 1 << n {
			part[at] = e | entry(n)
		}
	}
	return true
}

// fixed makes the tables of RFC 1951, section 3.2.6.
func (d *decoder) fixed() {
	var lens [maxLits]uint8
	for s := range lens {
		switch {
		case s < 144 || s >= 280:
			lens[s] = 8
		case s < 256:
			lens[s] = 9
		default:
			lens[s] = 7
		}
	}
	build(d.lits[:], litBits, litLong, lens[:], litEntry)
	for s := range maxDists {
		lens[s] = 5
	}
	build(d.dists[:], distBits, distLong, lens[:maxDists], distEntry)
}

// dynamic reads the tables of a block: the lengths of their codes are
// themselves coded (RFC 1951, section 3.2.7).
func (d *decoder) dynamic() error {
	head, err := d.take(14)
	if err != nil {
		return err
	}
	nlit, ndist, nlen := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if nlit > 286 || ndist > 30 {
		return ErrCorrupt
	}
	const lenBits = 7 // of a code of a length
	var codes [19]uint8
	order := [len(codes)]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	for _, s := range order[:nlen] {
		n, err := d.take(3)
		if err != nil {
			return err
		}
		codes[s] = uint8(n)
	}
	var table [1 << lenBits]entry
	if !build(table[:], lenBits, 0, codes[:], func(s int) entry { return entry(s) << 16 }) {
		return ErrCorrupt
	}
	var lens [maxLits + maxDists]uint8
	for i := 0; i < nlit+ndist; {
		d.fill()
		e := table[d.bits&(1<<lenBits-1)]
		if e&isSpecial != 0 || e.bits() > d.count {
			return ErrCorrupt
		}
		d.drop(e.bits())
		if e.base() < 16 {
			lens[i] = uint8(e.base())
			i++
			continue
		}
		n, err := d.repeat(e.base())
		if err != nil || n > nlit+ndist-i || e.base() == 16 && i == 0 {
			return ErrCorrupt
		}
		v := uint8(0)
		if e.base() == 16 {
			v = lens[i-1]
		}
		for ; n > 0; n-- {
			lens[i] = v
			i++
		}
	}
	if !build(d.lits[:], litBits, litLong, lens[:nlit], litEntry) ||
		!build(d.dists[:], distBits, distLong, lens[nlit:nlit+ndist], distEntry) {
		return ErrCorrupt
	}
	return nil
}

// repeat reads how often a length is repeated: the last one by symbol 16, 0 by
// 17 and 18.
func (d *decoder) repeat(symbol uint) (int, error) {
	base, extra := 3, uint(2)
	switch symbol {
	case 17:
		extra = 3
	case 18:
		base, extra = 11, 7
	}
	more, err := d.take(extra)
	return base + int(more), err
}
