package goscope

import (
	"testing"

	"github.com/safedump/sdcore/corefile"
)

// BenchmarkLocate finds all variables of frames that know nothing but their
// CFA, as most do: the work that is left for each frame once a PC is known.
func BenchmarkLocate(b *testing.B) {
	p := openProgram(b)
	var vars []*Var
	p.each(func(fn funcRef, name string, pc uint64) {
		if pc%16 != 0 {
			return
		}
		scopes, err := p.f.Scopes(pc, pc-1)
		if err != nil {
			return
		}
		for i := range scopes {
			for j := range scopes[i].Vars {
				vars = append(vars, &scopes[i].Vars[j])
			}
		}
	})
	fr := &corefile.Frame{CFA: 0xc000100000}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		_, _ = vars[i%len(vars)].Locate(fr)
	}
}

// BenchmarkScopes computes the variables at a PC that was not seen before, with
// the function parsed.
func BenchmarkScopes(b *testing.B) {
	p := openProgram(b)
	var pcs []uint64
	p.each(func(fn funcRef, name string, pc uint64) { pcs = append(pcs, pc) })
	for _, pc := range pcs {
		_, _ = p.f.Scopes(pc, pc)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		clear(p.f.plans)
		_, _ = p.f.Scopes(pcs[i%len(pcs)], pcs[i%len(pcs)])
	}
}
