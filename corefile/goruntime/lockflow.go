package goruntime

import (
	"slices"
	"strings"

	"golang.org/x/arch/x86/x86asm"

	"github.com/safedump/sdcore/corefile/pclntab"
)

// Whether a function holds a lock where it stands is a question about its code: on
// every way there, was the lock taken, and given back on none? The code is read
// like a compiler reads it: places where a method of package sync is called or
// stands inlined, the address that each is given, and which instruction comes after
// which.

const (
	maxFlowCode  = 1 << 18 // bytes of a function
	maxFlowSteps = 1 << 16 // instructions
	maxFlowSites = 64
)

// LockSite is a place in the code at which a lock is taken or given back.
type LockSite struct {
	PC       uint64 // of its first instruction
	Function string // "sync.(*Mutex).Lock"
	// Inlined means that Address is that of the word that is changed: the state of a
	// mutex, or the count of readers. Otherwise it is that of the lock itself.
	Inlined bool
	Address Operand
	// Shared means that Address begins with a word of the frame that is written in
	// several places: it may be another value by now.
	Shared bool
}

// maxReads bounds the words that are read on the way to an address.
const maxReads = 4

// Operand is how code computes an address: a constant, or a word of the frame,
// and then steps: to add, to read the word there and to add again.
type Operand struct {
	known bool
	slot  bool   // base is an offset from the frame address, the word there counts
	base  uint64 // the constant otherwise
	reads int    // of the word that was come to, before each of adds but the first
	adds  [maxReads + 1]int64
}

// Address computes an operand in the frame at a frame address. ok is false when the
// code does not tell.
func (r *Runtime) Address(o *Operand, cfa uint64) (addr uint64, ok bool) {
	if !o.known {
		return 0, false
	}
	v, err := o.base, error(nil)
	if o.slot {
		if v, err = r.mem.Uint64(cfa + o.base); err != nil {
			return 0, false
		}
	}
	for i := range o.reads + 1 {
		if i > 0 {
			if v, err = r.mem.Uint64(v); err != nil {
				return 0, false
			}
		}
		v += uint64(o.adds[i])
	}
	return v, true
}

// plus adds to an operand.
func (o Operand) plus(n int64) Operand {
	if o.known {
		o.adds[o.reads] += n
	}
	return o
}

// read is the word at an operand.
func (o Operand) read() Operand {
	if !o.known || o.reads == maxReads {
		return Operand{}
	}
	o.reads++
	return o
}

// LockFlow is what the code of a function does to locks.
type LockFlow struct {
	Sites []LockSite

	entry uint64
	pcs   []uint64
	next  [][2]int // the instructions that can come after, -1 for none
	site  []int    // the site that an instruction is part of, -1 for none
	acts  []int    // the site for which an instruction changes the lock, -1 for none
}

// LockFlow reads the code of the function at pc. ok is false when it locks
// nothing, or has a jump that can't be followed.
func (r *Runtime) LockFlow(pc uint64) (*LockFlow, bool) { return r.flow(pc, lockFunction) }

// FirstArgument is what the function at pc passes first when it calls another one.
func (r *Runtime) FirstArgument(pc uint64, function string) (Operand, bool) {
	f, ok := r.flow(pc, func(name string) bool { return name == function })
	if !ok || f.Sites[0].Inlined || f.Sites[0].Shared {
		return Operand{}, false
	}
	return f.Sites[0].Address, true
}

// flow reads the code of the function at pc, with the places that call a wanted
// function.
func (r *Runtime) flow(pc uint64, wanted func(function string) bool) (*LockFlow, bool) {
	f, ok := r.Functions().Find(pc)
	if !ok || f.End()-f.Entry() > maxFlowCode || !f.IsGo() {
		return nil, false
	}
	code, err := r.view(f.Entry(), int(f.End()-f.Entry()))
	if err != nil {
		return nil, false
	}
	w := flowReader{r: r, f: &f, code: code, wanted: wanted, flow: &LockFlow{entry: f.Entry()}, at: map[uint64]int{}}
	if !w.decode() || !w.link() {
		return nil, false
	}
	w.sites()
	return w.flow, len(w.flow.Sites) > 0 && len(w.flow.Sites) < maxFlowSites
}

// flowReader makes a LockFlow.
type flowReader struct {
	r      *Runtime
	f      *pclntab.Func
	wanted func(function string) bool
	code   []byte
	flow   *LockFlow
	insts  []x86asm.Inst
	at     map[uint64]int // instructions by address
	calls  []string       // the called function, by instruction
}

// decode reads the instructions one after the other.
func (w *flowReader) decode() bool {
	const longest = 15
	for off := 0; off < len(w.code); {
		var padded [2 * longest]byte
		n := copy(padded[:longest], w.code[off:])
		in, err := x86asm.Decode(padded[:], 64)
		if err != nil || in.Len == 0 || in.Len > n {
			// An instruction that x86asm does not know (AVX): where the next one begins
			// is not known either.
			return false
		}
		pc := w.flow.entry + uint64(off)
		w.at[pc] = len(w.insts)
		w.insts = append(w.insts, in)
		w.flow.pcs = append(w.flow.pcs, pc)
		if off += in.Len; len(w.insts) > maxFlowSteps {
			return false
		}
	}
	return len(w.insts) > 0
}

// end is the address behind an instruction.
func (w *flowReader) end(i int) uint64 { return w.flow.pcs[i] + uint64(w.insts[i].Len) }

// link finds what can come after each instruction, and who is called.
func (w *flowReader) link() bool {
	w.flow.next = make([][2]int, len(w.insts))
	w.calls = make([]string, len(w.insts))
	for i := range w.insts {
		in := &w.insts[i]
		after := i + 1
		if after == len(w.insts) {
			after = -1
		}
		to := [2]int{after, -1}
		rel, direct := in.Args[0].(x86asm.Rel)
		target := w.end(i) + uint64(int64(rel))
		switch {
		case in.Op == x86asm.CALL:
			if direct {
				w.calls[i], _ = w.r.FuncName(target)
			}
			if endless(w.calls[i]) {
				to[0] = -1
			}
		case in.Op == x86asm.RET, in.Op == x86asm.UD2, in.Op == x86asm.UD1, in.Op == x86asm.INT:
			to[0] = -1
		case in.Op == x86asm.JMP:
			to[0] = -1
			if !direct {
				return false // a table of jumps
			}
			if j, ok := w.at[target]; ok {
				to[0] = j
			}
		case direct: // a conditional jump
			j, ok := w.at[target]
			if !ok {
				return false
			}
			to[1] = j
		}
		w.flow.next[i] = to
	}
	return true
}

// endless reports whether a function of the runtime never returns.
func endless(name string) bool {
	for _, p := range [...]string{"runtime.gopanic", "runtime.panic", "runtime.goPanic", "runtime.throw", "runtime.fatal", "runtime.block", "runtime.goexit"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// lockFunction reports whether a function takes a lock or gives one back.
func lockFunction(name string) bool {
	switch name {
	case "sync.(*Mutex).Lock", "sync.(*Mutex).Unlock", "sync.(*RWMutex).Lock", "sync.(*RWMutex).Unlock",
		"sync.(*RWMutex).RLock", "sync.(*RWMutex).RUnlock":
		return true
	}
	return false
}

// sites finds the places at which locks are taken and given back.
func (w *flowReader) sites() {
	type region struct {
		name   string
		parent uint64
	}
	w.flow.site = make([]int, len(w.insts))
	byRegion := map[region]int{}
	for i := range w.insts {
		w.flow.site[i] = -1
		pc := w.flow.pcs[i]
		if w.wanted(w.calls[i]) {
			w.add(i, LockSite{PC: pc, Function: w.calls[i]})
		} else if name, parent, ok := w.inlined(pc); ok {
			at := region{name, parent}
			n, ok := byRegion[at]
			if !ok {
				n = w.add(i, LockSite{PC: pc, Function: name, Inlined: true})
				byRegion[at] = n
			}
			w.flow.site[i] = n
		}
	}
	w.adopt()
	w.act()
	if len(w.flow.Sites) > 0 {
		newFrameFlow(w).addresses()
	}
}

// adopt finds the atomic instruction of inlined sites that have none: go1.24.0 and
// go1.27.0 have it at the line of the caller, a few instructions behind the first of
// the method.
func (w *flowReader) adopt() {
	const near = 12
	for n := range w.flow.Sites {
		if !w.flow.Sites[n].Inlined {
			continue
		}
		first, has := -1, false
		for i, s := range w.flow.site {
			if s != n {
				continue
			}
			if first < 0 {
				first = i
			}
			_, atomic := locked(&w.insts[i])
			has = has || atomic
		}
		for i := first; !has && i >= 0 && i < min(first+near, len(w.insts)); i++ {
			if _, atomic := locked(&w.insts[i]); atomic && w.flow.site[i] < 0 {
				w.flow.site[i] = n
				break
			}
		}
	}
}

// act finds the instructions that change the lock: calls, and of inlined methods the
// atomic ones. What else is of an inlined method may stand anywhere before: the
// compiler moves loads and stores. Where a lock is given back without such an
// instruction, all of them count.
func (w *flowReader) act() {
	w.flow.acts = make([]int, len(w.insts))
	acting := make([]bool, len(w.flow.Sites))
	for i, n := range w.flow.site {
		w.flow.acts[i] = -1
		if n < 0 {
			continue
		}
		if _, atomic := locked(&w.insts[i]); atomic || !w.flow.Sites[n].Inlined {
			w.flow.acts[i], acting[n] = n, true
		}
	}
	for i, n := range w.flow.site {
		if n >= 0 && !acting[n] && (slowPath(w.calls[i]) || strings.HasSuffix(w.flow.Sites[n].Function, "nlock")) {
			w.flow.acts[i] = n
		}
	}
}

// add notes a site.
func (w *flowReader) add(i int, s LockSite) int {
	if len(w.flow.Sites) >= maxFlowSites {
		return -1
	}
	w.flow.site[i] = len(w.flow.Sites)
	w.flow.Sites = append(w.flow.Sites, s)
	return w.flow.site[i]
}

// inlined finds the method of a lock that is inlined at pc, and where.
func (w *flowReader) inlined(pc uint64) (name string, parent uint64, ok bool) {
	calls := w.f.Calls(pc)
	for i := len(calls) - 2; i >= 0; i-- {
		if w.wanted(calls[i].Function) {
			return calls[i].Function, calls[i+1].PC, true
		}
	}
	return "", 0, false
}

// locked is the word that an atomic instruction changes.
func locked(in *x86asm.Inst) (x86asm.Mem, bool) {
	for _, p := range in.Prefix {
		if p != 0 && p&0xff == x86asm.PrefixLOCK&0xff {
			mem, ok := in.Args[0].(x86asm.Mem)
			return mem, ok
		}
	}
	return x86asm.Mem{}, false
}

// Effect is what a site does to one lock.
type Effect uint8

// The effects.
const (
	EffectNone Effect = iota
	EffectTake
	EffectGive
)

// Held reports whether the lock is held where a frame stands, after what the sites do
// to it: on every way from the function's entry it was taken, and not given back
// since. A frame that waits in a site has not come to its end. ok is false when
// callPC is not of this code.
func (f *LockFlow) Held(callPC uint64, effects []Effect) (held, ok bool) {
	at := -1
	for i, pc := range f.pcs {
		if pc > callPC {
			break
		}
		at = i
	}
	if at < 0 || len(effects) != len(f.Sites) {
		return false, false
	}
	if s := f.site[at]; s >= 0 { // what holds before the lock is changed counts
		if i := slices.Index(f.acts, s); i >= 0 {
			at = i
		}
	}
	const unseen, free, taken = 0, 1, 2
	in := make([]uint8, len(f.pcs))
	in[0] = free
	for todo := []int{0}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		out := in[i]
		if s := f.acts[i]; s >= 0 {
			switch effects[s] {
			case EffectTake:
				out = taken
			case EffectGive:
				out = free
			}
		}
		for _, j := range f.next[i] {
			if j < 0 || in[j] == free || in[j] == out {
				continue
			}
			if in[j] == taken {
				out = free // on one way it is not
			}
			in[j] = out
			todo = append(todo, j)
		}
	}
	return in[at] == taken, in[at] != unseen
}
