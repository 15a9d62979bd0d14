package redact_test

import (
	"context"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// extent counts what a report shows.
type extent struct {
	frames, vars, values, source, globals, labels int
	values5                                       bool // more than five containers deep
}

func (x *extent) value(v *report.Value, hops int) {
	x.values++
	x.values5 = x.values5 || hops > 5
	for i := range v.Children {
		more := 1
		if v.Kind == report.KindStruct {
			more = 0
		}
		x.value(&v.Children[i].Value, hops+more)
	}
}

func extentOf(r *report.Report) (x extent) {
	for i := range r.Goroutines {
		g := &r.Goroutines[i]
		x.labels += len(g.Labels)
		for k := range g.Frames {
			f := &g.Frames[k]
			x.frames++
			if f.Source != nil {
				x.source++
			}
			for n := range f.Vars {
				x.vars++
				x.value(&f.Vars[n].Value, 0)
			}
		}
	}
	x.globals = len(r.Globals)
	return x
}

// TestTiersOfCores: on real cores each tier shows what it says, and no more.
func TestTiersOfCores(t *testing.T) {
	for _, name := range []string{"payment", "stdvalues", "manywait"} {
		core := coretest.Core(t, name)
		rep, err := sdcore.Analyze(context.Background(), core.Core, core.Bin, sdcore.Options{Globals: true, Limits: report.Limits{MaxDepth: 12}})
		if err != nil {
			t.Fatal(err)
		}
		var at [5]extent
		for tier := range at {
			res, err := redact.Apply(rep, redact.Policy{Tier: tier})
			if err != nil {
				t.Fatal(err)
			}
			got := res.Report()
			x := extentOf(got)
			at[tier] = x
			for what, ok := range map[string]bool{
				"frames":      x.frames == extentOf(rep).frames && x.frames > 0,
				"crash":       got.Crash.Kind == rep.Crash.Kind && got.Identity.BinaryBuildID == rep.Identity.BinaryBuildID && len(got.Threads) == len(rep.Threads),
				"variables":   (x.vars > 0) == (tier >= 1),
				"source":      tier >= 1 || x.source == 0,
				"labels":      tier >= 1 || x.labels == 0,
				"panic value": tier >= 1 || got.Crash.Exception.Value == nil,
				"depth":       tier >= 2 || !x.values5,
				"globals":     (x.globals > 0) == (tier >= 3 && len(rep.Globals) > 0),
				"names":       tier >= 3 || len(got.Process.EnvNames) == 0 && got.Process.Dir == "",
				"arguments":   (len(got.Process.Args) > 0) == (tier >= 4 && len(rep.Process.Args) > 0),
				"environment": tier >= 4 || len(got.Process.Env) == 0,
			} {
				if !ok {
					t.Errorf("%s at tier %d: %s: %+v", name, tier, what, x)
				}
			}
		}
		if at[1].values > at[2].values || at[1].vars != at[4].vars {
			t.Errorf("%s: values at the tiers: %+v", name, at)
		}
	}
}

// TestShapeOfCores: no text of a real core is left in any format.
func TestShapeOfCores(t *testing.T) {
	core := coretest.Core(t, "payment")
	rep, err := sdcore.Analyze(context.Background(), core.Core, core.Bin, sdcore.Options{Globals: true})
	if err != nil {
		t.Fatal(err)
	}
	open, err := redact.Apply(rep, redact.Policy{Tier: 4})
	if err != nil {
		t.Fatal(err)
	}
	shape, err := redact.Apply(rep, redact.Policy{Tier: 4, Shape: true})
	if err != nil {
		t.Fatal(err)
	}
	contents := []string{"premium_plus", "nil pointer dereference", "friday-sale", "0xc000"}
	before := formats(t, open)
	for format, out := range formats(t, shape) {
		for _, s := range contents {
			if strings.Contains(out, s) {
				t.Errorf("%s holds %q", format, s)
			}
		}
		if format != "file name" && !strings.Contains(out, "charge") {
			t.Errorf("%s lost the stack", format)
		}
	}
	for _, s := range contents[:3] {
		if !strings.Contains(before["json"], s) {
			t.Errorf("without shape %q is not there: nothing is tested", s)
		}
	}
}

// TestNoMeasureOfARemovedValue: whatever state it was in, in no format a removed
// value has a length, capacity or address.
func TestNoMeasureOfARemovedValue(t *testing.T) {
	for _, state := range []report.State{report.StateOK, report.StateTruncated, report.StateStale, report.StateUnreadable, report.StateAbsent, report.StateBudget} {
		for _, kind := range []report.Kind{report.KindString, report.KindBytes, report.KindSlice, report.KindText} {
			v := report.Value{State: state, Kind: kind, Type: "T", Text: "tr0ub4dor", Len: 987654, Cap: 876543, Addr: 0x7654321f, Target: 0x6543217f, Note: "at 0x7654321f"}
			inner := v
			frame := report.Frame{Function: "main.f", Package: "main", CrashSite: true, Vars: []report.Variable{
				{Name: "password", Role: report.RoleLocal, Value: v},
				{Name: "cfg", Role: report.RoleLocal, Value: report.Value{State: report.StateOK, Kind: report.KindStruct, Type: "main.C", Children: []report.Child{{Name: "Password", Value: inner}}}},
			}}
			rep := &report.Report{Schema: report.Schema, Goroutines: []report.Goroutine{{ID: 1, Crashed: true, Status: "running", Frames: []report.Frame{frame}}}}
			res, err := redact.Apply(rep, redact.Policy{Tier: 4})
			if err != nil {
				t.Fatal(err)
			}
			for format, out := range formats(t, res) {
				for _, measure := range []string{"987654", "876543", "7654321f", "6543217f", "original_length", "tr0ub4dor"} {
					if strings.Contains(out, measure) {
						t.Errorf("%s %s as %s: %s is left", state, kind, format, measure)
					}
				}
			}
		}
	}
}
