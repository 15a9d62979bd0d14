package goscope

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// damage writes a copy of an unoptimized, uncompressed program with bytes of
// its debug sections changed; seed decides which.
func damage(t testing.TB, path string, data []byte, seed uint64) *corefile.Binary {
	t.Helper()
	b, err := corefile.OpenBinary(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	r := rand.New(rand.NewPCG(seed, 2))
	out := append([]byte(nil), data...)
	names := []string{".debug_info", ".debug_info", ".debug_loclists", ".debug_rnglists", ".debug_addr", ".debug_abbrev", ".gopclntab"}
	s := b.ELF().Section(names[r.IntN(len(names))])
	for range 1 + r.IntN(2000) {
		out[s.Offset+uint64(r.Int64N(int64(s.FileSize)))] = byte(r.Uint32())
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, out, 0o600); err != nil {
		t.Fatal(err)
	}
	broken, err := corefile.OpenBinary(bad)
	if err != nil {
		t.Fatalf("the headers are whole, only sections were damaged: %v", err)
	}
	t.Cleanup(func() { _ = broken.Close() })
	return broken
}

// useAll asks for everything at PCs all over a program.
func useAll(t *testing.T, b *corefile.Binary) (vars int) {
	t.Helper()
	types, err := gotype.NewStatic(b)
	if err != nil {
		return 0
	}
	f := NewStatic(b, types)
	f.src.memory = echoMemory{}
	text := b.ELF().Section(".text")
	fr, _ := knownFrame()
	for pc := text.Addr; pc < text.Addr+text.Size; pc += 997 {
		scopes, err := f.Scopes(pc+1, pc)
		if err != nil {
			continue
		}
		_, _ = f.Captured(pc)
		for i := range scopes {
			for j := range scopes[i].Vars {
				v := &scopes[i].Vars[j]
				if v.Type == nil || v.Name == "" || v.TypeIn(fr) == nil {
					t.Fatalf("%+v", v)
				}
				if loc, err := v.Locate(fr); err != nil && len(loc.Pieces) > 0 {
					t.Fatalf("%s: pieces and %v", v.Name, err)
				}
				vars++
			}
		}
	}
	globals, _ := f.Globals()
	for _, g := range globals {
		if g.Type == nil || g.Name == "" {
			t.Fatalf("%+v", g)
		}
	}
	return vars
}

// TestMutations looks for variables in damaged debug information.
func TestMutations(t *testing.T) {
	path := coretest.BuildZoo(t, "-ldflags=-compressdwarf=false")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, found := 0, 0
	for seed := range uint64(30) {
		t.Run("", func(t *testing.T) {
			n := useAll(t, damage(t, path, data, seed))
			found += n
			whole = max(whole, n)
		})
	}
	if whole < 500 || found >= 30*whole {
		t.Errorf("%d variables, at most %d: the damage does not test anything", found, whole)
	}
}

// FuzzScopes is TestMutations without end.
func FuzzScopes(f *testing.F) {
	path := coretest.BuildZoo(f, "-ldflags=-compressdwarf=false")
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		coretest.Bounded(t, len(data), 256, func() { useAll(t, damage(t, path, data, seed)) })
	})
}

// TestGlobals compares the package variables with the symbol table.
func TestGlobals(t *testing.T) {
	p := openProgram(t)
	globals, err := p.f.Globals()
	if err != nil {
		t.Fatal(err)
	}
	symbols := map[uint64]string{}
	all, err := p.elf.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		symbols[s.Value] += s.Name + "\n"
	}
	last := Global{}
	for _, g := range globals {
		if g.Package < last.Package || g.Package == last.Package && g.Name < last.Name {
			t.Errorf("%s.%s follows %s.%s", g.Package, g.Name, last.Package, last.Name)
		}
		last = g
		if symbols[g.Addr] == "" && g.Type.Size > 0 {
			t.Errorf("no symbol at 0x%x, %s.%s", g.Addr, g.Package, g.Name)
		}
		again, err := p.f.Global(g.Package + "." + g.Name)
		if err != nil || again.Type != g.Type {
			t.Errorf("%s.%s: %+v, %v", g.Package, g.Name, again, err)
		}
	}
	if len(globals) < 300 || p.f.Damage() != nil {
		t.Errorf("only %d package variables, damage %v", len(globals), p.f.Damage())
	}
	for name, typ := range map[string]string{
		"runtime.allgs": "[]*runtime.g", "runtime.allm": "*runtime.m", "runtime.firstmoduledata": "runtime.moduledata",
		"runtime.printBacklog": "[512]uint8", "main.sink": "func() int", "main.kept": "[]interface {}",
	} {
		if g, err := p.f.Global(name); err != nil || g.Type.Name != typ {
			t.Errorf("%s: %+v, %v; want %s", name, g, err, typ)
		}
	}
	if g, err := p.f.Global("main.nothing"); err == nil {
		t.Errorf("%+v", g)
	}
}
