package goruntime

import (
	"errors"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
)

// Words are N words in a row that are pointers, the first one at Off from the
// frame address.
type Words struct {
	Off int64
	N   int
}

// FrameObject is a variable of a frame whose address is taken.
type FrameObject struct {
	Off, Size int64 // from the frame address
	Pointers  []Words
}

// FrameMap is what the garbage collector knows of the frames that stand at one
// place. It is made once, and is the same pointer for all of them; it must not
// be changed.
type FrameMap struct {
	// ID counts the maps of a scanner from 1; 0 is that of all frames for which
	// there was no room.
	ID int
	// PC and CallPC are the frames', as in corefile.Frame; GoesOn is the PC whose
	// liveness holds: that of a frame that trapped is another one.
	PC, CallPC, GoesOn uint64
	Function           string
	// Live are the words that are pointers and may still be read: locals and
	// arguments, in the order of their addresses.
	Live []Words
	// Objects are alive only where something that is alive points to them. Those
	// of which every pointer is in Live are left out.
	Objects []FrameObject
	// DeferBits and DeferSlots are where open-coded defers are kept, as
	// [pclntab.Func.OpenDefers] has it, from the frame address; 0 when nowhere.
	DeferBits, DeferSlots int64
	// Err says why the words of such frames are not known.
	Err error

	size     int64 // from the stack pointer to the frame address, 0 when unknown
	argBytes int64 // behind the frame address
	kind     frameKind
	top      bool // nothing is further out
}

// frameKind says how the collector treats a function's frames.
type frameKind uint8

const (
	frameOfGo       frameKind = iota
	framePreempts             // it holds the registers of the one below, which is stopped anywhere
	frameTraps                // the one below goes on in its deferred calls, if at all
	frameOfReflect            // made by reflect, with arguments that no table describes
	frameRaises               // a call of the system to kill the program: its registers are of no use
	frameNeverStops           // its PC was made up: nothing was interrupted there
)

// kindOf finds the functions that the collector knows by name: scanframeworker
// of runtime/mgcmark.go, argMapInternal of runtime/stkframe.go, the same in
// go1.25.4, go1.26.8 and go1.27.0.
func kindOf(function string) frameKind {
	switch function {
	case "runtime.asyncPreempt", "runtime.debugCallV2":
		return framePreempts
	case "runtime.sigpanic":
		return frameTraps
	case "reflect.makeFuncStub", "reflect.methodValueCall":
		return frameOfReflect
	case "runtime.raise", "runtime.tgkill":
		return frameRaises
	case "runtime.systemstack_switch", "runtime.mstart":
		return frameNeverStops
	}
	return frameOfGo
}

// mapKey is what a FrameMap depends on.
type mapKey struct{ pc, callPC, goesOn uint64 }

// maxFrameMaps bounds those that are kept: stacks of garbage have many PCs.
const maxFrameMaps = 1 << 18

// maxMapWords bounds the words of all maps together.
const maxMapWords = 1 << 25

// nearMapBits is the logarithm of the number of maps that are found without a
// hash table.
const nearMapBits = 10

var errTooManyMaps = errors.New("too many different places on stacks")

// frameMap finds or makes the map of a frame.
func (s *StackScanner) frameMap(key mapKey) *FrameMap {
	near := &s.near[(key.pc^key.goesOn>>1)*0x9e3779b97f4a7c15>>(64-nearMapBits)]
	if m := *near; m != nil && m.PC == key.pc && m.CallPC == key.callPC && m.GoesOn == key.goesOn {
		return m
	}
	m, ok := s.maps[key]
	if !ok {
		if len(s.maps) >= maxFrameMaps {
			return &s.overflow
		}
		m = s.makeMap(key)
		m.ID = len(s.maps) + 1
		s.maps[key] = m
	}
	*near = m
	return m
}

func (s *StackScanner) makeMap(key mapKey) *FrameMap {
	m := &FrameMap{PC: key.pc, CallPC: key.callPC, GoesOn: key.goesOn}
	f, ok := s.r.table.Find(key.callPC)
	if !ok || !f.IsGo() {
		m.Err = corefile.ErrUnmapped
		return m
	}
	m.Function = f.Name()
	m.kind, m.top = kindOf(m.Function), f.Flags()&pclntab.FlagTopFrame != 0
	m.argBytes, _ = f.Args()
	delta, ok := f.SPDelta(key.callPC)
	if !ok || delta < 0 {
		m.Err = pclntab.ErrBadMap
		return m
	}
	m.size = int64(delta) + 8
	if key.goesOn == 0 {
		return m // it will not go on
	}
	// Below the return address is the caller's frame pointer where there is a
	// frame: stackframe.varp of the runtime.
	top := int64(-8)
	if m.size > 8 {
		top = -16
	}
	locals, args, err := f.PointerMaps(key.goesOn, m.size > 16)
	if err == nil && int64(locals.N)*8 > m.size+top {
		err = pclntab.ErrBadMap
	}
	if m.Err = err; err != nil {
		return m
	}
	if m.kind == frameOfReflect {
		m.registersOfReflect(s.regArgs, top)
		return m
	}
	if !s.spend(locals.N + args.N) {
		m.Err = errTooManyMaps
		return m
	}
	m.Live = appendWords(m.Live, locals, top-8*int64(locals.N))
	m.Live = appendWords(m.Live, args, 0)
	s.addMapObjects(m, &f, top)
	if bits, slots, ok := f.OpenDefers(); ok && m.size > 16 {
		m.DeferBits, m.DeferSlots = top-int64(bits), top-int64(slots)
	}
	return m
}

// registersOfReflect adds the stack object that no table has: the registers in
// which arguments came, an internal/abi.RegArgs, is the highest local
// (methodValueCallFrameObjs of runtime/stkframe.go).
func (m *FrameMap) registersOfReflect(regs FrameObject, top int64) {
	if regs.Off = top - regs.Size; regs.Size == 0 || regs.Off < -m.size {
		m.Err = pclntab.ErrBadMap
		return
	}
	ps := make([]Words, len(regs.Pointers))
	for i, w := range regs.Pointers {
		ps[i] = Words{Off: regs.Off + w.Off, N: w.N}
	}
	regs.Pointers = ps
	m.Objects = []FrameObject{regs}
}

// spend takes words from those that maps may have in all; false when too few are
// left.
func (s *StackScanner) spend(n int) bool {
	if n > s.wordsLeft {
		return false
	}
	s.wordsLeft -= n
	return true
}

// addMapObjects adds the stack objects of a function, whose locals end at top.
// Each lies behind the one before, among the locals or the arguments.
func (s *StackScanner) addMapObjects(m *FrameMap, f *pclntab.Func, top int64) {
	objs, err := f.StackObjects()
	m.Err = err
	end := -m.size
	for i := range objs {
		o := &objs[i]
		out := FrameObject{Off: o.Off, Size: o.Size}
		limit := m.argBytes
		if o.Off < 0 {
			out.Off, limit = out.Off+top, top
		}
		if out.Off < end {
			continue // not made yet in a frame of this size
		}
		if end = out.Off + out.Size; end > limit || !s.spend(o.Pointers.N) {
			m.Err = pclntab.ErrBadMap
			return
		}
		if out.Pointers = appendWords(nil, o.Pointers, out.Off); !m.live(out.Pointers) {
			m.Objects = append(m.Objects, out)
		}
	}
}

// live reports whether all of the words are in Live.
func (m *FrameMap) live(words []Words) bool {
	i := 0
	for _, w := range words {
		for i < len(m.Live) && m.Live[i].Off+8*int64(m.Live[i].N) <= w.Off {
			i++
		}
		if i == len(m.Live) || m.Live[i].Off > w.Off || m.Live[i].Off+8*int64(m.Live[i].N) < w.Off+8*int64(w.N) {
			return false
		}
	}
	return true
}

// appendWords adds the words of a map whose first one lies at off.
func appendWords(to []Words, m pclntab.PointerMap, off int64) []Words {
	for i := 0; i < m.N; i++ {
		if !m.At(i) {
			continue
		}
		at := off + 8*int64(i)
		if n := len(to); n > 0 && to[n-1].Off+8*int64(to[n-1].N) == at {
			to[n-1].N++
		} else {
			to = append(to, Words{Off: at, N: 1})
		}
	}
	return to
}

// SavesRegisters reports whether such frames hold the registers of the one below,
// which was interrupted.
func (m *FrameMap) SavesRegisters() bool { return m.kind == framePreempts }
