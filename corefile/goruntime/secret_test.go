package goruntime

import (
	"math"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
)

// secretWorld has two spans, of objects of 64 bytes at 0x100000 and of one large
// object at 0x200000, with secret objects in both and a finalizer in between.
func secretWorld() *world {
	w := newWorld(1)
	w.types["package runtime/secret"] = word()
	w.types["runtime.mheap"] = structOf("runtime.mheap", "sweepgen", "allspans")
	w.types["runtime.mspan"] = structOf("runtime.mspan", "startAddr", "npages", "elemsize", "specials",
		"limit", "nelems", "freeindex", "allocBits", "gcmarkBits", "sweepgen", "spanclass", "state")
	w.types["runtime.special"] = structOf("runtime.special", "next", "offset", "kind")
	w.syms["runtime.mheap_"] = [2]uint64{0x9000, 32}
	w.mem.put(0x9000, 0, 0x9100, 3, 3)
	w.mem.put(0x9100, 0x9200, 0x9300, 0x9400)
	w.putSpan(0x9200, 0x100000, 1, 64, 0x9500)
	w.putSpan(0x9300, 0x200000, 4, 4*PageSize, 0x9580)
	w.putSpan(0x9400, 0x300000, 1, 64, 0) // without specials
	w.mem.put(0x9500, 0x9520, 0x40, uint64(SpecialSecret))
	w.mem.put(0x9520, 0x9540, 0x80, 2)
	w.mem.put(0x9540, 0, 0x108, uint64(SpecialSecret)) // behind a header
	w.mem.put(0x9580, 0, 0, uint64(SpecialSecret))
	return w
}

// putSpan puts a span of which only these fields matter.
func (w *world) putSpan(at, start, pages, elem, specials uint64) {
	w.mem.put(at, start, pages, elem, specials, 0, 0, 0, 0, 0, 0, 0, 0)
}

func TestSecretMemory(t *testing.T) {
	small := []corefile.Extent{{Start: 0x100040, End: 0x100080}, {Start: 0x100100, End: 0x100140}}
	large := corefile.Extent{Start: 0x200000, End: 0x200000 + 4*PageSize}
	all := corefile.Extents{{Start: 0, End: math.MaxUint64}}
	whole := corefile.Extents{{Start: 0x100000, End: 0x100000 + PageSize}, large}
	for name, c := range map[string]struct {
		damage func(*world)
		want   corefile.Extents
	}{
		"all there":         {func(*world) {}, append(slices.Clone(small), large)},
		"no package":        {func(w *world) { delete(w.types, "package runtime/secret") }, nil},
		"no list":           {func(w *world) { delete(w.mem, 0x9100) }, all},
		"half a list":       {func(w *world) { w.mem[0x9100] = w.mem[0x9100][:16] }, all},
		"an absurd list":    {func(w *world) { w.mem.put(0x9000, 0, 0x9100, 1<<60, 1<<60) }, all},
		"no heap":           {func(w *world) { delete(w.syms, "runtime.mheap_") }, all},
		"no layout":         {func(w *world) { delete(w.types, "runtime.special") }, all},
		"no span":           {func(w *world) { delete(w.mem, 0x9400) }, all},
		"an absurd span":    {func(w *world) { w.putSpan(0x9300, 0x200000, 1<<60, 64, 0x9580) }, all},
		"no special":        {func(w *world) { delete(w.mem, 0x9520) }, whole},
		"a ring":            {func(w *world) { w.mem.put(0x9540, 0x9500, 0x100, 2) }, whole},
		"outside the span":  {func(w *world) { w.mem.put(0x9500, 0x9520, PageSize, uint64(SpecialSecret)) }, whole},
		"objects of size 0": {func(w *world) { w.putSpan(0x9200, 0x100000, 1, 0, 0x9500) }, whole},
	} {
		w := secretWorld()
		c.damage(w)
		r, err := w.open()
		if err != nil {
			t.Fatal(err)
		}
		got, problems := r.secretMemory()
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %x, want %x", name, got, c.want)
		}
		damaged := name != "all there" && name != "no package" && name != "objects of size 0"
		if (len(problems) > 0) != damaged || damaged && !problems[0].Missing {
			t.Errorf("%s: problems %v", name, problems)
		}
	}
}

// TestSecretLabels: a label whose text lies in secret memory is not shown.
func TestSecretLabels(t *testing.T) {
	w := newWorld(1)
	w.mem.put(0x5000, 0x5100, 2, 2)
	w.mem.put(0x5100, 0x5200, 3, 0x5300, 3, 0x5200, 3, 0x5400, 3)
	w.mem[0x5200], w.mem[0x5300], w.mem[0x5400] = []byte("key"), []byte("one"), []byte("two")
	labels := structOf("runtime/pprof.labelMap", "ptr", "len", "cap")
	w.types["runtime/pprof.labelMap"] = labels
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	if got := r.labels(0x5000); len(got) != 2 {
		t.Fatalf("labels %v", got)
	}
	r.secret = corefile.Extents{{Start: 0x5300, End: 0x5301}}
	if got := r.labels(0x5000); len(got) != 1 || got[0].Value != "two" {
		t.Errorf("labels %v", got)
	}
}
