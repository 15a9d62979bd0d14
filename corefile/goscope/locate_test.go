package goscope

import (
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/internal/coretest"
)

// TestWhichAddress is the policy of frames that wait for a call to return.
func TestWhichAddress(t *testing.T) {
	const call, ret, cfa = 0x1004, 0x1005, 0x2000
	before := die.Range{Low: 0x1000, High: ret}
	after := die.Range{Low: ret, High: 0x1100}
	across := die.Range{Low: 0x1000, High: 0x1100}
	at := func(expr string, r die.Range) found { return found{expr: []byte(expr), where: r} }
	memory := func(addr uint64) []corefile.Piece {
		return []corefile.Piece{{Kind: corefile.PieceMemory, Addr: addr}}
	}
	lost := []corefile.Piece{{Reg: 3, RegUnknown: true}}
	known := &corefile.Registers{}
	known.Set(3, coretest.Words(7))

	for _, c := range []struct {
		name         string
		atCall, atPC found
		arg          bool
		regs         *corefile.Registers
		want         []corefile.Piece
	}{
		{name: "nowhere"},
		{name: "one slot", atCall: at("\x91\x60", across), atPC: at("\x91\x60", across), want: memory(cfa - 32)},
		{name: "dead after the call", atCall: at("\x91\x60", before), want: memory(cfa - 32)},
		{name: "the call assigns: the old value", atCall: at("\x91\x60", before), atPC: at("\x50", after), want: memory(cfa - 32)},
		{name: "the call assigns on the stack: the old value", atCall: at("\x91\x60", before), atPC: at("\x91\x40", after), want: memory(cfa - 32)},
		{name: "register that was saved", atCall: at("\x53", before), atPC: at("\x91\x60", after), want: memory(cfa - 32)},
		{name: "register that was not saved", atCall: at("\x53", before), want: lost},
		{name: "register that is known", atCall: at("\x53", before), atPC: at("\x91\x60", after), regs: known,
			want: []corefile.Piece{{Kind: corefile.PieceRegister, Reg: 3}}},
		{name: "what the call will return", atPC: at("\x91\x60", after)},
		{name: "what the call will return in a register", atPC: at("\x50", after)},
		{name: "an argument in the caller's frame", arg: true, atPC: at("\x9c", after), want: memory(cfa)},
		{name: "a local in the caller's frame", atPC: at("\x9c", after)},
		{name: "an argument in its own frame", arg: true, atPC: at("\x91\x60", after)},
		{name: "an argument in a register", arg: true, atPC: at("\x50", after)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &Finder{}
			v := Var{plan: plan{f: f, frameBase: []byte{opCallFrameCFA}, pc: ret, callPC: call, arg: c.arg, atPC: c.atPC, atCall: c.atCall, dictIndex: -1}}
			loc, err := v.Locate(&corefile.Frame{PC: ret, CallPC: call, CFA: cfa, Regs: c.regs})
			if err != nil || !reflect.DeepEqual(loc.Pieces, c.want) || loc.Stale {
				t.Errorf("%+v, %v; want %+v", loc, err, c.want)
			}
		})
	}
}

// TestBehindAPanic: the code behind a call that does not return is that of
// another path, and its stack slots are another path's.
func TestBehindAPanic(t *testing.T) {
	p := openProgram(t)
	p.f.src.memory = textMemory{p.elf.Section(".text")}
	var ret uint64
	p.each(func(fn funcRef, name string, pc uint64) {
		if ret == 0 && p.f.neverReturns(pc) {
			ret = pc
		}
	})
	if ret == 0 {
		t.Fatal("no call that ends in a panic")
	}
	v := Var{plan: plan{f: p.f, frameBase: []byte{opCallFrameCFA}, pc: ret, callPC: ret - 1, dictIndex: -1,
		atCall: found{expr: []byte("\x53"), where: die.Range{Low: ret - 9, High: ret}},
		atPC:   found{expr: []byte("\x91\x60"), where: die.Range{Low: ret, High: ret + 9}},
	}}
	loc, err := v.Locate(&corefile.Frame{PC: ret, CallPC: ret - 1, CFA: 0x2000})
	if err != nil || len(loc.Pieces) != 1 || !loc.Pieces[0].RegUnknown {
		t.Errorf("%+v, %v", loc, err)
	}
}

// TestTypeIn reads the dictionary of a generic function.
func TestTypeIn(t *testing.T) {
	p := openProgram(t, "-gcflags=-N -l")
	const cfa, dict = 0xc000100000, 0xdd0000
	mem := mapMemory{}
	p.f.src.memory = mem
	fr := &corefile.Frame{CFA: cfa, Regs: &corefile.Registers{}}
	str, err := p.f.types.ByName("string")
	if err != nil || str.Descriptor == 0 {
		t.Fatalf("%+v, %v", str, err)
	}
	resolved := 0
	p.each(func(fn funcRef, name string, pc uint64) {
		scopes, err := p.f.Scopes(pc, pc)
		if err != nil {
			t.Fatal(err)
		}
		for i := range scopes[0].Vars {
			v := &scopes[0].Vars[i]
			if v.Name != "k" || !v.Type.Shape || v.plan.dict == nil {
				continue
			}
			loc, err := v.plan.dict.locate(fr)
			if err != nil || len(loc.Pieces) != 1 || loc.Pieces[0].Kind != corefile.PieceMemory {
				continue // still in a register
			}
			clear(mem)
			if got := v.TypeIn(fr); got != v.Type {
				t.Fatalf("0x%x: %s without a dictionary", pc, got.Name)
			}
			mem[loc.Pieces[0].Addr] = dict
			mem[dict+8*uint64(v.plan.dictIndex)] = str.Descriptor
			if got := v.TypeIn(fr); got != str {
				t.Fatalf("0x%x: %s %s, want string", pc, v.Name, got.Name)
			}
			resolved++
		}
	})
	if resolved < 10 {
		t.Errorf("the dictionary was read at %d PCs", resolved)
	}
}
