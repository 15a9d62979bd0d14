package delvecore

import (
	"debug/elf"

	"github.com/go-delve/delve/pkg/dwarf/op"
	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/linutil"
)

// maxRestarts bounds the interruptions on one stack; a signal handler that is
// interrupted by a signal has two.
const maxRestarts = 16

// interrupted reports whether the frame below one of this function was
// interrupted at its PC rather than having called it.
func interrupted(function string) bool {
	switch function {
	case "runtime.sigtrampgo", "runtime.sigpanic", "runtime.asyncPreempt":
		return true
	}
	return false
}

// restart walks anew from each function that was interrupted. Delve unwinds by
// frame pointer once it has seen one, and goes on so below a signal: there, in
// a function without a frame of its own or before it has made one, the frame
// pointer is its caller's, so that the caller is lost and the interrupted
// function gets the wrong frame address, that is, wrong variables. A walk that
// begins there uses the call frame information.
func (b *Backend) restart(w walk) []proc.Stackframe {
	frames := w.frames
	if f := b.c.Binary().ELF(); f == nil || f.Machine != elf.EM_X86_64 {
		return frames
	}
	from := 0
	for range maxRestarts {
		at := interruption(frames, from)
		if at < 0 {
			break
		}
		from = at + 1
		if more := b.rewalk(w, &frames[at], max(w.depth-at, 1)); more != nil {
			frames = append(frames[:at:at], more...)
		}
	}
	return frames
}

// interruption is the index of the first frame at or behind from that was
// interrupted, the innermost of its group; -1 when there is none.
func interruption(frames []proc.Stackframe, from int) int {
	for i := max(from, 1); i < len(frames); i++ {
		in, f := &frames[i-1], &frames[i]
		if !in.Inlined && in.Current.Fn != nil && interrupted(in.Current.Fn.Name) && f.Err == nil && f.Current.Fn != nil {
			return i
		}
	}
	return -1
}

// rewalk walks from the registers of frame at; nil when that leads elsewhere.
func (b *Backend) rewalk(w walk, at *proc.Stackframe, depth int) []proc.Stackframe {
	var out []proc.Stackframe
	err := guard("restart", func() (err error) {
		th := b.target.CurrentThread()
		if w.g != nil && w.g.Thread != nil {
			th = w.g.Thread
		} else if w.thread != nil {
			th = w.thread
		}
		fake := &stopped{Thread: th, at: at.Regs, pc: at.Current.PC}
		if w.g == nil {
			b.target.ClearCaches() // it has kept the stack of this thread
			out, err = deepen(depth, func(n int) ([]proc.Stackframe, error) {
				return proc.ThreadStacktrace(b.target, fake, n-1)
			})
			b.target.ClearCaches()
			return err
		}
		g := *w.g
		g.Thread = fake
		g.SystemStack = w.r.hi > w.r.lo && !w.r.has(at.Regs.SP())
		out, err = deepen(depth, func(n int) ([]proc.Stackframe, error) {
			return proc.GoroutineStacktrace(b.target, &g, n-1, uncached)
		})
		return err
	})
	if err != nil || len(out) == 0 || out[0].Err != nil || out[0].Current.PC != at.Current.PC {
		return nil
	}
	// What is known of the registers is what was known before.
	for i := range out {
		cfa := out[i].Regs.CFA
		out[i].Regs = at.Regs
		out[i].Regs.CFA = cfa
		if !out[i].Inlined {
			break
		}
	}
	return out
}

// stopped is a thread that stands where a frame was interrupted.
type stopped struct {
	proc.Thread
	at op.DwarfRegisters
	pc uint64
}

// Registers are those that a walk along Go code looks at: program counter,
// stack pointer, frame pointer; the others stay 0 and are not given on.
func (s *stopped) Registers() (proc.Registers, error) {
	real, err := s.Thread.Registers()
	if err != nil {
		return nil, err
	}
	return linutil.NewAMD64Registers(&linutil.AMD64PtraceRegs{
		Rip: s.pc, Rsp: s.at.SP(), Rbp: s.at.BP(), Fs_base: real.TLS(),
	}, func(*linutil.AMD64Registers) error { return nil }), nil
}
