package pclntab_test

import (
	"context"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
)

// open opens a fixture's table.
func open(t *testing.T, name string) (*pclntab.Table, *corefile.Core) {
	t.Helper()
	f := coretest.Core(t, name)
	c, err := corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	table, err := pclntab.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return table, c
}

// TestAgainstStandardLibrary compares names, entries, files and lines of every
// function with debug/gosym.
func TestAgainstStandardLibrary(t *testing.T) {
	for _, name := range []string{"payment", "payment.pie", "cgosegv", "race"} {
		t.Run(name, func(t *testing.T) {
			table, c := open(t, name)
			data, err := c.Binary().DebugSection(".gopclntab")
			if err != nil {
				t.Fatal(err)
			}
			text, _, ok := c.Binary().Symbol("runtime.text")
			if !ok {
				t.Fatal("no runtime.text")
			}
			std, err := gosym.NewTable(nil, gosym.NewLineTable(data, text))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for i := range std.Funcs {
				want := &std.Funcs[i]
				if want.End == want.Entry {
					continue // another name for what follows
				}
				f, ok := table.Find(want.Entry + c.LoadBias())
				if !ok || f.Name() != want.Name || f.Entry() != want.Entry+c.LoadBias() {
					t.Fatalf("function at %#x: %q, want %q", want.Entry, f.Name(), want.Name)
				}
				for pc := want.Entry; pc < want.End && f.IsGo(); pc += 7 {
					file, line := f.FileLine(pc + c.LoadBias())
					wantFile, wantLine, _ := std.PCToLine(pc)
					if line != max(wantLine, 0) || file != wantFile {
						t.Fatalf("%s %#x: %s:%d, want %s:%d", want.Name, pc, file, line, wantFile, wantLine)
					}
					n++
				}
			}
			if n < 10_000 {
				t.Errorf("only %d PCs", n)
			}
		})
	}
}

// TestStripped reads a binary without symbols: the module data in memory says
// where text and inline trees are, so that calls are the same as with symbols.
func TestStripped(t *testing.T) {
	stripped, _ := open(t, "payment.stripped")
	inlined := 0
	for i := range stripped.Len() {
		f, ok := stripped.At(i)
		if !ok {
			t.Fatalf("no function %d", i)
		}
		if !strings.HasPrefix(f.Name(), "main.") {
			continue
		}
		for pc := f.Entry(); pc < f.End(); pc += 3 {
			calls := f.Calls(pc)
			if len(calls) > 1 {
				inlined++
			}
			if last := calls[len(calls)-1]; last.Function != f.Name() {
				t.Fatalf("%#x: outermost call is %q, want %q", pc, last.Function, f.Name())
			}
		}
	}
	if inlined == 0 {
		t.Error("no inlined call found in package main")
	}
}

// TestFrameSizes: at its entry a function has not moved the stack pointer.
func TestFrameSizes(t *testing.T) {
	table, _ := open(t, "payment")
	n := 0
	for i := range table.Len() {
		f, ok := table.At(i)
		if !ok || !f.IsGo() || f.End() <= f.Entry() {
			continue
		}
		if d, ok := f.SPDelta(f.Entry()); !ok || d != 0 {
			t.Errorf("%s: frame of %d bytes at its entry, known %v", f.Name(), d, ok)
		}
		n++
	}
	if n < 1000 {
		t.Errorf("%d functions", n)
	}
	if f, ok := table.Find(1); ok {
		t.Errorf("found %s at 1", f.Name())
	}
}

// TestFile opens the executable by itself.
func TestFile(t *testing.T) {
	f := coretest.Core(t, "payment.pie")
	b, err := corefile.OpenBinary(f.Bin)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	table, err := pclntab.OpenBinary(b)
	if err != nil {
		t.Fatal(err)
	}
	core, c := open(t, "payment.pie")
	addr, _, ok := b.Symbol("main.main")
	if !ok || b.ELF().Type != elf.ET_DYN {
		t.Fatal("not the binary that was expected")
	}
	fn, ok := table.Find(addr)
	other, ok2 := core.Find(addr + c.LoadBias())
	if !ok || !ok2 || fn.Name() != "main.main" || other.Name() != "main.main" {
		t.Fatalf("%q and %q", fn.Name(), other.Name())
	}
	for pc := fn.Entry(); pc < fn.End(); pc++ {
		a, z := fn.Calls(pc), other.Calls(pc+c.LoadBias())
		if len(a) != len(z) || a[0].Line != z[0].Line || a[0].Function != z[0].Function {
			t.Fatalf("%#x: %+v, in the core %+v", pc, a, z)
		}
	}
}

// small is a table of one function of 16 bytes with one file.
func small() []byte {
	names := []byte("\x00main.f\x00")
	cus := []byte{0, 0, 0, 0}
	files := []byte("f.go\x00")
	pctab := []byte{0, 2, 4, 18, 12, 0} // from offset 1: value 0 for 4 bytes, then 8 for 12
	index := binary.LittleEndian.AppendUint32(nil, 0)
	for _, v := range []uint32{16, 16, 0} { // offset of the record; end of the function
		index = binary.LittleEndian.AppendUint32(index, v)
	}
	rec := make([]byte, 44)
	for off, v := range map[int]uint32{4: 1, 16: 1, 20: 1, 24: 1, 36: 3} {
		binary.LittleEndian.PutUint32(rec[off:], v)
	}
	b := []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}
	at := uint64(72)
	words := []uint64{1, 1, 0, at}
	for _, part := range [][]byte{names, cus, files, pctab} {
		at += uint64(len(part))
		words = append(words, at)
	}
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	for _, part := range [][]byte{names, cus, files, pctab, index, rec} {
		b = append(b, part...)
	}
	return b
}

func TestSmall(t *testing.T) {
	table, err := pclntab.New(small(), pclntab.Options{Text: 0x1000})
	if err != nil {
		t.Fatal(err)
	}
	f, ok := table.Find(0x1005)
	if !ok || f.Name() != "main.f" || f.Entry() != 0x1000 || f.End() != 0x1010 || f.StartLine() != 3 {
		t.Fatalf("%q %#x %#x line %d, %v", f.Name(), f.Entry(), f.End(), f.StartLine(), ok)
	}
	for pc, want := range map[uint64]int32{0x1000: 0, 0x1003: 0, 0x1004: 9, 0x100f: 9} {
		if d, ok := f.SPDelta(pc); !ok || d != want {
			t.Errorf("%#x: %d, %v, want %d", pc, d, ok, want)
		}
	}
	if _, ok := table.Find(0x1010); ok {
		t.Error("found a function behind the last one")
	}
	for n := range small() {
		if _, err := pclntab.New(small()[:n], pclntab.Options{}); err == nil && n < 72 {
			t.Errorf("%d bytes were taken for a table", n)
		}
	}
}

// FuzzPclntab: any bytes are refused or answer all questions in bounded time.
func FuzzPclntab(f *testing.F) {
	f.Add(small(), []byte{})
	f.Add(small(), make([]byte, 64))
	f.Fuzz(func(t *testing.T, b, data []byte) {
		coretest.Bounded(t, len(b)+len(data), 1024, func() { askTable(t, b, data) })
	})
}

// askTable asks the first functions of a table for everything.
func askTable(t *testing.T, b, data []byte) {
	read := func(off uint64, n int) ([]byte, bool) {
		if off > uint64(len(data)) || uint64(n) > uint64(len(data))-off {
			return nil, false
		}
		return data[off:][:n], true
	}
	table, err := pclntab.New(b, pclntab.Options{Text: 0x1000, FuncData: read, ROData: read})
	if err != nil {
		return
	}
	for i := range min(table.Len(), 16) {
		fn, ok := table.At(i)
		if !ok {
			continue
		}
		_ = fn.Name()
		_, _ = fn.DeferReturn()
		if objs, _ := fn.StackObjects(); len(objs)*16 > len(data) {
			t.Errorf("%d stack objects in %d bytes", len(objs), len(data))
		}
		for _, pc := range []uint64{fn.Entry(), fn.Entry() + 1, fn.End() - 1, 0, ^uint64(0)} {
			if got, ok := table.Find(pc); ok && (pc < got.Entry() || pc >= got.End()) && got.Entry() < got.End() {
				t.Errorf("%#x is outside of %#x to %#x", pc, got.Entry(), got.End())
			}
			_, _ = fn.SPDelta(pc)
			_ = fn.CallSites(pc)
			locals, args, err := fn.PointerMaps(pc, true)
			if 8*len(locals.Bits) < locals.N || 8*len(args.Bits) < args.N || err != nil && locals.N+args.N > 0 {
				t.Errorf("maps of %d words in %d bytes, %d in %d, %v", locals.N, len(locals.Bits), args.N, len(args.Bits), err)
			}
			if calls := fn.Calls(pc); len(calls) == 0 || len(calls) > 300 {
				t.Errorf("%d calls", len(calls))
			}
		}
	}
}
