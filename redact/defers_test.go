package redact

import (
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestDefers: what deferred calls hold is treated as the variables beside them.
func TestDefers(t *testing.T) {
	for tier := 0; tier <= 4; tier++ {
		r := tierReport()
		deep := num("99")
		for range shallowHops + 3 {
			deep = ptr(deep)
		}
		r.Goroutines[0].Frames[0].Defers = []report.Defer{{
			Function: "main.handle.func1", File: "/src/main.go", Line: 44, Kind: report.DeferOpenCoded, Closure: 0xc000,
			Vars: []report.Variable{variable("password", str("correct-horse")), variable("deep", deep)},
		}}
		got := applied(t, r, Policy{Tier: tier})
		ds := got.Goroutines[0].Frames[0].Defers
		if len(ds) != 1 || ds[0].Function != "main.handle.func1" || ds[0].Line != 44 || ds[0].Closure != 0xc000 {
			t.Fatalf("tier %d: %+v", tier, ds)
		}
		if tier == 0 {
			if len(ds[0].Vars) > 0 {
				t.Errorf("tier 0 shows %+v", ds[0].Vars)
			}
			continue
		}
		if v := ds[0].Vars[0].Value; v.State != report.StateRedacted || v.Text != "" {
			t.Errorf("tier %d shows the password: %+v", tier, v)
		}
		depth := 0
		for v := &ds[0].Vars[1].Value; len(v.Children) > 0; v = &v.Children[0].Value {
			depth++
		}
		if want := map[bool]int{true: shallowHops, false: shallowHops + 3}[tier == 1]; depth != want {
			t.Errorf("tier %d follows %d pointers, want %d", tier, depth, want)
		}
	}
}
