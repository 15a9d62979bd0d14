package corefile

import (
	"context"
	"encoding/binary"

	"github.com/safedump/sdcore/report"
)

// Backend finds goroutines in a core and unwinds their stacks. The one over
// delve is in delvecore; whatever reads stacks later implements the same.
// A Backend is not safe for concurrent use.
type Backend interface {
	// Name is what reports call it ("delve").
	Name() string
	// Goroutines lists every goroutine that is not dead, ascending by ID.
	Goroutines(ctx context.Context) ([]Goroutine, []report.Problem, error)
	// Unwind walks the stack of g, innermost frame first. At most maxFrames
	// physical frames are walked when maxFrames > 0. A stack that can't be
	// walked to its end is returned as far as it goes, Stack.End says why.
	Unwind(ctx context.Context, g *Goroutine, maxFrames int) (Stack, error)
	// UnwindThread walks what a thread itself executes, goroutine or not: the
	// place to look when no goroutine crashed.
	UnwindThread(ctx context.Context, tid int, maxFrames int) (Stack, error)
	// Close releases what the backend holds; the Core stays open.
	Close() error
}

// Goroutine is what the runtime records of a goroutine. All numbers are as
// read from the core's runtime.g.
type Goroutine struct {
	Addr       uint64 // of the runtime.g
	ID         uint64
	ParentID   uint64 // goroutine that created it, 0 when unknown
	Status     string // "running", "runnable", "syscall", "waiting", "preempted", "copystack", ...
	WaitReason string // from runtime.waitReasonStrings in the core; "" unless waiting
	WaitSince  int64  // runtime nanotime, 0 when not recorded
	TID        int    // kernel thread that runs it, 0 when none
	PC, SP     uint64 // where it stands
	GoPC       uint64 // the go statement that created it
	StartPC    uint64 // its entry function
	System     bool   // one of the runtime's own
	Labels     []report.Label
	Fault      *Fault // a signal that the runtime turned into a panic
	PanicAddr  uint64 // newest runtime._panic, 0 when none
	DeferAddr  uint64 // newest runtime._defer of the linked list, 0 when none
	Waiting    uint64 // first runtime.sudog of what it waits for, 0 when none
	SleepUntil int64  // runtime nanotime of the last time.Sleep's end, 0 when unknown
	// Creator names the go statement, Start the entry function, from the
	// binary's line table; nil and empty when unknown. Goroutines that were
	// started by one statement share Creator: it must not be changed.
	Creator *report.FrameRef
	Start   string
	// Secret is true while it runs a function of runtime/secret.Do.
	Secret bool
}

// Fault is the signal that the runtime recorded in a g before it panicked:
// g.sig, g.sigcode1 and g.sigpc.
type Fault struct {
	Signal int
	Code0  uint64 // si_code
	Addr   uint64 // faulting address
	PC     uint64
}

// Stack is an unwound stack.
type Stack struct {
	Frames []Frame
	// End says why the stack ends before its outermost frame; "" when whole.
	End string
	// Omitted counts frames that maxFrames left out.
	Omitted int
	// Secret is that of the goroutine.
	Secret bool
}

// Frame is one function call on a stack. Inlined calls come before the frame
// they were inlined into and share its PC, CFA and Regs.
type Frame struct {
	Function string
	File     string
	Line     int
	// FuncLine is the line of the func keyword of the declared function: of
	// Function, or of Within. 0 when unknown.
	FuncLine int
	// Within is the declared function that a function literal is written in, ""
	// for a declared function and where it was not found: then FuncLine is the
	// literal's own.
	Within string
	// PC is the return address into this frame, or where it stands when it is
	// the innermost one (or the one below a signal). CallPC is an address that
	// certainly belongs to the instruction that is being executed: PC itself
	// for those, PC-1 for the others. Both are addresses of the process, load
	// bias included.
	PC, CallPC uint64
	Entry      uint64 // of the physical function
	CFA        uint64 // canonical frame address
	Regs       *Registers
	Inlined    bool
	// Depth is the inlining depth: 0 for the physical function, then counting
	// inwards. The innermost inlined call has the highest.
	Depth int
	// SystemStack is true on g0 and signal stacks.
	SystemStack bool
	// Repeat is how often this frame occurs in a row when it was folded; 0
	// and 1 both mean once.
	Repeat int
}

// Registers hold what is known of the registers at a frame, by DWARF number.
// Most frames know the stack pointer, the frame pointer and the program counter
// only: a missing register is not zero.
type Registers struct {
	base   [baseRegs][8]byte // those that nearly every frame knows
	have   uint8             // which of base are known
	values map[uint64][]byte
}

// baseRegs is the number of registers that are kept without an allocation.
const baseRegs = 3

// baseReg is the place of register n among them, -1 when it has none.
func baseReg(n uint64) int {
	switch n {
	case RegRBP:
		return 0
	case RegRSP:
		return 1
	case RegRIP:
		return 2
	}
	return -1
}

// Set stores the contents of register n, little endian.
func (r *Registers) Set(n uint64, b []byte) {
	if i := baseReg(n); i >= 0 && len(b) == 8 {
		r.base[i], r.have = [8]byte(b), r.have|1<<i
		return
	}
	if r.values == nil {
		r.values = map[uint64][]byte{}
	}
	r.values[n] = b
}

// SetWord stores the contents of the 64-bit register n.
func (r *Registers) SetWord(n, v uint64) {
	if i := baseReg(n); i >= 0 {
		binary.LittleEndian.PutUint64(r.base[i][:], v)
		r.have |= 1 << i
		return
	}
	r.Set(n, binary.LittleEndian.AppendUint64(nil, v))
}

// Bytes returns the contents of register n; ok is false when they are unknown.
// The slice must not be changed.
func (r *Registers) Bytes(n uint64) (b []byte, ok bool) {
	if r == nil {
		return nil, false
	}
	if i := baseReg(n); i >= 0 && r.have&(1<<i) != 0 {
		return r.base[i][:], true
	}
	b, ok = r.values[n]
	return b, ok
}

// BaseRegister reports whether n is one of the registers that nearly every
// frame knows: frame pointer, stack pointer, program counter.
func BaseRegister(n uint64) bool { return baseReg(n) >= 0 }

// OnlyBase reports whether no other registers are known than those.
func (r *Registers) OnlyBase() bool { return r == nil || len(r.values) == 0 }

// Location is where a variable lives at one PC: pieces that follow each other
// in the variable's memory layout. No pieces: it has no location there.
type Location struct {
	Pieces []Piece
	// Stale is true when the bytes are a copy that may be out of date: what a
	// parameter was at the call, when the variable itself moved to the heap
	// and the pointer to it is gone.
	Stale bool
}

// PieceKind says what a piece of a location is.
type PieceKind uint8

// The kinds of pieces.
const (
	PieceMissing  PieceKind = iota // optimized out: no bytes exist
	PieceMemory                    // Addr holds it
	PieceRegister                  // register Reg holds it
	PieceValue                     // Value is the contents, little endian
)

// Piece is a part of a variable.
type Piece struct {
	Kind  PieceKind
	Size  int64 // bytes; 0: all of the variable
	Addr  uint64
	Reg   uint64
	Value []byte
	// RegUnknown is set on a PieceMissing that is in register Reg at this PC,
	// or behind it: the value exists, but this frame does not know the
	// register's contents.
	RegUnknown bool
}
