package heapwalk

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/coretest"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// TestHostile damages what a list or a size can be made endless by. Each is done
// within the time and memory that the undamaged core needs, about.
func TestHostile(t *testing.T) {
	f := coretest.Core(t, "payment")
	data, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	in := input(t, f.Core, f.Bin)
	h, err := Open(context.Background(), in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	symbol := func(name string) uint64 {
		at, ok := in.Runtime.Symbol(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		return at
	}
	field := func(typ, name string) uint64 {
		f, ok := mustType(t, in.Types, typ).Field(name)
		if !ok {
			t.Fatalf("%s has no %s", typ, name)
		}
		return uint64(f.Offset)
	}
	p := &prey{bin: f.Bin, size: len(data), file: coretest.NewScratch(t, filepath.Join(t.TempDir(), "core"), data)}
	module := symbol("runtime.firstmoduledata")
	list, err := h.mem.Uint64(symbol("runtime.mheap_") + field("runtime.mheap", "allspans"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := h.mem.Uint64(list)
	if err != nil {
		t.Fatal(err)
	}
	bss, err := h.mem.Uint64(module + field("runtime.moduledata", "bss"))
	if err != nil {
		t.Fatal(err)
	}
	special := ownSpecial(t, h)
	for _, c := range []struct {
		name    string
		addr    uint64
		words   []uint64
		outcome string
	}{
		{"modules in a circle", module + field("runtime.moduledata", "next"), []uint64{module}, "problems"},
		{"a segment of 512 GB", module + field("runtime.moduledata", "ebss"), []uint64{bss + 1<<39}, "complete"},
		{"all spans are one", list, repeated(first, len(h.spans)), "problems"},
		{"a list of many spans", symbol("runtime.mheap_") + field("runtime.mheap", "allspans") + 8, []uint64{1 << 26}, "problems"},
		{"specials in a circle", special + field("runtime.special", "next"), []uint64{special}, "problems"},
		{"a span of all addresses", first + field("runtime.mspan", "npages"), []uint64{1 << 33}, "problems"},
		{"objects of one byte", first + field("runtime.mspan", "elemsize"), []uint64{1}, "problems"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b []byte
			for _, w := range c.words {
				b = binary.LittleEndian.AppendUint64(b, w)
			}
			if err := p.file.Damage([]coretest.Patch{{Off: offsetOf(in.Core, c.addr), Bytes: b}}); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.file.Repair(); err != nil {
					t.Fatal(err)
				}
			}()
			begin := time.Now()
			coretest.Bounded(t, p.size, 4, func() {
				if got := p.askAll(t); got != c.outcome {
					t.Errorf("%s, want %s", got, c.outcome)
				}
			})
			t.Log(time.Since(begin))
		})
	}
}

func repeated(v uint64, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// ownSpecial is the address of a special with a root.
func ownSpecial(t *testing.T, h *Heap) uint64 {
	t.Helper()
	table, err := shape.New(h.in.Core, h.in.Types, h.in.Finder, h.in.Runtime)
	if err != nil {
		t.Fatal(err)
	}
	r := newOwnRoots(h, table)
	for i := range r.specials {
		return r.specials[i].Addr
	}
	t.Fatal("no specials")
	return 0
}
