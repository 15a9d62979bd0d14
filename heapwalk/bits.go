package heapwalk

import (
	"math/bits"
	"sync/atomic"
)

// bitset is a set of objects.
type bitset []uint64

func newBitset(n uint32) bitset { return make(bitset, (uint64(n)+63)/64) }

func (b bitset) has(o Object) bool { return b[o>>6]&(1<<(o&63)) != 0 }

// seen is has while others may set bits.
func (b bitset) seen(o Object) bool { return atomic.LoadUint64(&b[o>>6])&(1<<(o&63)) != 0 }

func (b bitset) set(o Object) { b[o>>6] |= 1 << (o & 63) }

// add sets the bit of o and reports whether it was not set. Several may add at
// once.
func (b bitset) add(o Object) bool {
	w, m := &b[o>>6], uint64(1)<<(o&63)
	if atomic.LoadUint64(w)&m != 0 {
		return false
	}
	return atomic.OrUint64(w, m)&m == 0
}

// remove takes the bit of o away. Others may set and remove other bits at once.
func (b bitset) remove(o Object) { atomic.AndUint64(&b[o>>6], ^(uint64(1) << (o & 63))) }

func (b bitset) count() (n uint64) {
	for _, w := range b {
		n += uint64(bits.OnesCount64(w))
	}
	return n
}

// or64 sets bits of v from bit number at on. Others may set other bits of the
// same words at once.
func (b bitset) or64(at uint64, v uint64) {
	if v == 0 {
		return
	}
	w, shift := at>>6, at&63
	atomic.OrUint64(&b[w], v<<shift)
	if rest := v >> (64 - shift); shift != 0 && rest != 0 {
		atomic.OrUint64(&b[w+1], rest)
	}
}

// word returns 64 bits from bit number at on; bits beyond the end are 0.
func (b bitset) word(at uint64) uint64 {
	w, shift := at>>6, at&63
	if w >= uint64(len(b)) {
		return 0
	}
	v := b[w] >> shift
	if shift != 0 && w+1 < uint64(len(b)) {
		v |= b[w+1] << (64 - shift)
	}
	return v
}
