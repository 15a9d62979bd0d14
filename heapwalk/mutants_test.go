package heapwalk

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

var (
	mutants     = flag.Int("mutants", 20, "damaged cores of each fixture that TestMutants makes")
	firstMutant = flag.Int("first-mutant", 0, "number of the first of them")
)

// prey is a core whose heap is damaged.
type prey struct {
	file    *coretest.Scratch
	bin     string
	size    int
	places  []coretest.Place
	mutator *coretest.Mutator
}

// newPrey copies a fixture and finds what of its heap damage is aimed at.
func newPrey(t testing.TB, name string) *prey {
	t.Helper()
	f := coretest.Core(t, name)
	data, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	in := input(t, f.Core, f.Bin)
	h, err := Open(context.Background(), in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &prey{bin: f.Bin, size: len(data), file: coretest.NewScratch(t, filepath.Join(t.TempDir(), "core"), data)}
	p.places = heapPlaces(t, h)
	p.mutator = coretest.NewMutator(data, p.places, heapWords(h))
	return p
}

// offsetOf is where the core file has the byte at addr, -1 when it has not.
func offsetOf(c *corefile.Core, addr uint64) int64 {
	for _, s := range c.Segments() {
		if addr >= s.Start && addr-s.Start < uint64(s.Present) {
			return s.Offset + int64(addr-s.Start)
		}
	}
	return -1
}

// heapPlaces are the records of the heap, and objects.
func heapPlaces(t testing.TB, h *Heap) (places []coretest.Place) {
	add := func(kind string, addr uint64, n, unit int64) {
		if off := offsetOf(h.in.Core, addr); off >= 0 {
			places = append(places, coretest.Place{Kind: kind, Off: off, Len: n, Unit: unit})
		}
	}
	size := func(name string) int64 {
		typ, err := h.in.Types.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		return typ.Size
	}
	spanSize, specialSize := size("runtime.mspan"), size("runtime.special")
	if err := h.allocator.Spans(func(s *goruntime.Span, err error) error {
		if err != nil || s.State != goruntime.SpanInUse {
			return nil
		}
		add("span records", s.Addr, spanSize, 8)
		add("bitmaps of allocation", s.AllocBits, int64(s.Count+63)/64*8, 8)
		if !s.NoPointers {
			add("objects", s.Start, int64(min(s.Pages, 4))*goruntime.PageSize, 8)
		}
		if s.Class != 0 && s.Elem <= maxWithoutHeader {
			add("bitmaps of pointers", s.Start+goruntime.PageSize-256, 256, 8)
		}
		add("types of large objects", s.LargeType, 48, 8)
		return h.allocator.Specials(s, func(sp goruntime.Special) { add("specials", sp.Addr, specialSize+24, 8) })
	}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		name string
		typ  string
	}{{"runtime.mheap_", "runtime.mheap"}, {"runtime.firstmoduledata", "runtime.moduledata"}, {"runtime.allfin", "uintptr"}, {"runtime.gcCleanups", "runtime.cleanupQueue"}} {
		if at, ok := h.in.Runtime.Symbol(v.name); ok {
			n := size(v.typ)
			if v.name == "runtime.mheap_" {
				if f, ok := mustType(t, h.in.Types, v.typ).Field("allspans"); ok {
					add(v.name, at+uint64(f.Offset), 24, 8)
					if list, err := h.mem.Uint64(at + uint64(f.Offset)); err == nil {
						add("list of spans", list, 8*int64(len(h.spans)), 8)
					}
				}
				continue
			}
			add(v.name, at, n, 8)
		}
	}
	return places
}

func mustType(t testing.TB, types *gotype.Types, name string) *gotype.Type {
	t.Helper()
	typ, err := types.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// heapWords are addresses that pointers are bent to.
func heapWords(h *Heap) (words []uint64) {
	for i := range h.spans {
		s := &h.spans[i]
		words = append(words, s.start, s.start+s.elem, s.limit-8, s.limit)
	}
	for _, s := range h.in.Core.Segments() {
		words = append(words, s.Start, s.End-8)
	}
	return words
}

// TestMutants damages the heap of cores, as coretest.Mutator tells, and asks all
// that can be asked of it: no panic, no hang, no unbounded memory.
//
// One of them again: go test -run 'TestMutants/payment/123$' ./heapwalk -first-mutant 123 -mutants 1
func TestMutants(t *testing.T) {
	outcomes := map[string]map[string]int{}
	for _, name := range []string{"payment", "shapes", "heapwaste"} {
		t.Run(name, func(t *testing.T) {
			p := newPrey(t, name)
			kinds := p.mutator.Kinds()
			for n := *firstMutant; n < *firstMutant+*mutants; n++ {
				kind := kinds[n%len(kinds)]
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					if err := p.file.Damage(p.mutator.Mutation(kind, uint64(n))); err != nil {
						t.Fatal(err)
					}
					defer func() {
						if err := p.file.Repair(); err != nil {
							t.Fatal(err)
						}
					}()
					if outcomes[kind] == nil {
						outcomes[kind] = map[string]int{}
					}
					begin := time.Now()
					coretest.Bounded(t, p.size, 4, func() { outcomes[kind][p.askAll(t)]++ })
					t.Logf("%s: %v", kind, time.Since(begin))
				})
			}
		})
	}
	for kind, n := range outcomes {
		t.Logf("%-24s %v", kind, n)
	}
}

// askAll asks everything of the damaged core and says how it went.
func (p *prey) askAll(t *testing.T) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	in, closer, err := reopen(p.file.Path, p.bin)
	if err != nil {
		return "refused"
	}
	defer closer()
	h, err := Open(ctx, in, Options{})
	if err != nil {
		return "no heap"
	}
	l, err := h.Walk(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = askLive(ctx, t, l)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("it takes more than a minute")
	}
	switch {
	case err != nil:
		return "failed"
	case len(h.Problems())+len(l.Problems()) > 0:
		return "problems"
	}
	return "complete"
}

// askLive asks everything of a heap.
func askLive(ctx context.Context, t *testing.T, l *Live) error {
	list, sums, err := l.Histogram(ctx)
	if err != nil {
		return err
	}
	if live := l.live.count(); sums.Live.Objects != live {
		t.Errorf("%d live objects in the histogram, %d are", sums.Live.Objects, live)
	}
	r, err := l.Retain(ctx)
	if err != nil {
		return err
	}
	r.ByType(list)
	r.Owners(20, false)
	r.Owners(20, true)
	r.Objects(20)
	r.Goroutines(func(uint64) string { return "all" })
	_, errSamples := r.Samples(ctx)
	_, errPaths := r.Shortest(ctx, func(o Object) bool { return o%97 == 3 }, 10)
	_, errSuspects := r.Suspects(ctx, SuspectOptions{Share: 0.01})
	d, errStrings := l.DuplicateStrings(ctx, StringOptions{MinWasted: 64})
	_, errWaste := l.Waste(ctx, WasteOptions{MinWasted: 64})
	if d != nil {
		for _, s := range d.List {
			if b, _, ok := l.h.mem.View(s.Addr, len(s.Contents)); !ok || !bytes.Equal(b, s.Contents) || s.Copies < 2 || s.Wasted == 0 {
				t.Errorf("text at %#x: %d copies of %d bytes waste %d", s.Addr, s.Copies, s.Length, s.Wasted)
			}
		}
	}
	return errors.Join(errSamples, errPaths, errSuspects, errStrings, errWaste)
}

// reopen opens a damaged core, which may be refused.
func reopen(core, bin string) (in Input, closer func(), err error) {
	if in.Core, err = corefile.Open(context.Background(), core, bin, corefile.Options{}); err != nil {
		return in, nil, err
	}
	closer = func() { _ = in.Core.Close() }
	if in.Types, err = gotype.New(in.Core); err == nil {
		if in.Finder, err = goscope.New(in.Core, in.Types); err == nil {
			in.Runtime, err = goruntime.New(in.Core, in.Types, in.Finder)
		}
	}
	if err != nil {
		closer()
	}
	return in, closer, err
}
