package delvecore

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/go-delve/delve/pkg/dwarf/op"
	"github.com/go-delve/delve/pkg/proc"
	"github.com/safedump/sdcore/corefile"
)

// converter turns delve's frames into corefile's. Delve lists the calls
// inlined into a function before the function itself, so frames come in
// groups that end with one that is not inlined.
type converter struct {
	b *Backend
	// full: the frame at hand has all registers of a thread or of a signal.
	full bool
	// exact: the frame at hand was interrupted where its PC says, it did not
	// call anything.
	exact bool
	first bool
	// known are registers of the frame at hand that the one above it saved.
	known map[uint64][]byte
	r     bounds // of the goroutine's stack, for telling system stacks
}

func (c *converter) stack(frames []proc.Stackframe) corefile.Stack {
	var s corefile.Stack
	for i := 0; i < len(frames); {
		j := i
		for j < len(frames) && frames[j].Inlined && frames[j].Err == nil {
			j++
		}
		if j == len(frames) { // the depth limit cut a group
			break
		}
		if err := frames[j].Err; err != nil {
			s.End = "delve: " + err.Error()
			break
		}
		if f := &frames[j]; f.Current.PC == 0 && f.Current.Fn == nil && !c.first {
			// What delve shows between a signal in C code and asmcgocall.
			i = j + 1
			continue
		}
		s.Frames = append(s.Frames, c.group(frames[i:j+1])...)
		if at, ok := c.returns(&frames[j]); !ok {
			s.End = fmt.Sprintf("stack memory at %#x is not in the core", at)
			break
		}
		c.next(&frames[j])
		i = j + 1
	}
	return s
}

// returns checks that the core holds the return address of f: where it does
// not, delve takes the bytes of the next memory that it has.
func (c *converter) returns(f *proc.Stackframe) (at uint64, ok bool) {
	if f.Bottom || f.Regs.CFA <= 8 || f.Current.Fn == nil {
		return 0, true
	}
	at = uint64(f.Regs.CFA) - 8
	_, _, ok = c.b.c.Memory().View(at, 8)
	return at, ok
}

// next prepares for the frame below f.
func (c *converter) next(f *proc.Stackframe) {
	c.first, c.exact, c.full = false, false, false
	c.known = c.b.recovered(f)
	if f.Current.Fn == nil {
		return
	}
	switch name := f.Current.Fn.Name; {
	case name == "runtime.sigtrampgo":
		// The frame below comes from the signal's context.
		c.exact, c.full = true, true
	case interrupted(name):
		// It looks like a call, but there was none; what the registers held is
		// gone.
		c.exact = true
	}
}

// group converts a physical function, last in fs, with the calls inlined into
// it, innermost first.
func (c *converter) group(fs []proc.Stackframe) []corefile.Frame {
	phys := &fs[len(fs)-1]
	pc := phys.Current.PC
	base := corefile.Frame{
		PC: pc, CallPC: c.callPC(phys), CFA: uint64(phys.Regs.CFA),
		Regs: c.registers(phys), SystemStack: phys.SystemStack,
	}
	if c.r.hi > c.r.lo {
		// Delve takes signal stacks for the goroutine's.
		base.SystemStack = base.CFA <= c.r.lo || base.CFA > c.r.hi
	}
	if phys.Current.Fn != nil {
		base.Entry = phys.Current.Fn.Entry
	}
	if c.exact != c.first && phys.Current.Fn != nil {
		// Delve takes the first frame's PC for exact, also when it is the
		// return address that the scheduler saved, and looks up the inlined
		// calls of others one byte before it, also when a fault was raised there.
		if out := c.b.expand(base); out != nil {
			return out
		}
	}
	out := make([]corefile.Frame, 0, len(fs))
	for i := range fs {
		f := base
		f.Depth = len(fs) - 1 - i
		f.Inlined = fs[i].Inlined
		f.File, f.Line = fs[i].Call.File, fs[i].Call.Line
		if fs[i].Call.Fn != nil {
			f.Function = plainName(fs[i].Call.Fn.Name)
		}
		if f.File == "?" || f.Line < 0 {
			f.File, f.Line = "", 0
		}
		out = append(out, f)
	}
	return out
}

// plainName is a function's name without the mark that delve gives C code.
func plainName(name string) string { return strings.TrimPrefix(name, "C.") }

// callPC is an address within the instruction that the frame executes.
func (c *converter) callPC(f *proc.Stackframe) uint64 {
	pc, fn := f.Current.PC, f.Current.Fn
	if c.exact || pc == 0 {
		return pc
	}
	if fn != nil && (pc == fn.Entry || fn.Name == "runtime.mstart" || fn.Name == "runtime.systemstack_switch") {
		// Return addresses that nobody called from: the runtime made them up.
		return pc
	}
	return pc - 1
}

// registers copies what is known of the registers at f: everything for a frame
// that a thread or a signal left there, the stack pointer, the frame pointer
// and the program counter for Go code below a call, since the Go ABI preserves
// nothing else, and what the call frame information restored for C code. Delve
// shares the registers between inlined frames and carries those of a system
// stack over to the goroutine's stack. What a function of the runtime saved of
// its caller's registers before it did anything else is added.
func (c *converter) registers(f *proc.Stackframe) *corefile.Registers {
	in := &f.Regs
	out := &corefile.Registers{}
	if c.full && c.first {
		in.Reg(firstVector) // makes delve load the vector registers
	}
	goCode := f.Current.Fn != nil && !strings.HasPrefix(f.Current.Fn.Name, "C.")
	for n := range in.CurrentSize() {
		reg := uint64(n)
		if !c.full && goCode && reg != in.PCRegNum && reg != in.SPRegNum && reg != in.BPRegNum {
			continue
		}
		if v := in.Reg(reg); v != nil {
			out.Set(reg, registerBytes(v))
		}
	}
	for reg, v := range c.known {
		if _, ok := out.Bytes(reg); !ok {
			out.Set(reg, v)
		}
	}
	return out
}

// firstVector is the DWARF number of XMM0 (System V ABI AMD64, figure 3.36).
const firstVector = 17

func registerBytes(r *op.DwarfRegister) []byte {
	if r.Bytes != nil {
		return append([]byte(nil), r.Bytes...)
	}
	return binary.LittleEndian.AppendUint64(nil, r.Uint64Val)
}

// broken finds where a walk through code without call frame information went
// astray: an unknown frame that does not lie further out than the one before
// it. It returns the number of good frames.
func broken(frames []corefile.Frame) int {
	for i := 1; i < len(frames); i++ {
		f, before := &frames[i], &frames[i-1]
		if f.Function == "" && before.Function == "" && f.CFA <= before.CFA {
			return i
		}
	}
	return len(frames)
}

// fold shortens long runs of one and the same call: a run of more than foldMin
// frames keeps its first and last ones, and one between them stands for the
// others.
func fold(in []corefile.Frame) []corefile.Frame {
	const foldMin, keepFirst, keepLast = 64, 32, 15
	out := in[:0:0]
	for i := 0; i < len(in); {
		j := i + 1
		for j < len(in) && in[j].PC == in[i].PC && in[j].Function == in[i].Function && in[j].Depth == in[i].Depth {
			j++
		}
		if j-i <= foldMin {
			out = append(out, in[i:j]...)
			i = j
			continue
		}
		out = append(out, in[i:i+keepFirst]...)
		middle := in[i+keepFirst]
		middle.Repeat = 0
		for _, f := range in[i+keepFirst : j-keepLast] {
			middle.Repeat += max(f.Repeat, 1)
		}
		out = append(out, middle)
		out = append(out, in[j-keepLast:j]...)
		i = j
	}
	return out
}

// omittedText says how a stack continues that was not walked whole.
func omittedText(walked, omitted, kept int) string {
	return fmt.Sprintf("stack is longer than the %d frames walked: %d more follow, the outermost %d found by frame pointers", walked, omitted+kept, kept)
}
