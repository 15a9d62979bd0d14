package gounwind

import (
	"strings"

	"github.com/safedump/sdcore/corefile"
)

// symbolKey is a PC and whether something was interrupted there.
type symbolKey struct {
	pc    uint64
	exact bool
}

// maxSymbols bounds the cache.
const maxSymbols = 1 << 18

// Symbolize returns the calls at a PC, inlined ones before the physical function:
// functions, files, lines, FuncLine, Within, PC, CallPC, Entry, Inlined and Depth are filled in.
// They are found once per PC and shared: they must not be changed. exact is
// [RawExact] of the raw frame.
func (b *Backend) Symbolize(pc uint64, exact bool) []corefile.Frame {
	near := &b.near[pc*0x9e3779b97f4a7c15>>(64-nearBits)]
	if near.pc == pc && near.calls != nil && !exact {
		return near.calls
	}
	key := symbolKey{pc, exact}
	fs, ok := b.symbols[key]
	if !ok {
		fs = b.symbolize(pc, exact)
		if len(b.symbols) < maxSymbols {
			b.symbols[key] = fs
		}
	}
	if near.pc == pc && !exact {
		near.calls = fs
	}
	return fs
}

func (b *Backend) symbolize(pc uint64, exact bool) []corefile.Frame {
	at := b.rule(pc, exact).callPC
	f, ok := b.table.Find(at)
	if !ok || !f.IsGo() {
		if fs := b.c.describe(pc, at); fs != nil {
			return fs
		}
		fr := corefile.Frame{PC: pc, CallPC: at}
		if ok {
			fr.Function, fr.Entry = f.Name(), f.Entry()
		}
		return []corefile.Frame{fr}
	}
	calls := f.Calls(at)
	out := make([]corefile.Frame, len(calls))
	generic := false
	for i := range calls {
		c := &calls[i]
		depth := len(calls) - 1 - i
		out[i] = corefile.Frame{
			Function: c.Function, File: c.File, Line: c.Line, PC: pc, CallPC: at,
			Entry: f.Entry(), Inlined: depth > 0, Depth: depth,
		}
		out[i].FuncLine = c.StartLine
		if d, ok := f.DeclaredIn(c); ok {
			out[i].Within, out[i].FuncLine = d.Function, d.Line
		}
		generic = generic || strings.Contains(c.Function, "[...]")
	}
	if generic {
		b.nameGenerics(out)
	}
	return out
}

// nameGenerics replaces "[...]" by the type arguments that the debug information
// has.
func (b *Backend) nameGenerics(fs []corefile.Frame) {
	if b.o.Scopes == nil {
		return
	}
	scopes, err := b.o.Scopes.Scopes(fs[0].PC, fs[0].CallPC)
	if err != nil || len(scopes) != len(fs) {
		return
	}
	for i := range fs {
		full := scopes[fs[i].Depth].Function
		if a, z := strings.IndexByte(full, '['), strings.LastIndexByte(full, ']'); a >= 0 && z > a &&
			full[:a]+"[...]"+full[z+1:] == fs[i].Function {
			fs[i].Function = full
		}
	}
}

// stack makes frames of what was walked.
func (b *Backend) stack() corefile.Stack {
	raw := b.w.rec.finish()
	frames, regs := b.room(len(raw))
	for i := range raw {
		r := &raw[i]
		known := b.registers(r, &regs[i])
		calls := b.Symbolize(r.PC, r.Flags&RawExact != 0)
		n := len(frames)
		frames = append(frames, calls...)
		for k := n; k < len(frames); k++ {
			f := &frames[k]
			f.CFA, f.Regs, f.Repeat = r.CFA, known, r.Repeat
			f.SystemStack = r.Flags&RawSystem != 0
		}
	}
	if b.reuse {
		b.frames, b.regs = frames, regs
	}
	return corefile.Stack{Frames: frames, End: b.w.end, Omitted: b.w.rec.omitted}
}

// room is where the frames of a stack of n physical ones are put, and their
// registers.
func (b *Backend) room(n int) ([]corefile.Frame, []corefile.Registers) {
	if cap(b.regs) < n || !b.reuse {
		return make([]corefile.Frame, 0, n+n/2), make([]corefile.Registers, n)
	}
	clear(b.regs[:n])
	return b.frames[:0], b.regs[:n]
}

// registers fills in what is known of the registers of a frame.
func (b *Backend) registers(r *Raw, regs *corefile.Registers) *corefile.Registers {
	if r.Flags&rawRegisters != 0 {
		for i := range b.w.special {
			if s := &b.w.special[i]; s.pc == r.PC && s.cfa == r.CFA {
				return s.regs
			}
		}
	}
	regs.SetWord(corefile.RegRIP, r.PC)
	regs.SetWord(corefile.RegRSP, r.SP)
	if r.Flags&RawBP != 0 {
		regs.SetWord(corefile.RegRBP, r.BP)
	}
	return regs
}
