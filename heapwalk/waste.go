package heapwalk

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// WasteOptions say what is worth telling. The zero value is the default.
type WasteOptions struct {
	MinWasted uint64  // bytes of one slice, map or channel that are not in use; 0: 1024
	MaxUsed   float64 // the part of its room that is in use at most; 0: a quarter
}

func (o WasteOptions) withDefaults() WasteOptions {
	if o.MinWasted == 0 {
		o.MinWasted = 1024
	}
	if o.MaxUsed <= 0 || o.MaxUsed > 1 {
		o.MaxUsed = 0.25
	}
	return o
}

// WasteKind is what is larger than what it holds.
type WasteKind uint8

// The kinds of waste.
const (
	WasteSlice WasteKind = iota
	WasteMap
	WasteChan
)

// String is the kind as Go calls it, and report.HeapWaste.
func (k WasteKind) String() string { return [...]string{"slice", "map", "chan"}[min(k, WasteChan)] }

// Room is how many elements something holds, how many it has room for, and the
// bytes of the room that is not in use.
type Room struct{ Len, Cap, Wasted uint64 }

func (r *Room) plus(o Room) {
	r.Len += o.Len
	r.Cap += o.Cap
	r.Wasted += o.Wasted
}

// worth reports whether the room is large and mostly empty.
func (r Room) worth(o WasteOptions) bool {
	return r.Wasted >= o.MinWasted && float64(r.Len) <= o.MaxUsed*float64(r.Cap)
}

// Waste are the slices, maps or channels of one type that are much larger than
// what they hold.
type Waste struct {
	Kind  WasteKind
	Type  string // "[]main.row", "map[string]int", "chan int"
	Count uint64
	Room  // of all of them
	// Worst is the object that wastes most: the array behind a slice, the header of
	// a map or channel, with its own room; and Holder is what points to it.
	Worst     Object
	WorstRoom Room
	Holder    Holding
}

// array is what is known of the array behind slices.
type array struct {
	elem   shape.ID
	size   uint64 // of the element
	start  uint64 // of the first slice, the one that begins first
	used   uint64 // end of what is in use, by the slice that reaches furthest
	end    uint64 // of the room, by the same
	holder holdingKey
}

// wasteSearch finds arrays in two passes: the first marks those behind a slice
// with much room, the second looks at all pointers to these.
type wasteSearch struct {
	l      *Live
	o      WasteOptions
	marked bitset
	shards [textShards]arrayShard
}

type arrayShard struct {
	mu sync.Mutex
	by map[Object]*array
}

// Waste looks for slices, maps and channels with much room that is not in use,
// among roots and live objects whose type is known: most wasted first.
//
// An array counts as used up to the end of the slice that reaches furthest into
// it; a pointer without a type uses the element that it leads to. What holds a
// slice in an object of unknown type can't be seen: its length is not considered.
func (l *Live) Waste(ctx context.Context, o WasteOptions) ([]Waste, error) {
	s := &wasteSearch{l: l, o: o.withDefaults(), marked: newBitset(l.h.n)}
	for i := range s.shards {
		s.shards[i].by = map[Object]*array{}
	}
	if err := l.eachEdge(ctx, func(int) func(holdingKey, *shape.Edge) { return s.mark }); err != nil {
		return nil, err
	}
	if err := l.eachEdge(ctx, func(int) func(holdingKey, *shape.Edge) { return s.measure }); err != nil {
		return nil, err
	}
	sums := wasteSums{l: l, by: map[wasteKey]*wasteSum{}}
	for i := range s.shards {
		for obj, a := range s.shards[i].by {
			if r := a.room(); r.worth(s.o) {
				sums.add(wasteKey{WasteSlice, a.elem}, obj, r, a.holder)
			}
		}
	}
	if err := s.headers(ctx, &sums); err != nil {
		return nil, err
	}
	if err := sums.findHolders(ctx); err != nil {
		return nil, err
	}
	return sums.list(), nil
}

// slice returns the object that a slice lies in. Maps and channels have arrays of
// which all is in use, as far as edges tell.
func (l *Live) slice(e *shape.Edge) (o Object, size uint64, ok bool) {
	if !e.Many || e.Elem == shape.StringBytes || e.Len > e.Count {
		return 0, 0, false
	}
	size = l.table.Info(e.Elem).Size
	sp, i := l.h.find(e.Ptr)
	if sp == nil || size == 0 || e.Elem == shape.Unknown {
		return 0, 0, false
	}
	o = sp.first + Object(i)
	if room := sp.start + uint64(i+1)*sp.elem - e.Ptr; e.Count > room/size {
		return 0, 0, false // no slice: memory says that it is longer than its object
	}
	return o, size, l.live.has(o)
}

// mark is the first pass.
func (s *wasteSearch) mark(_ holdingKey, e *shape.Edge) {
	if o, size, ok := s.l.slice(e); ok && (e.Count-e.Len)*size >= s.o.MinWasted {
		s.marked.add(o)
	}
}

// measure is the second pass.
func (s *wasteSearch) measure(from holdingKey, e *shape.Edge) {
	o, ok := s.l.h.target(e.Ptr)
	if !ok || !s.marked.has(o) {
		return
	}
	_, size, isSlice := s.l.slice(e)
	shard := &s.shards[o>>6%textShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	a := shard.by[o]
	if a == nil {
		a = &array{start: ^uint64(0), holder: noHolding}
		shard.by[o] = a
	}
	if !isSlice {
		// One byte is in use at least; which element that is room counts.
		a.used = max(a.used, e.Ptr+1)
		return
	}
	a.used, a.end = max(a.used, e.Ptr+e.Len*size), max(a.end, e.Ptr+e.Count*size)
	// Of different types the one with the larger element, then the name that comes
	// first.
	if a.elem == shape.Unknown || size > a.size || size == a.size && s.l.table.Info(e.Elem).Name < s.l.table.Info(a.elem).Name {
		a.elem, a.size = e.Elem, size
	}
	a.start, a.holder = min(a.start, e.Ptr), min(a.holder, from)
}

// room is what of an array is in use.
func (a *array) room() Room {
	if a.size == 0 || a.end <= a.start {
		return Room{}
	}
	n := (a.end - a.start) / a.size
	used := min((max(a.used, a.start)-a.start+a.size-1)/a.size, n)
	return Room{used, n, (n - used) * a.size}
}

// headers looks at the headers of maps and channels.
func (s *wasteSearch) headers(ctx context.Context, sums *wasteSums) error {
	rooms := newRoomReader(s.l)
	var mu sync.Mutex
	return s.l.eachSpan(ctx, func(_ int, sp *span) {
		s.l.eachLive(sp, func(sp *span, o Object) {
			in := s.l.table.Info(s.l.types.of(sp, o).id())
			kind := WasteMap
			switch in.Kind {
			case shape.KindMap:
			case shape.KindChan:
				kind = WasteChan
			default:
				return
			}
			if r, ok := rooms.of(o); ok && r.worth(s.o) {
				mu.Lock()
				sums.add(wasteKey{kind, in.ID}, o, r, noHolding)
				mu.Unlock()
			}
		})
	})
}

type wasteKey struct {
	kind WasteKind
	id   shape.ID
}

type wasteSum struct {
	Waste
	holder holdingKey
}

// wasteSums adds up by kind and type.
type wasteSums struct {
	l  *Live
	by map[wasteKey]*wasteSum
}

func (w *wasteSums) add(key wasteKey, o Object, r Room, holder holdingKey) {
	sum := w.by[key]
	if sum == nil {
		sum = &wasteSum{Waste: Waste{Kind: key.kind, Type: TypeName(w.l.table.Info(key.id), key.kind == WasteSlice)}}
		w.by[key] = sum
	}
	sum.Count++
	sum.plus(r)
	if d := cmp.Or(cmp.Compare(r.Wasted, sum.WorstRoom.Wasted), cmp.Compare(sum.Worst, o)); sum.Count == 1 || d > 0 {
		sum.Worst, sum.WorstRoom, sum.holder = o, r, holder
	}
}

// findHolders looks for what holds the worst maps and channels.
func (w *wasteSums) findHolders(ctx context.Context) error {
	want := map[Object]*wasteSum{}
	for key, sum := range w.by {
		if key.kind != WasteSlice {
			want[sum.Worst] = sum
		}
	}
	if len(want) == 0 {
		return ctx.Err()
	}
	var mu sync.Mutex
	return w.l.eachEdge(ctx, func(int) func(holdingKey, *shape.Edge) {
		return func(from holdingKey, e *shape.Edge) {
			if o, ok := w.l.h.target(e.Ptr); ok && want[o] != nil {
				mu.Lock()
				want[o].holder = min(want[o].holder, from)
				mu.Unlock()
			}
		}
	})
}

func (w *wasteSums) list() []Waste {
	var out []Waste
	var keys []holdingKey
	for _, sum := range w.by {
		out = append(out, sum.Waste)
	}
	slices.SortFunc(out, func(a, b Waste) int {
		return cmp.Or(cmp.Compare(b.Wasted, a.Wasted), cmp.Compare(a.Worst, b.Worst), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Type, b.Type))
	})
	by := map[Object]holdingKey{}
	for _, sum := range w.by {
		by[sum.Worst] = sum.holder
	}
	for i := range out {
		keys = append(keys, by[out[i].Worst])
	}
	for i, h := range w.l.holdings(keys) {
		out[i].Holder = h
	}
	return out
}

// le64 reads a word of memory.
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
