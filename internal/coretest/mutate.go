package coretest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// Place is a run of bytes of a file that damage is aimed at.
type Place struct {
	// Kind says what is there: "program headers", "saved registers". Places of
	// one kind are hit in proportion to their length.
	Kind     string
	Off, Len int64
	// Unit is the size of the records in it, which are swapped and doubled; 8
	// for words. 1 means a stream of bytes without alignment; 0 means 8.
	Unit int64
}

// Patch is new contents for a piece of a file.
type Patch struct {
	Off   int64
	Bytes []byte
}

// Mutator damages a file in ways that a number decides: the same number, the
// same damage. It never changes the length of the file. The kinds of damage,
// mixed in every mutation:
//
//   - a bit flips, a byte is replaced, a run of bytes is cleared or repeated
//   - a word becomes an address that means something elsewhere, a length that
//     nothing has, a small number, its neighbour, or moves by a little
//   - two records change places, one takes the other's (program headers that
//     overlap or are out of order)
type Mutator struct {
	data   []byte
	kinds  []string
	places map[string][]Place
	words  []uint64
}

// NewMutator prepares to damage a file with the contents data. words are
// addresses of the process that pointers are bent to. Places that data does
// not have are ignored.
func NewMutator(data []byte, places []Place, words []uint64) *Mutator {
	m := &Mutator{data: data, places: map[string][]Place{}, words: append([]uint64{0, 1, 8, 64}, words...)}
	for _, p := range places {
		if p.Unit == 0 {
			p.Unit = 8
		}
		if p.Off < 0 || p.Len < max(p.Unit, 8) || p.Off > int64(len(data))-p.Len {
			continue
		}
		if m.places[p.Kind] == nil {
			m.kinds = append(m.kinds, p.Kind)
		}
		m.places[p.Kind] = append(m.places[p.Kind], p)
	}
	return m
}

// Kinds are the kinds of places, in the order of their first place.
func (m *Mutator) Kinds() []string { return slices.Clone(m.kinds) }

// Mutation returns damage to places of one kind, at least one patch; later
// ones may change what earlier ones wrote.
func (m *Mutator) Mutation(kind string, seed uint64) []Patch {
	r := rand.New(rand.NewPCG(seed, 7))
	var total int64
	for _, p := range m.places[kind] {
		total += p.Len
	}
	var out []Patch
	for range []int{1, 1, 1, 2, 4, 16, 64}[r.IntN(7)] {
		at := r.Int64N(total)
		for _, p := range m.places[kind] {
			if at < p.Len {
				out = append(out, m.damage(r, p, at)...)
				break
			}
			at -= p.Len
		}
	}
	return out
}

// lengths are sizes and counts that nothing has.
var lengths = [...]uint64{
	math.MaxInt32, math.MaxUint32, 1 << 20, 1 << 31, 1 << 37, 1 << 40, 1 << 47, 1 << 62, math.MaxInt64, 1 << 63, math.MaxUint64 - 7, math.MaxUint64,
}

// damage changes what is at the offset at of a place.
func (m *Mutator) damage(r *rand.Rand, p Place, at int64) []Patch {
	if p.Unit > 8 && r.IntN(3) == 0 {
		return m.records(r, p, at)
	}
	off := p.Off + at
	switch r.IntN(10) {
	case 0, 1:
		return []Patch{{off, []byte{m.data[off] ^ 1<<r.IntN(8)}}}
	case 2:
		return []Patch{{off, []byte{byte(r.Uint32())}}}
	case 3:
		return []Patch{{off, make([]byte, min(1+r.Int64N(64), p.Len-at))}}
	case 4: // a run of bytes from elsewhere
		n := min(1+r.Int64N(64), p.Len-at)
		from := p.Off + r.Int64N(p.Len-n+1)
		return []Patch{{off, slices.Clone(m.data[from : from+n])}}
	}
	if p.Unit > 1 {
		at &^= 7
	}
	at = min(at, p.Len-8)
	off = p.Off + at
	return []Patch{{off, m.word(r, p, at)}}
}

// word is a new word, or half of one, for the offset at of a place.
func (m *Mutator) word(r *rand.Rand, p Place, at int64) []byte {
	old := binary.LittleEndian.Uint64(m.data[p.Off+at:])
	little := []uint64{1, 4, 8, 16, 4096}[r.IntN(5)]
	v := old
	switch r.IntN(6) {
	case 0, 1:
		v = m.words[r.IntN(len(m.words))]
	case 2:
		v = lengths[r.IntN(len(lengths))]
	case 3:
		v += little
	case 4:
		v -= little
	case 5:
		from := r.Int64N(p.Len - 7)
		v = binary.LittleEndian.Uint64(m.data[p.Off+from:])
	}
	b := binary.LittleEndian.AppendUint64(nil, v)
	if r.IntN(4) == 0 {
		return b[:4]
	}
	return b
}

// records swaps two records of a place, or writes one over another.
func (m *Mutator) records(r *rand.Rand, p Place, at int64) []Patch {
	record := func(n int64) (int64, []byte) {
		off := p.Off + n*p.Unit
		return off, slices.Clone(m.data[off : off+p.Unit])
	}
	n := p.Len / p.Unit
	one, first := record(min(at/p.Unit, n-1))
	other, second := record(r.Int64N(n))
	if r.IntN(2) == 0 {
		return []Patch{{one, second}}
	}
	return []Patch{{one, second}, {other, first}}
}
