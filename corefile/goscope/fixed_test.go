package goscope_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/internal/coretest"
)

// TestFixed: a location that was compiled once is what the expression gives in
// every frame that it is for.
func TestFixed(t *testing.T) {
	compiled, all := 0, 0
	for _, name := range []string{"kinds", "kinds.noopt", "manywait", "payment.pie", "stdvalues", "cgosegv", "sigquit"} {
		t.Run(name, func(t *testing.T) {
			eachFrame(t, coretest.Core(t, name), func(f *goscope.Finder, fr *corefile.Frame) {
				scopes, _ := f.Scopes(fr.PC, fr.CallPC)
				for _, sc := range scopes {
					for i := range sc.Vars {
						all++
						if checkFixed(t, &sc.Vars[i], fr) {
							compiled++
						}
					}
				}
			})
		})
	}
	if compiled < all/2 {
		t.Errorf("%d of %d locations were compiled", compiled, all)
	}
}

func checkFixed(t *testing.T, v *goscope.Var, fr *corefile.Frame) bool {
	got, ok := v.Fixed()
	if !ok || fr.CFA == 0 || !fr.Regs.OnlyBase() {
		return false
	}
	for i := range got.Pieces {
		if p := &got.Pieces[i]; p.Kind == corefile.PieceMemory {
			p.Addr += fr.CFA
		}
	}
	want, err := v.Locate(fr)
	if err != nil || len(got.Pieces)+len(want.Pieces) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s at 0x%x: compiled %+v, run %+v (%v)", v.Name, fr.PC, got, want, err)
	}
	return true
}

// eachFrame calls f for every frame of every goroutine.
func eachFrame(t *testing.T, files coretest.Files, f func(*goscope.Finder, *corefile.Frame)) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	c, err := corefile.Open(ctx, files.Core, files.Bin, corefile.Options{})
	must(err)
	defer c.Close()
	types, err := gotype.New(c)
	must(err)
	finder, err := goscope.New(c, types)
	must(err)
	rt, err := goruntime.New(c, types, finder)
	must(err)
	b, err := gounwind.Open(c, rt, gounwind.Options{})
	must(err)
	gs, _, err := b.Goroutines(ctx)
	must(err)
	for i := range gs {
		st, _ := b.Unwind(ctx, &gs[i], 100)
		for k := range st.Frames {
			f(finder, &st.Frames[k])
		}
	}
}
