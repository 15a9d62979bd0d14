package goruntime

import (
	"encoding/binary"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
)

// Scanning of stacks for pointers, as the garbage collector does it: scanstack
// and scanframeworker of runtime/mgcmark.go, runtime/mgcstack.go; the same in
// go1.25.4, go1.26.8 and go1.27.0 but for the vector registers, which go1.27
// scans too.

const (
	// maxUnfolded bounds the frames of one stack that are taken out of folded
	// ones one by one; the words of the others are scanned as if nothing were
	// known of them.
	maxUnfolded = 1 << 16
	// maxLiveObjects bounds the stack objects of one stack.
	maxLiveObjects = 1 << 20
	// maxStack is the largest stack that is believed: Go's own bound is 1 GB
	// unless a program raises it.
	maxStack = 1 << 34
	// maxAny bounds the bytes of all stacks that are scanned without a map, and
	// maxMissing the pages that are looked for in vain: damaged records can claim
	// the same memory for a hundred thousand goroutines.
	maxAny     = 1 << 34
	maxMissing = 1 << 22
)

// Range is a part of memory.
type Range struct{ From, To uint64 }

// StackScan is what a stack holds of pointers. Its slices are valid until the
// scanner's next Scan.
type StackScan struct {
	// Stack is where the stack lies.
	Stack Range
	// Ctxt is [Saved.Ctxt].
	Ctxt uint64
	// Vectors are the vector registers that a preemption saved outside of the
	// stack; empty when there are none.
	Vectors Range
	// Frames are the frames on the goroutine's own stack, inner ones first. Those
	// of system stacks hold no pointers that keep something alive.
	Frames []FrameScan
	// Objects are the stack objects that are alive, in the order of their
	// addresses.
	Objects []ObjectScan
	// Defers are the records of deferred calls, the newest first.
	Defers []DeferRecord
	// Rest are parts of the stack whose frames are not known: every word may be a
	// pointer.
	Rest []Range
	// Err says why a part of the scan is missing.
	Err error
}

// FrameScan is a frame, or several equal ones in a row.
type FrameScan struct {
	// Frame is the index of the physical frame in the stack.
	Frame int
	Map   *FrameMap
	// SP and CFA are the stack pointer and frame address of the innermost one.
	// There are Count, each Stride bytes above the one before.
	SP, CFA, Stride uint64
	Count           int
	// Conservative: nothing says which words are pointers, because the frame was
	// stopped at any instruction, or its map is wrong. Map.Live does not hold
	// then, and all words of Any count.
	Conservative bool
	// Any are words that may be pointers, and AnyArgs those that are arguments.
	Any, AnyArgs Range
	// Args are pointers besides Map.Live: the arguments of a function that reflect
	// made, of which each has others.
	Args []Words
	// Registers says that it was stopped at any instruction and that the
	// registers of the frame, as far as they are known, are its own.
	Registers bool
}

// ObjectScan is a stack object that is alive.
type ObjectScan struct {
	Frame int // index of the physical frame in the stack
	Map   *FrameMap
	Index int    // in Map.Objects
	CFA   uint64 // of the frame
	// Conservative: only words that may not be pointers point to it.
	Conservative bool
}

// DeferRecord is a runtime._defer, whether or not its call is one of a frame
// that is known.
type DeferRecord struct {
	Addr, Closure, SP uint64
	// Heap: the record itself lies on the heap.
	Heap bool
}

// StackScanner scans stacks. What depends on the PC only is found once. It is
// not safe for concurrent use.
type StackScanner struct {
	r       *Runtime
	maps    map[mapKey]*FrameMap
	near    [1 << nearMapBits]*FrameMap
	vectors uint64      // size of runtime.xRegState
	regArgs FrameObject // internal/abi.RegArgs, as if it lay at the frame address

	overflow FrameMap // of frames for which there is no room in maps

	wordsLeft int // that maps may still have

	out      StackScan
	saved    Saved
	data     []byte // a part of the stack, from dataAt on
	dataAt   uint64
	objects  []stackObject
	found    []int // those of objects whose pointers were not followed yet
	unsure   bool  // nothing says that what is followed now are pointers
	unfolded int

	missing int    // pages that were looked for and are not in the core
	anyLeft uint64 // how many bytes of which nothing is known may still come
}

// stackObject is one that may be alive.
type stackObject struct {
	addr, size uint64
	scan       ObjectScan
	live       bool
}

// NewStackScanner prepares to scan stacks.
func (r *Runtime) NewStackScanner() *StackScanner {
	s := &StackScanner{r: r, maps: map[mapKey]*FrameMap{}, wordsLeft: maxMapWords, anyLeft: maxAny}
	s.overflow.Err = errTooManyMaps
	if t, err := r.types.ByName("runtime.xRegState"); err == nil && t.Size > 0 && t.Size <= maxStruct {
		s.vectors = uint64(t.Size)
	}
	if t, err := r.types.ByName("internal/abi.RegArgs"); err == nil && t.Size > 0 && t.Size <= maxStruct {
		if ptrs, ok := t.Field("Ptrs"); ok && ptrs.Type.Size%8 == 0 {
			s.regArgs = FrameObject{Size: (t.Size + 7) &^ 7, Pointers: []Words{{Off: ptrs.Offset, N: int(ptrs.Type.Size / 8)}}}
		}
	}
	return s
}

// Restart lets the bounds on the work for all stacks count from the start.
func (s *StackScanner) Restart() { s.anyLeft, s.missing = maxAny, 0 }

// Scan finds the pointers of the stack of g, of which st are the frames as
// [corefile.Backend.Unwind] returns them. The result is the scanner's own and is
// gone with the next call.
func (s *StackScanner) Scan(g *corefile.Goroutine, st *corefile.Stack) *StackScan {
	o := &s.out
	*o = StackScan{Frames: o.Frames[:0], Objects: o.Objects[:0], Defers: o.Defers[:0], Rest: o.Rest[:0]}
	s.objects, s.found, s.unsure = s.objects[:0], s.found[:0], false
	s.data, s.dataAt, s.unfolded = nil, 0, 0
	var err error
	if s.saved, err = s.r.Saved(g.Addr); err != nil {
		o.Err = fmt.Errorf("goroutine %d: %w", g.ID, err)
		return o
	}
	o.Stack, o.Ctxt = Range{s.saved.Lo, s.saved.Hi}, s.saved.Ctxt
	if at := s.saved.XRegs; at != 0 && s.vectors != 0 && at+s.vectors > at {
		o.Vectors = Range{at, at + s.vectors}
	}
	if o.Stack.From >= o.Stack.To || o.Stack.To-o.Stack.From > maxStack {
		o.Err = fmt.Errorf("goroutine %d: stack from %#x to %#x", g.ID, o.Stack.From, o.Stack.To)
		o.Stack = Range{}
		return o
	}
	s.frames(st)
	s.defers(g)
	if len(s.objects) > 0 {
		s.reach(g)
	}
	return o
}

// frames decides for each frame of the stack what of it is alive.
func (s *StackScanner) frames(st *corefile.Stack) {
	w := frameWalk{s: s, at: s.out.Stack.From}
	broken := st.End != "" || st.Omitted > 0
	for i := range st.Frames {
		if fr := &st.Frames[i]; !fr.Inlined {
			w.frame(i, fr, broken)
		}
	}
	switch {
	case !w.any: // nothing is known of it, not even where it stands
		from := s.out.Stack.From
		if sp := s.saved.SP; sp > from && sp < s.out.Stack.To && s.saved.M == 0 {
			from = sp
		}
		s.rest(from, s.out.Stack.To)
	case broken && !w.top:
		s.rest(w.at, s.out.Stack.To)
	}
}

// frameWalk goes along the frames of one stack.
type frameWalk struct {
	s        *StackScanner
	at       uint64 // where the next frame begins, if none is missing
	any, top bool
	inner    frameKind // of the frame before
}

func (w *frameWalk) frame(i int, fr *corefile.Frame, broken bool) {
	s := w.s
	sp, ok := stackPointer(fr)
	stack := s.out.Stack
	if fr.SystemStack || !ok || sp < stack.From || sp >= stack.To || w.any && sp < w.at {
		return
	}
	// In a system call the collector begins where the goroutine left Go code.
	key := mapKey{fr.PC, fr.CallPC, fr.PC}
	entered := s.saved.SyscallSP
	if entered >= stack.From && entered < stack.To && sp <= entered {
		if sp < entered {
			return
		}
		key.goesOn = s.saved.SyscallPC
	} else {
		entered = 0
	}
	if w.inner == frameTraps {
		key.goesOn = s.goesOn(fr.CallPC)
	}
	m := s.frameMap(key)
	if broken && w.any && sp > w.at {
		s.rest(w.at, sp)
	}
	f := FrameScan{Frame: i, Map: m, SP: sp, CFA: fr.CFA, Count: max(fr.Repeat, 1), Stride: fr.CFA - sp}
	stopped := w.inner == framePreempts
	if w.inner == frameTraps || entered != 0 {
		stopped = false
	} else if fr.PC == fr.CallPC && m.kind != frameNeverStops {
		// One that is interrupted at its entry has no frame yet: the map of the
		// entry holds, and what it came for is in registers.
		f.Registers = m.kind != frameRaises
		stopped = stopped || m.Err != nil || m.Function == "" || fr.PC != s.entry(fr.PC)
	}
	f.Registers = f.Registers || stopped && m.kind != frameRaises
	w.inner, w.any = m.kind, true
	s.place(&f, sp, stopped)
	w.at, w.top = max(f.CFA+uint64(f.Count-1)*f.Stride, sp), m.top
	s.out.Frames = append(s.out.Frames, f)
}

// entry is where the function at pc begins.
func (s *StackScanner) entry(pc uint64) uint64 {
	f, ok := s.r.table.Find(pc)
	if !ok {
		return 0
	}
	return f.Entry()
}

// goesOn is where a function that trapped goes on: at the call that runs what it
// deferred, one behind it as for a return address, or not at all.
func (s *StackScanner) goesOn(pc uint64) uint64 {
	f, ok := s.r.table.Find(pc)
	if !ok {
		return 0
	}
	at, ok := f.DeferReturn()
	if !ok {
		return 0
	}
	return at + 1
}

// place decides which words of a frame count, and adds its stack objects.
func (s *StackScanner) place(f *FrameScan, sp uint64, stopped bool) {
	m, hi := f.Map, s.out.Stack.To
	wrong := f.CFA <= sp || f.CFA > hi || uint64(m.size) != f.CFA-sp || m.Err != nil
	folded := f.Count > 1
	if folded && (wrong || f.Stride == 0 || uint64(f.Count-1) > (hi-f.CFA)/f.Stride) {
		f.Count, f.Stride = 1, 0 // does not fit
		wrong = true
	}
	switch {
	case wrong && (f.CFA <= sp || f.CFA > hi):
		// Where it ends is not known: what lies above is taken for its caller's.
		f.CFA, f.Stride = sp, 0
		if m.Err == nil && uint64(m.size) <= hi-sp {
			f.CFA = sp + uint64(m.size)
		}
		s.any(f, sp)
	case wrong || stopped || m.kind == framePreempts:
		s.any(f, sp)
	case folded && len(m.Live)+len(m.Objects) > 0 && s.unfolded+f.Count > maxUnfolded:
		last := f.CFA + uint64(f.Count-1)*f.Stride
		s.any(f, sp)
		f.Any = s.allowed(Range{sp, last})
		f.AnyArgs = s.allowed(Range{last, min(last+uint64(m.argBytes), hi)})
	default:
		if folded {
			s.unfolded += f.Count
		}
		if m.kind == frameOfReflect {
			s.reflectArgs(f)
		}
		s.addObjects(f)
	}
}

// any makes a frame one of which nothing is known: its words from the stack
// pointer up to the return address, and its arguments.
func (s *StackScanner) any(f *FrameScan, sp uint64) {
	f.Conservative = true
	f.Any = s.allowed(Range{sp, max(f.CFA, sp+8) - 8})
	if n := uint64(f.Map.argBytes); n > 0 && f.CFA > sp {
		f.AnyArgs = s.allowed(Range{f.CFA, f.CFA + min(n, s.out.Stack.To-f.CFA)})
	}
}

// reflectArgs finds the arguments of a function that reflect made: the frame
// keeps at its stack pointer the context of the call, with a bitmap of arguments
// and results, and four words further whether there are results yet
// (argMapInternal of runtime/stkframe.go).
func (s *StackScanner) reflectArgs(f *FrameScan) {
	ctxt, ok1 := s.word(f.SP)
	results, ok2 := s.word(f.SP + 4*8)
	c, err1 := s.r.view(ctxt, 3*8) // reflectMethodValue: fn, stack, argLen
	if !ok1 || !ok2 || err1 != nil || binary.LittleEndian.Uint64(c) != s.entry(f.Map.CallPC) {
		s.out.Err = fmt.Errorf("frame of %s at %#x: its context is not there", f.Map.Function, f.SP)
		return
	}
	b, err := s.r.view(binary.LittleEndian.Uint64(c[8:]), 16) // bitvector: n, bytedata
	if err != nil {
		s.out.Err = fmt.Errorf("arguments of %s: %w", f.Map.Function, err)
		return
	}
	n := uint64(max(int32(binary.LittleEndian.Uint32(b)), 0))
	if args := binary.LittleEndian.Uint64(c[16:]) / 8; byte(results) == 0 {
		n = min(n, args)
	}
	n = min(n, (s.out.Stack.To-f.CFA)/8)
	bits, err := s.r.view(binary.LittleEndian.Uint64(b[8:]), int(n+7)/8)
	if n > 0 && err != nil {
		s.out.Err = fmt.Errorf("arguments of %s: %w", f.Map.Function, err)
		return
	}
	f.Args = appendWords(nil, pclntab.PointerMap{N: int(n), Bits: bits}, 0)
}

// rest notes a part of the stack of which nothing is known.
func (s *StackScanner) rest(from, to uint64) {
	from = (from + 7) &^ 7
	if r := (Range{from, to}); from < to && to <= s.out.Stack.To && s.allowed(r) == r {
		s.out.Rest = append(s.out.Rest, r)
	}
}

// allowed is a range of which nothing is known, empty once there were too many.
func (s *StackScanner) allowed(r Range) Range {
	if n := r.To - r.From; r.From < r.To && n > s.anyLeft {
		s.out.Err = fmt.Errorf("stack from %#x to %#x: more than %d bytes of stacks of which nothing is known", r.From, r.To, uint64(maxAny))
		return Range{r.From, r.From}
	} else if r.From < r.To {
		s.anyLeft -= n
	}
	return r
}
