package goruntime

import (
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// Call is a call that was not made yet: what a deferred call will do.
type Call struct {
	// Frame is the called function as if it stood behind its prologue, with the
	// registers that hold its arguments. For a call that was inlined into the
	// wrapper it is there, with Depth 1. Its stack is made up.
	Frame corefile.Frame
	// Stack has the words of the made-up stack by address.
	Stack map[uint64]uint64
}

// OnStack reports whether an address is one of the made-up stack, of which
// Stack has what is known: it is no address of any process.
func (c *Call) OnStack(addr uint64) bool { return addr-(stackTop-stackSpan) < 2*stackSpan }

// The made-up stack lies where no amd64 process has memory: a non-canonical
// address.
const (
	stackTop  = 0x00f0_0000_0000_0000
	stackSpan = 1 << 30
)

// isWrapper reports whether the compiler made the function around a call whose
// receiver and arguments had to be kept until it is made: "main.f.deferwrap1" of
// `defer mu.Unlock()`, "main.(*server).Close-fm" of the method value s.Close.
func isWrapper(function string) bool {
	if strings.HasSuffix(function, "-fm") {
		return true
	}
	i := strings.LastIndex(function, ".deferwrap")
	return i >= 0 && strings.Trim(function[i+len(".deferwrap"):], "0123456789") == ""
}

// Wrapped finds the call that the func value at closure makes, when its
// function is a wrapper of the compiler's. The wrapper's code is followed, with
// the memory of the core, up to the call. ok is false when it is no wrapper or
// does what is not understood here.
func (r *Runtime) Wrapped(closure uint64) (c Call, ok bool) {
	entry, err := r.mem.Uint64(closure)
	if err != nil {
		return c, false
	}
	f, ok := r.Functions().Find(entry)
	if !ok || f.Entry() != entry || !isWrapper(f.Name()) {
		return c, false
	}
	return r.followWrapper(&f, closure)
}

// Begin names the function that begins at entry and the line where it does.
func (r *Runtime) Begin(entry uint64) (report.FrameRef, bool) {
	f, ok := r.Functions().Find(entry)
	if !ok || f.Entry() != entry {
		return report.FrameRef{}, false
	}
	ref := report.FrameRef{Function: f.Name()}
	ref.File, ref.Line = f.FileLine(entry)
	if start := f.StartLine(); start > 0 {
		ref.Line = start
	}
	return ref, true
}
