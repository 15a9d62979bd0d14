package goscope

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/dwarf/loclist"
	"github.com/go-delve/delve/pkg/dwarf/op"
	"github.com/go-delve/delve/pkg/dwarf/reader"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// program is a built program with this package's view of it and delve's.
type program struct {
	f     *Finder
	elf   *elf.File
	dw    *dwarf.Data
	funcs []funcRef
	lists loclist.Reader
	addrs *godwarf.DebugAddrSection
}

func openProgram(t testing.TB, flags ...string) *program {
	t.Helper()
	b, err := corefile.OpenBinary(coretest.BuildZoo(t, flags...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	types, err := gotype.NewStatic(b)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{f: NewStatic(b, types), elf: b.ELF()}
	if p.dw, err = b.ELF().DWARF(); err != nil {
		t.Fatal(err)
	}
	section := func(name string) []byte {
		data, err := b.DebugSection(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if data := section(".debug_loclists"); data != nil {
		p.lists, p.addrs = loclist.NewDwarf5Reader(data), godwarf.ParseAddr(section(".debug_addr"))
	} else {
		p.lists = loclist.NewDwarf2Reader(section(".debug_loc"), 8)
	}
	p.f.units.open(p.f.info)
	for _, r := range p.f.units.ranges {
		for _, fn := range p.f.units.part(r.unit).funcs {
			if !slices.Contains(p.funcs, fn) {
				p.funcs = append(p.funcs, fn)
			}
		}
	}
	return p
}

// each calls visit for PCs of the zoo's own functions, and for some of the
// functions of the standard library.
func (p *program) each(visit func(fn funcRef, name string, pc uint64)) {
	for i, fn := range p.funcs {
		e, err := p.f.info.Entry(fn.off)
		if err != nil {
			continue
		}
		name, step := p.f.nameOf(e), uint64(1)
		if !strings.HasPrefix(name, "main.") {
			if i%16 != 0 {
				continue
			}
			step = 5
		}
		for pc := fn.span.Low; pc < fn.span.High; pc += step {
			visit(fn, name, pc)
		}
	}
}

// TestVariablesAgainstDelve compares the names of the variables of the
// physical function at every PC with those that delve's pkg/dwarf finds.
func TestVariablesAgainstDelve(t *testing.T) {
	for _, flags := range [][]string{nil, {"-gcflags=-N -l"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			p := openProgram(t, flags...)
			trees := map[dwarf.Offset]*godwarf.Tree{}
			pcs, compared := 0, 0
			p.each(func(fn funcRef, name string, pc uint64) {
				scopes, err := p.f.Scopes(pc, pc)
				if err != nil {
					t.Fatalf("%s 0x%x: %v", name, pc, err)
				}
				if len(scopes) > 1 {
					return // delve has no variables of blocks around an inlined call
				}
				tree := trees[fn.off]
				if tree == nil {
					if tree, err = godwarf.LoadTree(fn.off, p.dw, 0); err != nil {
						t.Fatal(err)
					}
					trees[fn.off] = tree
				}
				pcs++
				compared += compareNames(t, name, pc, &scopes[0], tree)
			})
			t.Logf("%d PCs, %d variables", pcs, compared)
			if pcs < 10000 || compared < 20000 {
				t.Errorf("only %d PCs, %d variables", pcs, compared)
			}
		})
	}
}

// foreignHere are variables that stand in a function's debug information and
// belong to another one: delve shows them.
var foreignHere = map[string]string{
	"main.loops str": "the parameter of fmt.Sscan, which was inlined",
}

// compareNames expects what delve sees, and beyond it only what has a location
// in spite of its line, captured variables, and parameters without an entry.
func compareNames(t *testing.T, name string, pc uint64, s *Scope, tree *godwarf.Tree) int {
	t.Helper()
	want := map[string]bool{}
	for _, v := range reader.Variables(tree, pc, s.Line, reader.VariablesOnlyVisible|reader.VariablesSkipInlinedSubroutines) {
		n, _ := v.Val(dwarf.AttrName).(string)
		if n = strings.TrimPrefix(n, "&"); !hidden(n) {
			want[n] = true
		}
	}
	got := map[string]bool{}
	for i := range s.Vars {
		v := &s.Vars[i]
		got[v.Name] = true
		if !want[v.Name] && v.plan.atCall.expr == nil && v.Role == report.RoleLocal {
			t.Errorf("%s 0x%x line %d: %s is not visible (declared in %d)", name, pc, s.Line, v.Name, v.DeclLine)
		}
	}
	for n := range want {
		if why, known := foreignHere[name+" "+n]; known && got[n] {
			t.Errorf("%s 0x%x line %d: %s is shown, but it is %s", name, pc, s.Line, n, why)
		} else if !known && !got[n] {
			t.Errorf("%s 0x%x line %d: %s is missing", name, pc, s.Line, n)
		}
	}
	return len(got)
}

// TestInlinesAgainstDelve compares the chain of inlined calls.
func TestInlinesAgainstDelve(t *testing.T) {
	p := openProgram(t)
	trees := map[dwarf.Offset]*godwarf.Tree{}
	deepest := 0
	p.each(func(fn funcRef, name string, pc uint64) {
		scopes, err := p.f.Scopes(pc, pc)
		if err != nil {
			t.Fatal(err)
		}
		tree := trees[fn.off]
		if tree == nil {
			if tree, err = godwarf.LoadTree(fn.off, p.dw, 0); err != nil {
				t.Fatal(err)
			}
			trees[fn.off] = tree
		}
		var want []string
		for _, call := range reader.InlineStack(tree, pc) {
			n, _ := call.Val(dwarf.AttrName).(string)
			want = append(want, n)
		}
		slices.Reverse(want)
		var got []string
		for _, s := range scopes[1:] {
			got = append(got, s.Function)
		}
		deepest = max(deepest, len(got))
		if !slices.Equal(got, want) {
			t.Errorf("%s 0x%x: %q, want %q", name, pc, got, want)
		}
	})
	if deepest < 3 {
		t.Errorf("no inlined calls: depth %d", deepest)
	}
}

// TestLocationsAgainstDelve evaluates every location of every variable with all
// registers known and compares with delve, which has zeros where nothing is.
func TestLocationsAgainstDelve(t *testing.T) {
	for name, kind := range map[string]struct {
		experiment string
		flags      []string
	}{
		"optimized": {}, "not optimized": {flags: []string{"-gcflags=-N -l"}}, "DWARF 4": {experiment: "nodwarf5"},
	} {
		t.Run(name, func(t *testing.T) {
			if kind.experiment != "" && testing.Short() {
				t.Skip("compiles the standard library anew")
			}
			t.Setenv("GOEXPERIMENT", kind.experiment)
			p := openProgram(t, kind.flags...)
			p.f.src.memory = echoMemory{}
			fr, regs := knownFrame()
			same, missing := 0, 0
			p.each(func(fn funcRef, name string, pc uint64) {
				scopes, err := p.f.Scopes(pc, pc)
				if err != nil {
					t.Fatal(err)
				}
				for i := range scopes {
					for j := range scopes[i].Vars {
						v := &scopes[i].Vars[j]
						p.compareExpr(t, v, pc)
						if v.plan.atCall.expr == nil {
							continue
						}
						loc, err := v.Locate(fr)
						if err != nil {
							t.Errorf("%s 0x%x %s: %v", name, pc, v.Name, err)
							continue
						}
						n, m := compareLocation(t, fmt.Sprintf("%s 0x%x %s", name, pc, v.Name), loc, v.plan.atCall.expr, regs)
						same, missing = same+n, missing+m
					}
				}
			})
			t.Logf("%d pieces the same, %d missing", same, missing)
			if same < 20000 {
				t.Errorf("only %d pieces", same)
			}
		})
	}
}

// compareExpr checks the choice of the entry of a location list.
func (p *program) compareExpr(t *testing.T, v *Var, pc uint64) {
	t.Helper()
	// Only lists in their own section: expressions are in the entry itself.
	u := v.plan.unit
	if v.plan.list.Block || v.plan.list.B != nil || !v.plan.list.List {
		return
	}
	r := p.dw.Reader()
	r.Seek(u.Root)
	root, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	base, _ := root.Val(dwarf.AttrAddrBase).(int64)
	low, _ := root.Val(dwarf.AttrLowpc).(uint64)
	var addrs *godwarf.DebugAddr
	if p.addrs != nil {
		addrs = p.addrs.GetSubsection(uint64(base))
	}
	e, err := p.lists.Find(int(v.plan.list.U), 0, low, pc, addrs)
	var want []byte
	if err != nil {
		t.Fatal(err)
	}
	if e != nil {
		want = e.Instr
	}
	if !bytes.Equal(want, v.plan.atCall.expr) {
		t.Errorf("0x%x %s: expression %x, want %x", pc, v.Name, v.plan.atCall.expr, want)
	}
}

// echoMemory has words that tell where they were read.
type echoMemory struct{}

func (echoMemory) Read(buf []byte, addr uint64) error {
	var w [8]byte
	binary.LittleEndian.PutUint64(w[:], addr^0x5555)
	copy(buf, w[:])
	return nil
}

// knownFrame is a frame with all registers, for both.
func knownFrame() (*corefile.Frame, op.DwarfRegisters) {
	fr := &corefile.Frame{CFA: 0xc000100000, Regs: &corefile.Registers{}}
	regs := op.NewDwarfRegisters(0, nil, binary.LittleEndian, 16, 7, 6, 0)
	for n := range uint64(33) {
		v := 0x1000 + n<<20
		b := binary.LittleEndian.AppendUint64(nil, v)
		if n >= 17 {
			b = append(b, b...)
		}
		fr.Regs.Set(n, b)
		regs.AddReg(n, op.DwarfRegisterFromBytes(b))
	}
	regs.CFA, regs.FrameBase = int64(fr.CFA), int64(fr.CFA)
	return fr, *regs
}

func compareLocation(t *testing.T, what string, loc corefile.Location, expr []byte, regs op.DwarfRegisters) (same, missing int) {
	t.Helper()
	addr, pieces, err := op.ExecuteStackProgram(regs, expr, 8, func(b []byte, a uint64) (int, error) {
		return len(b), echoMemory{}.Read(b, a)
	})
	if err != nil {
		t.Errorf("%s: delve: %v", what, err)
		return 0, 0
	}
	if pieces == nil {
		pieces = []op.Piece{{Kind: op.AddrPiece, Val: uint64(addr)}}
	}
	if len(pieces) != len(loc.Pieces) {
		t.Errorf("%s: %d pieces, want %d", what, len(loc.Pieces), len(pieces))
		return 0, 0
	}
	for i, want := range pieces {
		got := loc.Pieces[i]
		ok := false
		switch got.Kind {
		case corefile.PieceMissing:
			ok = want.Kind == op.ImmPiece && want.Val == 0 && want.Bytes == nil && !got.RegUnknown
			missing++
		case corefile.PieceMemory:
			ok = want.Kind == op.AddrPiece && want.Val == got.Addr
		case corefile.PieceRegister:
			ok = want.Kind == op.RegPiece && want.Val == got.Reg
		case corefile.PieceValue:
			ok = want.Kind == op.ImmPiece && (want.Bytes != nil && bytes.Equal(want.Bytes, got.Value) ||
				want.Bytes == nil && want.Val == binary.LittleEndian.Uint64(got.Value))
		}
		if !ok || want.Size != 0 && int64(want.Size) != got.Size {
			t.Errorf("%s: piece %d is %+v, want %+v", what, i, got, want)
			continue
		}
		same++
	}
	return same, missing
}

// TestLinesAgainstStandardLibrary compares lines with debug/gosym.
func TestLinesAgainstStandardLibrary(t *testing.T) {
	for _, flags := range [][]string{nil, {"-buildmode=pie"}} {
		p := openProgram(t, flags...)
		var data []byte
		for _, s := range p.elf.Sections {
			if strings.HasSuffix(s.Name, ".gopclntab") {
				var err error
				if data, err = s.Data(); err != nil {
					t.Fatal(err)
				}
			}
		}
		table, err := gosym.NewTable(nil, gosym.NewLineTable(data, p.elf.Section(".text").Addr))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		p.each(func(fn funcRef, name string, pc uint64) {
			_, want, _ := table.PCToLine(pc)
			if got := p.f.lines.line(pc); got != want {
				t.Errorf("%s 0x%x: line %d, want %d", name, pc, got, want)
			}
			n++
		})
		if n < 10000 {
			t.Errorf("only %d PCs", n)
		}
	}
}
