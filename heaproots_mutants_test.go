package sdcore

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestRootsOfMutants damages what roots are found by - stack maps, types,
// locations, goroutines, stacks - and demands of them that they are bounded and
// belong to frames that there are.
func TestRootsOfMutants(t *testing.T) {
	const each = 24
	total := 0
	for i, name := range []string{"stackroots", "kinds.noopt", "interrupted", "stackoverflow", "captured"} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			dir := t.TempDir()
			bin, places := rootsBinary(t, f.Bin, filepath.Join(dir, "bin"))
			damageBin := coretest.NewMutator(bin.data, places, nil)
			core, places := rootsCore(t, f, filepath.Join(dir, "core"))
			damageCore := coretest.NewMutator(core.data, places, nil)
			for n := range each {
				file, m := bin, damageBin
				if n%3 == 0 {
					file, m = core, damageCore
				}
				kinds := m.Kinds()
				kind := kinds[(n/3+i)%len(kinds)]
				t.Run(fmt.Sprint(n, " ", kind), func(t *testing.T) {
					if err := file.Damage(m.Mutation(kind, uint64(i*each+n))); err != nil {
						t.Fatal(err)
					}
					total += mutantRoots(t, core.Path, bin.Path)
					if err := file.Repair(); err != nil {
						t.Fatal(err)
					}
				})
			}
		})
	}
	t.Logf("%d roots of damaged cores", total)
}

// scratch is a file to be damaged, with its contents.
type scratch struct {
	*coretest.Scratch
	data []byte
}

// rootsBinary copies a binary and finds what roots are found by.
func rootsBinary(t *testing.T, from, to string) (scratch, []coretest.Place) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		data, err = coretest.Inflated(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := scratch{coretest.NewScratch(t, to, data), data}
	e, err := elf.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var places []coretest.Place
	for _, x := range e.Sections {
		switch x.Name {
		case ".gopclntab", ".rodata", ".debug_info", ".debug_loclists":
			places = append(places, coretest.Place{Kind: x.Name, Off: int64(x.Offset), Len: int64(x.FileSize), Unit: 1})
		}
	}
	// The maps of functions and their stack objects.
	syms, _ := e.Symbols()
	for _, sym := range syms {
		if x := e.Section(".gopclntab"); sym.Name == "go:func.*" && x != nil && sym.Value >= x.Addr && sym.Value < x.Addr+x.Size {
			off := sym.Value - x.Addr
			places = append(places, coretest.Place{Kind: "go:func.*", Off: int64(x.Offset + off), Len: int64(x.FileSize - off), Unit: 4})
		}
	}
	return s, places
}

// rootsCore copies a core and finds its goroutines and stacks.
func rootsCore(t *testing.T, f coretest.Files, to string) (scratch, []coretest.Place) {
	t.Helper()
	data, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	session, r := openRoots(t, f.Name)
	var places []coretest.Place
	add := func(kind string, addr, n uint64) {
		for _, s := range session.core.Segments() {
			if addr >= s.Start && addr-s.Start < uint64(s.Present) {
				places = append(places, coretest.Place{Kind: kind, Off: s.Offset + int64(addr-s.Start), Len: int64(n)})
			}
		}
	}
	for i := range r.all {
		g := r.all[i].g
		add("goroutines", g.Addr, 0x80)
		add("goroutines", g.DeferAddr, 48)
		if _, hi, err := r.e.runtime.StackBounds(g.Addr); err == nil && g.SP < hi {
			add("stacks", g.SP, min(hi-g.SP, 1<<16))
		}
	}
	return scratch{coretest.NewScratch(t, to, data), data}, places
}

// mutantRoots counts the roots of a damaged core.
func mutantRoots(t *testing.T, core, bin string) int {
	t.Helper()
	s, err := Open(context.Background(), core, bin, Options{AllowMismatch: true})
	if err != nil {
		return 0
	}
	defer s.Close()
	e, err := s.open()
	if err != nil {
		return 0
	}
	all, err := s.stacks(context.Background(), e, &report.Report{})
	if err != nil {
		return 0
	}
	r := s.heapRoots(context.Background(), e, all)
	n := 0
	r.each(func(x *heapwalk.Root) bool {
		n++
		switch frames := len(r.stack.Frames); {
		case x.Frame < -1 || x.Frame >= frames && frames > 0:
			t.Errorf("%s: there are %d frames", place(x), frames)
		case x.Addr != 0 && (x.Size == 0 || x.Addr+x.Size < x.Addr):
			t.Errorf("%s: %d bytes", place(x), x.Size)
		case x.Type != nil && x.Addr != 0 && x.Type.Size != int64(x.Size):
			t.Errorf("%s: %d bytes of type %s with %d", place(x), x.Size, x.Type.Name, x.Type.Size)
		}
		return n < 1<<22 && !t.Failed()
	})
	return n
}
