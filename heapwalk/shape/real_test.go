package shape

import (
	"context"
	"debug/dwarf"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// world is an opened core.
type world struct {
	core   *corefile.Core
	types  *gotype.Types
	finder *goscope.Finder
	rt     *goruntime.Runtime
	table  *Table
}

func open(t testing.TB, f coretest.Files) world {
	t.Helper()
	var w world
	var err error
	if w.core, err = corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.core.Close() })
	if w.types, err = gotype.New(w.core); err != nil {
		t.Fatal(err)
	}
	if w.finder, err = goscope.New(w.core, w.types); err != nil {
		t.Fatal(err)
	}
	if w.rt, err = goruntime.New(w.core, w.types, w.finder); err != nil {
		t.Fatal(err)
	}
	if w.table, err = New(w.core, w.types, w.finder, w.rt); err != nil {
		t.Fatal(err)
	}
	return w
}

// everyType lists all types of the debug information.
func everyType(t testing.TB, w world) (all []*gotype.Type) {
	t.Helper()
	seen := map[*gotype.Type]bool{}
	for _, u := range w.types.DebugInfo().Units() {
		if u.Language != die.LangGo || u.Package != "runtime" {
			continue
		}
		c := u.Cursor()
		for {
			e, ok, err := c.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			switch e.Tag {
			case dwarf.TagArrayType, dwarf.TagBaseType, dwarf.TagPointerType, dwarf.TagStructType, dwarf.TagSubroutineType, dwarf.TagTypedef:
				if ty, err := w.types.ByOffset(e.Off); err == nil && !seen[ty] {
					seen[ty] = true
					all = append(all, ty)
				}
			}
		}
	}
	return all
}

// TestMasks compares the pointer mask of every type that the debug information
// describes and that has a descriptor with the mask that the compiler put into
// the descriptor.
func TestMasks(t *testing.T) {
	for _, name := range []string{"kinds", "stdvalues", "kinds.pie", "kinds.cgo"} {
		t.Run(name, func(t *testing.T) {
			w := open(t, coretest.Core(t, name))
			compared, pointers, onDemand := 0, 0, 0
			for _, ty := range everyType(t, w) {
				if ty.Descriptor == 0 {
					continue
				}
				want, end, ok := w.table.gcMask(ty.Descriptor)
				if !ok {
					onDemand++
					continue
				}
				in := w.table.Info(w.table.Of(ty))
				compared++
				if len(want) > 0 {
					pointers++
				}
				if got := in.AppendMask(nil, in.PtrBytes); in.PtrBytes != end || !slices.Equal(got, want) {
					t.Errorf("%s: %x to %d, the compiler says %x to %d", ty.Name, got, in.PtrBytes, want, end)
				}
				if in.Partial {
					t.Errorf("%s is not described completely", ty.Name)
				}
			}
			t.Logf("%d types compared, %d with pointers, %d without a mask", compared, pointers, onDemand)
			if compared < 900 {
				t.Errorf("only %d types compared", compared)
			}
		})
	}
}
