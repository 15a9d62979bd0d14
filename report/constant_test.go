package report

import (
	"fmt"
	"testing"
)

// TestConstants: parts that are alike are one constant, and are written as the
// constant says until it is dropped.
func TestConstants(t *testing.T) {
	var m Constants
	f := Frame{Function: "main.f", Package: "main", File: "f.go", Line: 3, PC: 0x1000, Vars: []Variable{{Name: "a"}, {Name: "b"}, {Name: "a"}}}
	want := string(f.appendJSON(nil))
	m.Head(&f)
	for i := range f.Vars {
		m.Whole(&f.Vars[i])
	}
	if f.Vars[0].Constant() != f.Vars[2].Constant() || f.Vars[0].Constant() == f.Vars[1].Constant() {
		t.Error("equal variables have different constants, or different ones the same")
	}
	if f.Constant().Number() != 0 || f.Vars[2].Constant().Number() != 1 || f.Vars[1].Constant().Number() != 2 {
		t.Error("the constants are not numbered from 0")
	}
	if got := string(f.appendJSON(nil)); got != want {
		t.Errorf("with constants\n%s\nwithout\n%s", got, want)
	}
	f.Line, f.Vars[1].Name = 4, "c"
	if f.ConstantHolds() || f.Vars[1].ConstantHolds() || !f.Vars[0].ConstantHolds() {
		t.Error("what a constant holds was not compared")
	}
	f.DropConstant()
	f.Vars[1].DropConstant()
	if got, want := string(f.appendJSON(nil)), string((&Frame{Function: "main.f", Package: "main", File: "f.go", Line: 4, PC: 0x1000,
		Vars: []Variable{{Name: "a"}, {Name: "c"}, {Name: "a"}}}).appendJSON(nil)); got != want {
		t.Errorf("after dropping them\n%s\nwant\n%s", got, want)
	}
	for i := range 2 * MaxConstants {
		v := Variable{Name: fmt.Sprint("v", i)}
		if m.Whole(&v); v.Constant() != nil && v.Constant().Number() >= MaxConstants {
			t.Fatal("more constants than the bound")
		}
	}
	v := Variable{Name: "a"}
	if m.Whole(&v); v.Constant() != f.Vars[0].Constant() {
		t.Error("a known constant was forgotten")
	}
}
