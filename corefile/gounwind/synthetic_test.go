package gounwind

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

const text = 0x1000

// funcs are the functions of the synthetic program, 16 bytes of code each.
var funcs = []coretest.TableFunc{
	{Name: "runtime.goexit", Size: 16, Flags: pclntab.FlagTopFrame},
	{Name: "main.main", Size: 16, Frame: 40},
	{Name: "main.depth", Size: 16, Frame: 8},
	{Name: "runtime.sigpanic", Size: 16, Frame: 24},
	{Name: "runtime.asyncPreempt", Size: 16, Frame: 128},
	{Name: "runtime.mcall", Size: 16, Frame: 8},
	{Name: "runtime.systemstack", Size: 16, Frame: 8},
	{Name: "runtime.cgocallback", Size: 16, Frame: 32},
	{Name: "runtime.sigtramp", Size: 16, Frame: 80, Flags: pclntab.FlagTopFrame},
	{Name: "runtime.asmcgocall", Size: 16, Frame: 8},
	{Name: "x_cgo_thread_start", Size: 16, Frame: -1},
	{Name: "crosscall2", Size: 16, Frame: 80, Flags: pclntab.FlagAsm},
	{Name: "runtime.clone", Size: 16, Frame: 0, Flags: pclntab.FlagAsm},
	{Name: "runtime.gogo", Size: 16, Frame: 8, Flags: pclntab.FlagSPWrite | pclntab.FlagAsm},
	{Name: "gogo", Size: 16, Frame: 0, Flags: pclntab.FlagSPWrite | pclntab.FlagAsm},
}

// at is an address inside of a function, behind its first call.
func at(name string) uint64 {
	for i, f := range funcs {
		if f.Name == name {
			return text + 16*uint64(i) + 8
		}
	}
	panic(name)
}

// fakeMemory is memory in pieces.
type fakeMemory map[uint64][]byte

func (m fakeMemory) Window(addr uint64, n int) []byte {
	for base, b := range m {
		if addr >= base && addr-base < uint64(len(b)) {
			b = b[addr-base:]
			return b[:min(n, len(b))]
		}
	}
	return nil
}

func (m fakeMemory) Uint64(addr uint64) (uint64, error) {
	if b := m.Window(addr, 8); len(b) == 8 {
		return binary.LittleEndian.Uint64(b), nil
	}
	return 0, corefile.ErrUnmapped
}

func (m fakeMemory) put(addr uint64, words ...uint64) {
	for i, w := range words {
		binary.LittleEndian.PutUint64(m.Window(addr+8*uint64(i), 8), w)
	}
}

// fakeRuntime is one thread with its goroutines.
type fakeRuntime struct {
	saved map[uint64]goruntime.Saved
	ms    []goruntime.Thread
}

func (r fakeRuntime) Goroutines(context.Context) ([]corefile.Goroutine, []report.Problem, error) {
	return nil, nil, nil
}
func (r fakeRuntime) Threads() ([]goruntime.Thread, error) { return r.ms, nil }
func (r fakeRuntime) Saved(addr uint64) (goruntime.Saved, error) {
	s, ok := r.saved[addr]
	if !ok {
		return s, errors.New("no such g")
	}
	return s, nil
}

const (
	gAddr, g0Addr, gsAddr, mAddr = 0x10, 0x20, 0x30, 0x40
	gLo, g0Lo, gsLo              = 0x100000, 0x800000000, 0x900000000
	smallStack                   = 0x4000
)

func fakeTable(t testing.TB) *pclntab.Table {
	t.Helper()
	table, err := pclntab.New(coretest.FuncTable(funcs), pclntab.Options{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// fake is a parked goroutine at pc and sp with a stack of the given size.
func fake(t testing.TB, size uint64, pc, sp uint64) (*Backend, fakeMemory, fakeRuntime) {
	mem := fakeMemory{
		gLo: make([]byte, size), g0Lo: make([]byte, smallStack), gsLo: make([]byte, smallStack),
		text: make([]byte, 16*len(funcs)),
	}
	rt := fakeRuntime{saved: map[uint64]goruntime.Saved{
		gAddr:  {Addr: gAddr, Lo: gLo, Hi: gLo + size, PC: pc, SP: sp},
		g0Addr: {Addr: g0Addr, Lo: g0Lo, Hi: g0Lo + smallStack},
		gsAddr: {Addr: gsAddr, Lo: gsLo, Hi: gsLo + smallStack},
	}}
	return newBackend(mem, fakeTable(t), rt, nil, Options{}), mem, rt
}

func unwind(t *testing.T, b *Backend, maxFrames int) corefile.Stack {
	t.Helper()
	s, err := b.Unwind(context.Background(), &corefile.Goroutine{Addr: gAddr, ID: 1, Status: "waiting"}, maxFrames)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// names are the functions of a stack, innermost first.
func names(s corefile.Stack) string {
	var out []string
	for _, f := range s.Frames {
		out = append(out, strings.TrimPrefix(strings.TrimPrefix(f.Function, "main."), "runtime."))
	}
	return strings.Join(out, " ")
}

// recursion fills a stack with n calls of main.depth over main.main.
func recursion(mem fakeMemory, size uint64, n int) (sp uint64) {
	mem.put(gLo+size-8, at("runtime.goexit"))
	cfa := gLo + size - 48 // main.main
	for i := range n {
		ret := at("main.depth")
		if i == 0 {
			ret = at("main.main")
		}
		mem.put(cfa-16, cfa+8, ret)
		cfa -= 16
	}
	return cfa
}

// TestRecursion: however deep the recursion, both ends are kept and the count is
// right; a bound below the run's length keeps the outermost frames too.
func TestRecursion(t *testing.T) {
	for _, tt := range []struct{ depth, maxFrames, frames, omitted int }{
		{1, 0, 3, 0}, {64, 0, 66, 0}, {65, 0, 50, 0}, {1000, 0, 50, 0}, {1_000_000, 0, 50, 0},
		{1_000_000, 200, 50, 0}, {1_000_000, 10, 42, 999_960}, {1000, 60, 60 + 32, 910}, {40, 10, 42, 0}, {30, 100, 32, 0},
	} {
		size := uint64(tt.depth)*16 + 4096
		b, mem, rt := fake(t, size, at("main.depth"), 0)
		g := rt.saved[gAddr]
		g.SP = recursion(mem, size, tt.depth)
		rt.saved[gAddr] = g
		start := time.Now()
		s := unwind(t, b, tt.maxFrames)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("depth %d took %v", tt.depth, d)
		}
		calls := s.Omitted
		for _, f := range s.Frames {
			calls += max(f.Repeat, 1)
		}
		if calls != tt.depth+2 || s.End != "" {
			t.Errorf("depth %d, at most %d: %d calls, end %q", tt.depth, tt.maxFrames, calls, s.End)
		}
		if tt.depth != 1000 || tt.maxFrames != 60 {
			if n := len(s.Frames); n > tt.frames || n < min(tt.frames, 3) {
				t.Errorf("depth %d, at most %d: %d frames, want %d", tt.depth, tt.maxFrames, n, tt.frames)
			}
		}
		outer := names(s)
		if !strings.HasSuffix(outer, "depth main goexit") {
			t.Errorf("depth %d, at most %d: outermost frames are ...%s", tt.depth, tt.maxFrames, outer[max(0, len(outer)-40):])
		}
		for i := 1; i < len(s.Frames); i++ {
			if s.Frames[i].CFA <= s.Frames[i-1].CFA {
				t.Fatalf("depth %d: frame %d at %#x is below its callee at %#x", tt.depth, i, s.Frames[i].CFA, s.Frames[i-1].CFA)
			}
			sp, _ := s.Frames[i].Regs.Bytes(corefile.RegRSP)
			if got := binary.LittleEndian.Uint64(sp); s.Frames[i-1].Repeat < 2 && s.Omitted == 0 && got != s.Frames[i-1].CFA {
				t.Fatalf("depth %d: frame %d has stack pointer %#x, its callee ends at %#x", tt.depth, i, got, s.Frames[i-1].CFA)
			}
		}
	}
}

// TestTraps: what sigpanic and asyncPreempt interrupted stands where its PC is,
// also at the first byte of a call, and asyncPreempt's frame holds its registers.
func TestTraps(t *testing.T) {
	for _, tt := range []struct {
		name string
		size uint64
	}{{"runtime.sigpanic", 32}, {"runtime.asyncPreempt", 136}} {
		b, mem, _ := fake(t, smallStack, at(tt.name), gLo+0x100)
		cfa := gLo + 0x100 + tt.size
		for i := range uint64(14) {
			mem.put(gLo+0x100+8*i, 0x1000+i)
		}
		mem.put(cfa-16, 0xbb)
		mem.put(cfa-8, at("main.main"))
		mem.put(cfa+48-16, 0xcc)
		mem.put(cfa+48-8, at("runtime.goexit"))
		s := unwind(t, b, 0)
		if got := names(s); got != strings.TrimPrefix(tt.name, "runtime.")+" main goexit" || s.End != "" {
			t.Fatalf("%s: %s, end %q", tt.name, got, s.End)
		}
		f := s.Frames[1]
		if f.CallPC != f.PC {
			t.Errorf("%s: interrupted at %#x, call at %#x", tt.name, f.PC, f.CallPC)
		}
		if bp, ok := f.Regs.Bytes(corefile.RegRBP); !ok || bp[0] != 0xbb {
			t.Errorf("%s: frame pointer %x, %v", tt.name, bp, ok)
		}
		rax, ok := f.Regs.Bytes(0)
		if want := tt.name == "runtime.asyncPreempt"; ok != want || want && binary.LittleEndian.Uint64(rax) != 0x1000 {
			t.Errorf("%s: RAX %x, %v", tt.name, rax, ok)
		}
		if s.Frames[2].CallPC == s.Frames[2].PC {
			t.Errorf("%s: outer frame was not interrupted", tt.name)
		}
		if _, ok := s.Frames[2].Regs.Bytes(0); ok {
			t.Errorf("%s: outer frame claims to know RAX", tt.name)
		}
	}
}

// TestBadStacks: what does not add up ends the stack with a reason, and what
// was found before is kept.
func TestBadStacks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pc, sp uint64
		ret    uint64
		end    string
		frames int
	}{
		{"stack pointer outside", at("main.main"), 0x50, 0, "outside of the stack", 0},
		{"frame beyond the stack", at("main.main"), gLo + smallStack - 8, 0, "outside of its stack", 0},
		{"return address 0", at("main.main"), gLo + 8, 0, "is 0", 1},
		{"return address nowhere", at("main.main"), gLo + 8, 0x77, "no known function", 1},
		{"return address in C", at("main.main"), gLo + 8, at("x_cgo_thread_start"), "no known function", 1},
		{"return into gogo", at("main.main"), gLo + 8, at("runtime.gogo"), "changed its stack pointer", 2},
		{"no pc", 0, gLo + 8, 0, "no registers were saved", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, mem, _ := fake(t, smallStack, tt.pc, tt.sp)
			mem.put(gLo+8+48-8, tt.ret)
			s := unwind(t, b, 0)
			if !strings.Contains(s.End, tt.end) || (s.End == "") != (tt.end == "") || len(s.Frames) != tt.frames {
				t.Errorf("%d frames, end %q", len(s.Frames), s.End)
			}
		})
	}
}

// TestBetween: a thread is stopped at an instruction that has just moved it to
// another stack. Both were found in cores of a busy program that the kernel
// wrote without the runtime's help.
func TestBetween(t *testing.T) {
	const tid, stopped = 7, gLo + 0x100
	for _, tt := range []struct {
		name   string
		pc, sp uint64
		saved  uint64 // g.sched.sp, which gogo clears
		want   string
	}{
		{"born", at("runtime.clone"), g0Lo + smallStack, 0, "clone"},
		{"the one that gave birth", at("runtime.clone"), g0Lo + 0x100, 0, "clone systemstack"},
		{"resumed", at("gogo"), stopped, 0, "gogo main goexit"},
		{"resumed, not yet cleared", at("gogo"), stopped, stopped, "gogo main goexit"},
		{"not yet resumed", at("gogo"), g0Lo + 0x100, stopped, "gogo systemstack"},
	} {
		_, mem, rt := fake(t, smallStack, at("main.main"), tt.saved)
		mem[g0Lo+smallStack] = make([]byte, 64) // another's
		mem.put(g0Lo+smallStack, at("main.main"))
		mem.put(g0Lo+0x100, at("runtime.systemstack"))
		mem.put(stopped+48-8, at("runtime.goexit"))
		rt.ms = []goruntime.Thread{{Addr: mAddr, TID: tid, G0: g0Addr, GSignal: gsAddr, CurG: gAddr}}
		th := corefile.Thread{TID: tid, PC: tt.pc, SP: tt.sp, Regs: &corefile.Registers{}}
		b := newBackend(mem, fakeTable(t), rt, []corefile.Thread{th}, Options{})
		s, err := b.UnwindThread(context.Background(), tid, 0)
		if got := names(s); err != nil || !strings.HasPrefix(got, tt.want) || tt.want == "clone" && (got != "clone" || s.End != "") {
			t.Errorf("%s: %s, end %q, %v", tt.name, got, s.End, err)
		}
	}
}

// TestNotStarted: a goroutine that did not run yet stands at the start of its
// function, not at the end of the one before.
func TestNotStarted(t *testing.T) {
	entry := at("main.depth") - 8
	b, mem, _ := fake(t, smallStack, entry, gLo+0x100)
	mem.put(gLo+0x100, at("runtime.goexit"))
	s := unwind(t, b, 0)
	if got := names(s); got != "depth goexit" || s.Frames[0].CallPC != entry || s.Frames[0].CFA != gLo+0x108 {
		t.Errorf("%s at %#x, end %q", got, s.Frames[0].CallPC, s.End)
	}
}

// onThread makes the goroutine run on a thread that stands at pc and sp.
func onThread(t testing.TB, pc, sp uint64, saved goruntime.Saved) (*Backend, fakeMemory) {
	_, mem, rt := fake(t, smallStack, 0, 0)
	saved.Addr, saved.Lo, saved.Hi, saved.M = gAddr, gLo, gLo+smallStack, mAddr
	rt.saved[gAddr] = saved
	rt.ms = []goruntime.Thread{{Addr: mAddr, TID: 7, G0: g0Addr, GSignal: gsAddr, CurG: gAddr}}
	th := corefile.Thread{TID: 7, PC: pc, SP: sp, Regs: &corefile.Registers{}}
	th.Regs.SetWord(corefile.RegRIP, pc)
	th.Regs.SetWord(corefile.RegRSP, sp)
	th.Regs.SetWord(corefile.RegRBP, 0)
	return newBackend(mem, fakeTable(t), rt, []corefile.Thread{th}, Options{}), mem
}

// outer puts main.main and goexit at sp on the goroutine's stack.
func outer(mem fakeMemory, sp uint64) {
	mem.put(sp+48-8, at("runtime.goexit"))
}

// TestSwitches crosses from the system stack to the goroutine's in each way.
func TestSwitches(t *testing.T) {
	const sp = gLo + 0x200
	t.Run("mcall", func(t *testing.T) {
		b, mem := onThread(t, at("main.depth"), g0Lo+0x100, goruntime.Saved{PC: at("main.main"), SP: sp})
		mem.put(g0Lo+0x100+8, at("runtime.mcall"))
		outer(mem, sp)
		if s := unwind(t, b, 0); names(s) != "depth mcall main goexit" || s.End != "" || !s.Frames[1].SystemStack || s.Frames[2].SystemStack {
			t.Errorf("%s, end %q", names(s), s.End)
		}
	})
	t.Run("signal", func(t *testing.T) {
		b, mem := onThread(t, at("main.depth"), gsLo+0x100, goruntime.Saved{PC: at("main.depth"), SP: gLo + 0x20})
		mem.put(gsLo+0x100+8, at("runtime.sigtramp"))
		uc := uint64(gsLo + 0x110 + 88)
		mem.put(uc+ucStackSP, gsLo)
		mem.put(uc+ucStackSize, smallStack)
		mem.put(uc+ucRegisters+13*8, 0x123) // rax
		mem.put(uc+ucRegisters+15*8, sp, at("main.main"))
		outer(mem, sp)
		s := unwind(t, b, 0)
		if names(s) != "depth main goexit" || s.End != "" || s.Frames[1].CallPC != s.Frames[1].PC {
			t.Fatalf("%s, end %q", names(s), s.End)
		}
		if rax, ok := s.Frames[1].Regs.Bytes(0); !ok || binary.LittleEndian.Uint64(rax) != 0x123 {
			t.Errorf("RAX %x, %v", rax, ok)
		}
		mem.put(uc+ucStackSP, 1) // no frame of the kernel's
		if s := unwind(t, b, 0); names(s) != "depth" || !strings.Contains(s.End, "no signal frame") {
			t.Errorf("%s, end %q", names(s), s.End)
		}
	})
	t.Run("C", func(t *testing.T) {
		b, mem := onThread(t, at("x_cgo_thread_start"), g0Lo+0x100,
			goruntime.Saved{PC: at("main.main"), SP: sp, SyscallPC: at("main.main"), SyscallSP: sp})
		outer(mem, sp)
		if s := unwind(t, b, 0); names(s) != "x_cgo_thread_start main goexit" || !strings.Contains(s.End, "C code") {
			t.Errorf("%s, end %q", names(s), s.End)
		}
	})
	t.Run("asmcgocall", func(t *testing.T) {
		b, mem := onThread(t, at("main.depth"), g0Lo+0x100, goruntime.Saved{})
		mem.put(g0Lo+0x100+8, at("runtime.asmcgocall"), gLo+smallStack-sp, gAddr)
		mem.put(sp, 0, at("main.main"))
		outer(mem, sp+16)
		if s := unwind(t, b, 0); names(s) != "depth asmcgocall main goexit" || s.End != "" {
			t.Errorf("%s, end %q", names(s), s.End)
		}
		mem.put(g0Lo+0x100+24, 0x99) // another goroutine
		if s := unwind(t, b, 0); names(s) != "depth asmcgocall" || !strings.Contains(s.End, "another goroutine") {
			t.Errorf("%s, end %q", names(s), s.End)
		}
	})
	t.Run("cgocallback", func(t *testing.T) {
		b, mem, rt := fake(t, smallStack, at("runtime.cgocallback"), sp)
		g := rt.saved[gAddr]
		g.BP = g0Lo + 0x100
		rt.saved[gAddr] = g
		copy(mem.Window(at("crosscall2")-8, 4), "\x55\x48\x89\xe5")
		mem.put(g.BP, 0x11, at("crosscall2"))
		cfa := g.BP + 16 + 88
		mem.put(cfa-64, 0xbb)
		mem.put(cfa-16, 0xb0, at("runtime.asmcgocall"), gLo+smallStack-(sp+0x80), gAddr)
		mem.put(sp+0x80, 0, at("main.main"))
		outer(mem, sp+0x90)
		s := unwind(t, b, 0)
		if names(s) != "cgocallback crosscall2 asmcgocall main goexit" || s.End != "" {
			t.Errorf("%s, end %q", names(s), s.End)
		}
		mem.put(g.BP, 0x11, 0x12) // used for something else since
		mem.put(sp+32, at("main.main"))
		outer(mem, sp+40)
		if s := unwind(t, b, 0); names(s) != "cgocallback main goexit" || s.End != noteGone {
			t.Errorf("%s, end %q", names(s), s.End)
		}
	})
	t.Run("nil function", func(t *testing.T) {
		b, mem := onThread(t, 0, sp, goruntime.Saved{})
		mem.put(sp, at("main.main"))
		outer(mem, sp+8)
		if s := unwind(t, b, 0); names(s) != " main goexit" || s.End != "" {
			t.Errorf("%q, end %q", names(s), s.End)
		}
	})
}
