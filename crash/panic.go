package crash

import (
	"encoding/binary"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// regSP is the stack pointer's DWARF number on amd64 (System V ABI, fig. 3.36).
const regSP = 7

// explainPanic explains a death by panic.
func (x *explainer) explainPanic() {
	x.crash.Kind = report.KindPanic
	chain := x.chain()
	if len(chain) == 0 {
		// Without the runtime's records the argument of gopanic still tells.
		for _, i := range x.marks.panics[:min(1, len(x.marks.panics))] {
			if d, ok := x.param(&x.st.Frames[i], "e", true); ok {
				x.crash.Exception = x.exception(d, "")
				x.crash.Exception.Message, _ = x.errorText(d, 0)
			}
		}
		x.problem(0, "no runtime._panic of the goroutine that panicked")
	} else {
		all := x.panics(chain)
		x.marks.from = x.raised(chain)
		x.crash.Exception = all[0]
		x.crash.Exception.Sub = append(x.crash.Exception.Sub, earlier(all[1:])...)
	}
	x.fault()
}

// maxChain bounds the panics of one goroutine that are explained.
const maxChain = 64

// chain reads the panics of the goroutine, newest first.
func (x *explainer) chain() []goruntime.Panic {
	if x.g == nil || x.in.Runtime == nil {
		return nil
	}
	chain, err := x.in.Runtime.Panics(x.g)
	if err != nil {
		x.problem(x.g.PanicAddr, "%v", err)
	}
	if len(chain) > maxChain {
		x.problem(chain[maxChain].Addr, "%d panics of goroutine %d, the oldest %d are left out", len(chain), x.g.ID, len(chain)-maxChain)
		chain = chain[:maxChain]
	}
	return chain
}

// panics makes exceptions of a chain of panics, newest first. They are read
// from the oldest on: Go looked at them in that order, and the text of one that
// was panicked with again stands at the older one alone.
func (x *explainer) panics(chain []goruntime.Panic) []report.Exception {
	out := make([]report.Exception, len(chain))
	for i := len(chain) - 1; i >= 0; i-- {
		out[i] = x.panicOf(chain[i])
		if i+1 < len(chain) && chain[i+1].Repanicked {
			out[i].Message = out[i+1].Message
		}
	}
	return out
}

// earlier marks panics that were under way when another one came.
func earlier(out []report.Exception) []report.Exception {
	for i := range out {
		out[i].Relation = report.RelationEarlier
	}
	return out
}

// panicOf makes an exception of a runtime._panic. Its argument is what Go
// prints; what it was before its Error or String method was called is in the
// argument of the runtime.gopanic that made it.
func (x *explainer) panicOf(p goruntime.Panic) report.Exception {
	flags := func(e report.Exception) report.Exception {
		e.Recovered, e.Repanicked, e.Goexit = p.Recovered, p.Repanicked, p.Goexit
		return e
	}
	if p.Goexit {
		return flags(report.Exception{Type: "runtime.Goexit", Module: "runtime", Sub: []report.Exception{}})
	}
	arg, err := x.eface(p.Arg)
	if err != nil {
		x.problem(p.Addr, "argument of a panic: %v", err)
		return flags(report.Exception{Sub: []report.Exception{}})
	}
	message, printed := x.panicText(arg)
	if !printed {
		x.problem(p.Arg, "value of a panic can't be printed: its type is not described")
	}
	d, how := x.original(p, arg)
	if how == "e" && arg.name() == "string" && arg.desc != d.desc {
		// Its own Error or String method has said this of it.
		if s, err := x.str(arg.data); err == nil {
			x.said[[2]uint64{d.desc, d.data}] = s
		}
	}
	e := x.exception(d, how)
	e.Message = message
	if how == nilArgument && strings.HasPrefix(message, "panic called with nil argument") {
		e.Type, e.Module = "*runtime.PanicNilError", "runtime"
	}
	return flags(e)
}

// nilArgument is how the value of panic(nil) is known.
const nilArgument = "nil"

// original is the typed value that a panic was called with. how says where it
// was found; it is "" when only the text is left.
func (x *explainer) original(p goruntime.Panic, arg dyn) (d dyn, how string) {
	text := arg.name() == "string"
	if i := x.frameOf(p.Addr); i >= 0 {
		f := &x.st.Frames[i]
		if e, ok := x.param(f, "e", true); ok {
			switch {
			case e.desc == 0 && arg.desc != 0:
				return dyn{}, nilArgument
			case e.desc == arg.desc || text:
				x.evidence("value: parameter e of runtime.gopanic at %#x", f.CFA)
				return e, "e"
			}
		}
	}
	if !text {
		x.evidence("value: argument of the runtime._panic at %#x", p.Addr)
		return arg, "arg"
	}
	x.evidence("text: argument of the runtime._panic at %#x; whether it was an error or a string is not known", p.Addr)
	return dyn{}, ""
}

// raised is the index of the frame that raised what the program dies of. A
// value that was recovered and panicked with again, as package testing and many
// servers do, was first raised further out, where its stack still is.
func (x *explainer) raised(chain []goruntime.Panic) int {
	i := 0
	for i+1 < len(chain) && x.again(chain[i], chain[i+1]) {
		i++
	}
	if i == 0 {
		return x.marks.from
	}
	at := x.frameOf(chain[i].Addr)
	if at < 0 {
		return x.marks.from
	}
	x.evidence("the panic at %#x was recovered, and its value panicked with again", chain[i].Addr)
	return at
}

// again reports whether p panicked with the value that had been recovered from
// the panic before it. Go notes that since 1.26; without the note both calls of
// runtime.gopanic must have the very same argument.
func (x *explainer) again(p, before goruntime.Panic) bool {
	if before.Repanicked {
		return true
	}
	if !before.Recovered {
		return false
	}
	var args [2]dyn
	for i, addr := range []uint64{p.Addr, before.Addr} {
		at := x.frameOf(addr)
		if at < 0 {
			return false
		}
		var ok bool
		if args[i], ok = x.param(&x.st.Frames[at], "e", true); !ok {
			return false
		}
	}
	return args[0].desc != 0 && args[0].desc == args[1].desc && args[0].data == args[1].data
}

// frameOf finds the runtime.gopanic whose frame holds addr; -1 when none does.
func (x *explainer) frameOf(addr uint64) int {
	for _, i := range x.marks.panics {
		f := &x.st.Frames[i]
		sp, ok := f.Regs.Bytes(regSP)
		if ok && len(sp) == 8 && addr >= binary.LittleEndian.Uint64(sp) && addr < f.CFA {
			return i
		}
	}
	return -1
}

// exception makes an exception of a typed value with what it wraps.
func (x *explainer) exception(d dyn, how string) report.Exception {
	e := report.Exception{Type: d.name(), Module: d.module(), Sub: []report.Exception{}}
	if d.desc == 0 {
		if how == nilArgument {
			e.Type = "nil"
		}
		return e
	}
	if d.typ == nil {
		if name, ok := x.printedName(d); ok {
			e.Type = name
		}
		x.problem(d.desc, "type of a panic value is not described")
		return e
	}
	e.Value = x.value(d)
	w := walker{x: x, seen: map[[2]uint64]bool{}}
	e.Sub = append(e.Sub, w.subs(d, 0)...)
	return e
}

// param reads an interface or string parameter of a frame: 16 bytes. With
// spilled set, the slot that the caller keeps for a parameter passed in
// registers is taken where debug information has no location.
func (x *explainer) param(f *corefile.Frame, name string, spilled bool) (dyn, bool) {
	if b, at, ok := x.variable(f, name); ok {
		d := x.dyn(binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), 0)
		if at != 0 {
			d.at = at + 8
		}
		return d, true
	}
	if !spilled || f.CFA == 0 {
		return dyn{}, false
	}
	// Go's register ABI: spill space for parameters is at the bottom of the
	// caller's frame, in order (cmd/compile/abi-internal.md).
	d, err := x.eface(f.CFA)
	if err != nil || d.typ == nil {
		return dyn{}, false
	}
	x.evidence("parameter %s of %s is from its spill slot, which may be out of date", name, f.Function)
	return d, true
}

// variable reads a 16-byte variable of the physical function of f. at is its
// address, 0 unless it is in memory as a whole.
func (x *explainer) variable(f *corefile.Frame, name string) (b []byte, at uint64, ok bool) {
	if x.in.Finder == nil {
		return nil, 0, false
	}
	scopes, err := x.in.Finder.Scopes(f.PC, f.CallPC)
	if err != nil {
		return nil, 0, false
	}
	for i := range scopes {
		if scopes[i].Depth != f.Depth {
			continue
		}
		for j := range scopes[i].Vars {
			v := &scopes[i].Vars[j]
			if v.Name != name || v.Role != report.RoleArg || v.Escaped {
				continue
			}
			loc, err := v.Locate(f)
			if err != nil || len(loc.Pieces) == 0 {
				return nil, 0, false
			}
			return x.gather(loc, f.Regs, 16)
		}
	}
	return nil, 0, false
}

// gather reads the bytes of a location, all or none.
func (x *explainer) gather(loc corefile.Location, regs *corefile.Registers, size int) (b []byte, at uint64, ok bool) {
	for _, p := range loc.Pieces {
		n := int(p.Size)
		if p.Size <= 0 || p.Size > int64(size-len(b)) {
			n = size - len(b)
		}
		var v []byte
		switch p.Kind {
		case corefile.PieceMemory:
			if len(loc.Pieces) == 1 {
				at = p.Addr
			}
			v, _, ok = x.mem.View(p.Addr, n)
		case corefile.PieceRegister:
			v, ok = regs.Bytes(p.Reg)
		case corefile.PieceValue:
			v, ok = p.Value, true
		default:
			return nil, 0, false
		}
		if !ok || len(v) < n {
			return nil, 0, false
		}
		b = append(b, v[:n]...)
	}
	return b, at, len(b) == size
}
