package heapwalk

import (
	"iter"

	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
)

// RootKind is the kind of a place outside the heap that keeps objects alive.
type RootKind uint8

// The kinds of roots.
const (
	RootGlobal    RootKind = iota // a package variable, or a word of the data or bss segment
	RootLocal                     // a variable of a frame
	RootStack                     // a word of a frame that no variable covers: a spill slot, a temporary
	RootRegister                  // a register of a thread or of a goroutine stopped at any instruction
	RootDefer                     // a deferred call that is still to run
	RootPanic                     // the value of a panic under way
	RootGoroutine                 // what the scheduler keeps for a goroutine: labels, the closure it began with, sudogs
	RootFinalizer                 // a finalizer: its function, and what its object points to
	RootCleanup                   // a cleanup of runtime.AddCleanup: its function and argument
	RootWeak                      // the handle of weak pointers; it does not keep the object alive
	RootTimer                     // a timer of a P's heap
	RootQueue                     // a queue of the runtime: finalizers and cleanups about to run, sync.Pools
	RootRuntime                   // anything else that the runtime keeps
)

// String is the kind in a word, as report.HeapRoot has it.
func (k RootKind) String() string {
	if int(k) < len(rootKinds) {
		return rootKinds[k]
	}
	return "runtime"
}

var rootKinds = [...]string{"global", "local", "stack", "register", "defer", "panic", "goroutine", "finalizer", "cleanup", "weak", "timer", "queue", "runtime"}

// Root is a place outside the heap that holds pointers into it, or one pointer
// that lies in no memory.
type Root struct {
	Kind RootKind
	// Goroutine is the ID of the goroutine that it belongs to, 0 for none, and
	// Frame the index of its frame as in report.Frame; -1 where it is of none.
	Goroutine uint64
	Frame     int
	// Function is the frame's function; Name is the variable as the source calls
	// it, or what else is known of the place. Both may be empty.
	Function, Name string
	// Addr is where the value lies in memory, Size bytes; 0 when it lies in
	// none: Value is then the pointer itself.
	Addr, Size uint64
	Value      uint64
	// Type is the type of the value at Addr, or of Value; nil when unknown: every
	// aligned word of [Addr, Addr+Size) is then a pointer.
	Type *gotype.Type
	// Conservative means that nothing says that the words are pointers: they are
	// on a stack that was stopped at any instruction, or in a register.
	Conservative bool

	// object means that the value is an object of the heap, which the root keeps
	// nothing of but what it points to.
	object bool
	// descriptor, when set, is the address of the type of a pointer: of that to the
	// object, or of Value.
	descriptor uint64
	// segment, when set, says which words are pointers.
	segment *goruntime.Segment
}

// Roots gives all roots of the goroutines, in the same order each time that it
// is run. A Root is valid until the next one.
type Roots = iter.Seq[*Root]
