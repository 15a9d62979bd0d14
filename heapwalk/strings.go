package heapwalk

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// StringOptions bound the search for duplicated strings. The zero value is the
// default.
type StringOptions struct {
	Max         int    // contents that are listed; 0: 100
	MinWasted   uint64 // bytes that contents waste at least to be listed; 0: 1024
	MaxContents int    // bytes that are given of each; 0: 64 KiB, which is the most
}

const maxContents = 64 << 10

func (o StringOptions) withDefaults() StringOptions {
	if o.Max <= 0 {
		o.Max = 100
	}
	if o.MinWasted == 0 {
		o.MinWasted = 1024
	}
	if o.MaxContents <= 0 || o.MaxContents > maxContents {
		o.MaxContents = maxContents
	}
	return o
}

// DuplicateString is a text that lies in several objects.
type DuplicateString struct {
	// Contents are the bytes of the text as memory has them, cut at
	// StringOptions.MaxContents. They may hold secrets: a copy that goes to redact.
	Contents []byte
	Length   uint64
	Copies   uint64 // objects that hold it
	// Wasted is what the places of all copies but the largest take: of a text that
	// is a part of an object, or in a block of several, its own bytes.
	Wasted uint64
	Addr   uint64  // of the first copy
	Holder Holding // of that one
}

// DuplicateStrings are the texts that several objects have a copy of.
type DuplicateStrings struct {
	List []DuplicateString // most wasted first
	// Least is what a text wastes at least to be here: as asked for, or more
	// (Bounded) where there were too many to count.
	Least   uint64
	Bounded bool
	// Texts is how many texts waste that much, listed or not, judged by their hashes.
	Texts int
}

const (
	maxTexts      = 1 << 18 // that are counted at once
	hashedEnds    = 2 << 10 // bytes at both ends of a long text that are hashed
	textShards    = 64
	maxSketchBits = 20
)

// text names contents, but for the middle of long ones.
type text struct{ hash, length uint64 }

// copies are the addresses where a text was seen, sorted and each once up to some
// time ago.
type copies struct{ at []uint64 }

// stringSearch counts texts in two passes: the first adds up an upper bound of
// what texts waste in a table of fixed size, the second keeps the places of those
// that may waste enough. Neither depends on the order in which strings are met.
type stringSearch struct {
	l      *Live
	sketch [2][]uint64 // by parts of the hash
	least  uint64
	shards [textShards]textShard
	texts  atomic.Int64
}

type textShard struct {
	mu sync.Mutex
	by map[text]*copies
}

// DuplicateStrings looks for texts that several objects have a copy of, among all
// strings of roots and of live objects whose type is known. Strings that share an
// object count once; those outside of the heap don't.
//
// It needs 16 MB at most for the table, and 8 bytes for each string that may be
// one of the texts.
func (l *Live) DuplicateStrings(ctx context.Context, o StringOptions) (*DuplicateStrings, error) {
	o = o.withDefaults()
	s := &stringSearch{l: l, least: o.MinWasted}
	n := min(max(bits.Len32(l.h.n/4), 8), maxSketchBits)
	for i := range s.sketch {
		s.sketch[i] = make([]uint64, 1<<n)
	}
	if err := l.eachEdge(ctx, func(int) func(holdingKey, *shape.Edge) { return s.weigh }); err != nil {
		return nil, err
	}
	for {
		s.texts.Store(0)
		for i := range s.shards {
			s.shards[i].by = map[text]*copies{}
		}
		if err := l.eachEdge(ctx, func(int) func(holdingKey, *shape.Edge) { return s.collect }); err != nil {
			return nil, err
		}
		if s.texts.Load() <= maxTexts {
			break
		}
		s.least *= 4
	}
	d := s.result(o)
	return d, s.findHolders(ctx, d.List)
}

// place finds the text of a string that lies in the heap, and what it costs.
func (s *stringSearch) place(e *shape.Edge) (b []byte, cost uint64, ok bool) {
	if e.Elem != shape.StringBytes || e.Len == 0 {
		return nil, 0, false
	}
	sp, i := s.l.h.find(e.Ptr)
	if sp == nil || !s.l.live.has(sp.first+Object(i)) {
		return nil, 0, false
	}
	base := sp.start + uint64(i)*sp.elem
	off := e.Ptr - base
	if e.Len > sp.elem-off || e.Ptr+e.Len > sp.start+uint64(len(sp.data)) {
		return nil, 0, false // no string: memory says that it is longer than its object
	}
	at := e.Ptr - sp.start
	return sp.data[at : at+e.Len], s.l.h.costOf(sp, off, e.Len), true
}

// costOf is what a text of an object costs: the place when the object is the text,
// else its bytes.
func (h *Heap) costOf(s *span, off, length uint64) uint64 {
	fills := length > h.below(s)
	if s.flags&large != 0 {
		fills = length+pageMask > s.elem
	}
	if off == 0 && fills && s.flags&tiny == 0 {
		return s.elem
	}
	return length
}

// hashText hashes contents, of long ones both ends: an object may have any number
// of strings in it, and each is looked at.
func hashText(b []byte) uint64 {
	if len(b) <= 2*hashedEnds {
		return hashBytes(uint64(len(b)), b)
	}
	return hashBytes(hashBytes(uint64(len(b)), b[:hashedEnds]), b[len(b)-hashedEnds:])
}

// hashBytes multiplies eight bytes at a time into h. It need not be strong: what
// is kept is compared.
func hashBytes(h uint64, b []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	for ; len(b) >= 8; b = b[8:] {
		hi, lo := bits.Mul64(h^binary.LittleEndian.Uint64(b), odd)
		h = hi ^ lo ^ h<<32
	}
	var rest [8]byte
	copy(rest[:], b)
	hi, lo := bits.Mul64(h^binary.LittleEndian.Uint64(rest[:])^uint64(len(b))<<56, odd)
	h = hi ^ lo
	return (h ^ h>>29) * odd
}

func (s *stringSearch) cells(hash uint64) (a, b *uint64) {
	mask := uint64(len(s.sketch[0]) - 1)
	return &s.sketch[0][hash&mask], &s.sketch[1][hash>>32&mask]
}

// weigh is the first pass.
func (s *stringSearch) weigh(_ holdingKey, e *shape.Edge) {
	if b, cost, ok := s.place(e); ok {
		x, y := s.cells(hashText(b))
		atomic.AddUint64(x, cost)
		atomic.AddUint64(y, cost)
	}
}

// collect is the second pass.
func (s *stringSearch) collect(_ holdingKey, e *shape.Edge) {
	b, _, ok := s.place(e)
	if !ok {
		return
	}
	t := text{hashText(b), e.Len}
	if x, y := s.cells(t.hash); min(*x, *y) < s.least {
		return
	}
	shard := &s.shards[t.hash>>24%textShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	c := shard.by[t]
	if c == nil {
		if s.texts.Add(1) > maxTexts {
			return // it will be done again
		}
		c = &copies{}
		shard.by[t] = c
	}
	c.add(e.Ptr)
}

// add keeps an address once: many strings may share it.
func (c *copies) add(addr uint64) {
	if n := len(c.at); n > 0 && c.at[n-1] == addr {
		return
	}
	if len(c.at) == cap(c.at) && len(c.at) >= 64 {
		c.compact()
		if len(c.at) > cap(c.at)/2 {
			c.at = slices.Grow(c.at, len(c.at)+1)
		}
	}
	c.at = append(c.at, addr)
}

func (c *copies) compact() {
	slices.Sort(c.at)
	c.at = slices.Compact(c.at)
}

// candidate is a text that seems to waste enough.
type candidate struct {
	text
	*copies
	wasted uint64
}

// result compares the texts that waste most and lists them.
func (s *stringSearch) result(o StringOptions) *DuplicateStrings {
	var all []candidate
	for i := range s.shards {
		for t, c := range s.shards[i].by {
			c.onePerObject(s.l.h)
			if _, w := s.wasted(c.at, t.length); w >= s.least && len(c.at) > 1 {
				all = append(all, candidate{t, c, w})
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return bySize(a.wasted, b.wasted, a.at[0], b.at[0]) })
	d := &DuplicateStrings{Least: s.least, Bounded: s.least > o.MinWasted, Texts: len(all)}
	for _, c := range all[:min(len(all), o.Max)] {
		for _, at := range s.equal(c) {
			n, wasted := s.wasted(at, c.length)
			if n < 2 || wasted < s.least {
				continue
			}
			b := s.bytes(at[0], c.length)
			d.List = append(d.List, DuplicateString{
				Contents: bytes.Clone(b[:min(len(b), o.MaxContents)]), Length: c.length, Copies: n, Wasted: wasted, Addr: at[0],
			})
		}
	}
	slices.SortStableFunc(d.List, func(a, b DuplicateString) int { return bySize(a.Wasted, b.Wasted, a.Addr, b.Addr) })
	d.List = d.List[:min(len(d.List), o.Max)]
	return d
}

// findHolders is the third pass: it looks for what holds the first copies.
func (s *stringSearch) findHolders(ctx context.Context, list []DuplicateString) error {
	type listed struct{ addr, length uint64 }
	index := map[listed]int{}
	keys := make([]holdingKey, len(list))
	for i := range list {
		index[listed{list[i].Addr, list[i].Length}] = i
		keys[i] = noHolding
	}
	var mu sync.Mutex
	if err := s.l.eachEdge(ctx, func(int) func(holdingKey, *shape.Edge) {
		return func(from holdingKey, e *shape.Edge) {
			if i, ok := index[listed{e.Ptr, e.Len}]; ok && e.Elem == shape.StringBytes {
				mu.Lock()
				keys[i] = min(keys[i], from)
				mu.Unlock()
			}
		}
	}); err != nil {
		return err
	}
	for i, h := range s.l.holdings(keys) {
		list[i].Holder = h
	}
	return nil
}

// onePerObject keeps the first address in each object.
func (c *copies) onePerObject(h *Heap) {
	c.compact()
	last := noNode
	c.at = slices.DeleteFunc(c.at, func(addr uint64) bool {
		o, _, _ := h.Find(addr)
		same := uint32(o) == last
		last = uint32(o)
		return same
	})
}

// wasted adds up what all copies but the largest take.
func (s *stringSearch) wasted(at []uint64, length uint64) (n, bytes uint64) {
	var sum, most uint64
	for _, addr := range at {
		sp, i := s.l.h.find(addr)
		cost := s.l.h.costOf(sp, addr-sp.start-uint64(i)*sp.elem, length)
		sum, most = sum+cost, max(most, cost)
	}
	return uint64(len(at)), sum - most
}

func (s *stringSearch) bytes(addr, length uint64) []byte {
	sp, _ := s.l.h.find(addr)
	return sp.data[addr-sp.start:][:length]
}

// equal splits places with the same hash by what lies there, each list in order.
func (s *stringSearch) equal(c candidate) [][]uint64 {
	type list struct {
		first []byte
		at    []uint64
	}
	const maxDifferent = 16 // of one hash: beyond that it is no accident, and what is over is left out
	var lists []list
next:
	for _, addr := range c.at {
		b := s.bytes(addr, c.length)
		for i := range lists {
			if bytes.Equal(lists[i].first, b) {
				lists[i].at = append(lists[i].at, addr)
				continue next
			}
		}
		if len(lists) < maxDifferent {
			lists = append(lists, list{b, []uint64{addr}})
		}
	}
	out := make([][]uint64, len(lists))
	for i := range lists {
		out[i] = lists[i].at
	}
	return out
}
