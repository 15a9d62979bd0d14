package redact

import (
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func inHeap(fill func(h *report.Heap)) func(*report.Report) {
	return func(r *report.Report) {
		r.Heap = &report.Heap{}
		fill(r.Heap)
	}
}

// heapPath is a path from a local variable.
func heapPath(name string, steps ...report.HeapStep) report.HeapPath {
	return report.HeapPath{Root: report.HeapRoot{Kind: "local", Goroutine: 1, Function: "main.f", Name: name}, Steps: steps}
}

func keyStep(key string) report.HeapStep {
	v := str(key)
	return report.HeapStep{Kind: "value", Key: &v}
}

func fieldStep(name string) report.HeapStep { return report.HeapStep{Kind: "field", Name: name} }

func ofType(s report.HeapStep, typ string) report.HeapStep {
	s.Addr, s.Type = 0xc000010000, typ
	return s
}

// TestHeapKeys judges the key at the end of a path by the names and types on the
// way to it.
func TestHeapKeys(t *testing.T) {
	tagged := fieldStep("Plan")
	tagged.Tag = `secret:"true"`
	for what, c := range map[string]struct {
		path  report.HeapPath
		shown bool
	}{
		"a name that says nothing":    {heapPath("server", fieldStep("sessions"), keyStep("u17")), true},
		"a key that was removed":      {heapPath("passwords", keyStep("u17")), false},
		"below a secret field":        {heapPath("server", fieldStep("secrets"), fieldStep("byUser"), keyStep("u17")), false},
		"below a part of dotted name": {heapPath("server", fieldStep("secrets.byUser"), keyStep("u17")), false},
		"below an entry":              {heapPath("server", keyStep("password"), keyStep("u17")), false},
		"in a secret type":            {heapPath("server", ofType(fieldStep("x"), "vault.Secret"), keyStep("u17")), false},
		"a tag":                       {heapPath("server", tagged, keyStep("u17")), false},
		"a text's name is no map's":   {heapPath("server", fieldStep("cookies"), keyStep("u17")), true},
		"told by its contents":        {heapPath("server", keyStep("AKIAIOSFODNN7EXAMPLE")), false},
	} {
		r := reportWith()
		r.Heap = &report.Heap{Paths: []report.HeapPath{c.path}}
		got := applied(t, r, Policy{Tier: 3}).Heap.Paths[0].Steps
		key := got[len(got)-1].Key
		if shown := key.State == report.StateOK && key.Text == "u17"; shown != c.shown || !shown && (key.State != report.StateRedacted || key.Text != "" || key.Len != 0) {
			t.Errorf("%s: %+v", what, key)
		}
	}
}

// TestHeapStrings: of a text that is removed neither length nor contents stay.
func TestHeapStrings(t *testing.T) {
	for what, c := range map[string]struct {
		text   string
		holder report.HeapPath
		want   report.State
	}{
		"innocent":       {"application/json", heapPath("h", fieldStep("ContentType")), report.StateOK},
		"by its name":    {"application/json", heapPath("h", fieldStep("Password")), report.StateRedacted},
		"by a text name": {"application/json", heapPath("h", fieldStep("cookie")), report.StateRedacted},
		"element of a text name": {"application/json", heapPath("h", fieldStep("cookies"), report.HeapStep{Kind: "index", Index: 3}),
			report.StateRedacted},
		"field of an element": {"application/json", heapPath("h", fieldStep("cookies"), report.HeapStep{Kind: "index", Index: 3}, fieldStep("Path")),
			report.StateOK},
		"the variable itself": {"application/json", heapPath("password"), report.StateRedacted},
	} {
		r := reportWith()
		r.Heap = &report.Heap{Strings: []report.HeapString{{Value: str(c.text), Copies: 9, Length: uint64(len(c.text)), Wasted: 128, Holder: c.holder}}}
		got := applied(t, r, Policy{Tier: 3}).Heap.Strings[0]
		if got.Value.State != c.want || (got.Length != 0) != (c.want == report.StateOK) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// TestHeapSpreads: a secret of a variable is removed from the heap, and one of
// the heap from a variable, with one number.
func TestHeapSpreads(t *testing.T) {
	const secret = "wq7Zr4LmT0yX9w7VbN2cKd"
	r := reportWith(variable("password", str(secret)), variable("note", str("it was "+secret)))
	r.Heap = &report.Heap{
		Paths:   []report.HeapPath{heapPath("cache", keyStep("id:"+secret))},
		Strings: []report.HeapString{{Value: str(secret), Length: 22, Holder: heapPath("cache", fieldStep("Name"))}},
	}
	got := applied(t, r, Policy{Tier: 3})
	if out := encode(t, got); strings.Contains(out, secret) {
		t.Error(out)
	}
	if s := got.Heap.Strings[0]; s.Length != 0 || s.Value.State != report.StateRedacted || s.Value.Secret == 0 {
		t.Errorf("%+v", s)
	}

	r = reportWith(variable("note", str("it was "+secret)))
	r.Heap = &report.Heap{Strings: []report.HeapString{{Value: str(secret), Holder: heapPath("db", fieldStep("Password"))}}}
	if out := encode(t, applied(t, r, Policy{Tier: 3})); strings.Contains(out, secret) {
		t.Error(out)
	}
}

func TestHeapRecords(t *testing.T) {
	r := reportWith()
	r.Heap = &report.Heap{
		Paths:    []report.HeapPath{heapPath("server", fieldStep("secrets"), fieldStep("by"), keyStep("u17"))},
		Suspects: []report.HeapSuspect{{Object: &report.HeapObject{Path: heapPath("passwords", keyStep("u18"))}}},
		Strings:  []report.HeapString{{Value: str("hunter2hunter2"), Holder: heapPath("password")}},
	}
	got := applied(t, r, Policy{Tier: 3})
	var at []string
	for _, x := range got.Redactions {
		at = append(at, x.Location+" "+x.Rule)
	}
	want := []string{
		"heap.paths[0].steps[2].key " + RuleName, "heap.suspects[0].object.path.steps[0].key " + RuleName, "heap.strings[0].value " + RuleName,
	}
	if !slices.Equal(at, want) {
		t.Errorf("got %q, want %q", at, want)
	}
}

// TestHeapTiers: contents show from the tier on that shows the value of the root.
func TestHeapTiers(t *testing.T) {
	deep := heapPath("a", ofType(fieldStep("b"), "main.B"), ofType(fieldStep("c"), "main.C"), ofType(fieldStep("d"), "main.D"), ofType(fieldStep("e"), "main.E"), keyStep("u17"))
	global := heapPath("server", keyStep("u17"))
	global.Root = report.HeapRoot{Kind: "global", Package: "main", Name: "server"}
	for _, c := range []struct {
		path report.HeapPath
		tier int
	}{{heapPath("a", keyStep("u17")), tierLocals}, {deep, tierDeep}, {global, tierGlobals}} {
		for tier := 0; tier <= 4; tier++ {
			r := reportWith()
			r.Heap = &report.Heap{Paths: []report.HeapPath{c.path}, Strings: []report.HeapString{{Value: str("text/plain"), Length: 10, Holder: c.path}}}
			got := applied(t, r, Policy{Tier: tier})
			again := applied(t, got, Policy{Tier: tier})
			key, text := got.Heap.Paths[0].Steps[len(c.path.Steps)-1].Key, got.Heap.Strings[0]
			if shown := key.Text == "u17"; shown != (tier >= c.tier) || (text.Value.Text != "") != shown || (text.Length != 0) != shown {
				t.Errorf("root %+v, tier %d: key %+v, text %+v", c.path.Root, tier, key, text)
			}
			if (len(got.Omitted) > 0) != (tier < c.tier) {
				t.Errorf("root %+v, tier %d: omitted %+v", c.path.Root, tier, got.Omitted)
			}
			if encode(t, got) != encode(t, again) {
				t.Errorf("redacted again:\n%s\n%s", encode(t, got), encode(t, again))
			}
		}
	}
	if r := reportWith(); encode(t, r) != encode(t, reportWith()) {
		t.Error("the original was changed")
	}
}

func TestHeapObjectOfASecret(t *testing.T) {
	r := reportWith()
	r.Heap = &report.Heap{Retained: []report.HeapObject{
		{Type: "[]uint8", Len: 32, Cap: 32, Path: heapPath("masterKey", fieldStep("secret"))},
		{Type: "[]uint8", Len: 32, Cap: 64, Path: heapPath("cache", fieldStep("pages"))},
	}}
	got := applied(t, r, Policy{Tier: 3}).Heap.Retained
	if got[0].Len != -1 || got[0].Cap != -1 || got[1].Len != 32 || got[1].Cap != 64 {
		t.Errorf("%+v", got)
	}
}

func TestHeapShape(t *testing.T) {
	r := reportWith()
	r.Heap = &report.Heap{
		Paths:    []report.HeapPath{heapPath("server", keyStep("u17"))},
		Strings:  []report.HeapString{{Value: str("text/plain"), Length: 10, Holder: heapPath("h")}},
		Retained: []report.HeapObject{{Addr: 0xc000010000, Len: 17, Cap: 20}},
	}
	out := encode(t, applied(t, r, Policy{Tier: 3, Shape: true}))
	for _, left := range []string{"u17", "text/plain", `"length":10`, "0xc000010000", `"len":17`} {
		if strings.Contains(out, left) {
			t.Errorf("%s is left in %s", left, out)
		}
	}
	if !strings.Contains(out, `"live_bytes"`) {
		t.Errorf("no totals in %s", out)
	}
}
