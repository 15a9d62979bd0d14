package redact

import (
	"reflect"
	"testing"

	"github.com/safedump/sdcore/report"
)

// withConstants makes a goroutine with constants: frame and variables have
// names that are secrets in them or not.
func withConstants(m *report.Constants, file, typ, note string) *report.Goroutine {
	g := &report.Goroutine{ID: 1, Status: "waiting", Start: "main.f", Frames: []report.Frame{{
		Function: "main.f", Package: "main", File: file,
		Vars: []report.Variable{
			{Name: "a", Role: report.RoleLocal, Value: report.Value{State: report.StateOptimizedOut, Kind: report.KindInt, Type: typ, Note: note}},
			{Name: "b", Role: report.RoleLocal, Value: report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "x"}},
		},
	}}}
	if m != nil {
		m.Head(&g.Frames[0])
		m.Whole(&g.Frames[0].Vars[0])
	}
	return g
}

// TestConstants: a stream with constants says what one without says, the first
// time, the next time, and about secrets that others gave away.
func TestConstants(t *testing.T) {
	places := Default()
	places.DenyPaths = []string{"goroutines[1].frames[0].file", "goroutines[3].frames[0].vars.a"}
	for _, p := range []Policy{Default(), places} {
		testConstants(t, p)
	}
}

func testConstants(t *testing.T, p Policy) {
	x, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "Xk29vPq8Zr4TmW7LbN3c"
	cases := []struct{ name, file, typ, note string }{
		{"innocent", "/src/f.go", "int", "no location"},
		{"type", "/src/f.go", "main.T[ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5]", "no location"},
		{"note", "/src/f.go", "int", "password=hunter2hunter2"},
		{"note with what another gave away", "/src/f.go", "int", "at " + secret},
		{"file", "/src/" + secret + "/f.go", "int", "no location"},
	}
	var m report.Constants
	outputs := func(m *report.Constants) (out []string) {
		s := x.Stream(1)
		for range 3 {
			for _, c := range cases {
				s.Learn(0, 0, withConstants(m, c.file, c.typ, c.note))
			}
		}
		told := &report.Goroutine{ID: 2, Frames: []report.Frame{{Vars: []report.Variable{{Name: "password", Value: report.Value{
			State: report.StateOK, Kind: report.KindString, Type: "string", Text: secret, Len: int64(len(secret))}}}}}}
		s.Learn(0, 1, told)
		head := &report.Report{}
		if _, err := s.Seal(head); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			for i, c := range cases {
				g, err := s.Redact(0, i, withConstants(m, c.file, c.typ, c.note))
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, string(g.Goroutine().AppendJSON(nil)))
			}
		}
		return out
	}
	want, got := outputs(nil), outputs(&m)
	if !reflect.DeepEqual(want, got) {
		t.Errorf("with constants\n%q\nwithout\n%q", got, want)
	}
	for i, c := range cases {
		plain := string(withConstants(nil, c.file, c.typ, c.note).AppendJSON(nil))
		if (want[i] == plain) != (c.name == "innocent") {
			t.Errorf("%s: redacted %q of %q", c.name, want[i], plain)
		}
	}
}

// TestConstantThatLies: what is written was judged, whatever the constant says.
func TestConstantThatLies(t *testing.T) {
	x, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	var m report.Constants
	s := x.Stream(1)
	if _, err := s.Seal(&report.Report{}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g := withConstants(&m, "/src/f.go", "int", "password=hunter2hunter2")
		g.Frames[0].Vars[0].Value.Note = "innocent" // what is written of it is not
		out, err := s.Redact(0, 0, g)
		if err != nil {
			t.Fatal(err)
		}
		plain := withConstants(nil, "/src/f.go", "int", "innocent")
		if got, want := string(out.Goroutine().AppendJSON(nil)), string(plain.AppendJSON(nil)); got != want {
			t.Errorf("written as\n%s\nbut judged as\n%s", got, want)
		}
	}
}
