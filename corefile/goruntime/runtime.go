package goruntime

import (
	"errors"
	"fmt"
	"sync"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/report"
)

// ErrNoRuntime is wrapped when the binary or the core has no Go runtime that
// can be read.
var ErrNoRuntime = errors.New("no Go runtime structures")

// memory is what is used of corefile.Memory.
type memory interface {
	View(addr uint64, n int) ([]byte, corefile.Provenance, bool)
	Window(addr uint64, n int) []byte
	Available(addr uint64, n int64) int64
	Uint64(addr uint64) (uint64, error)
	Uint32(addr uint64) (uint32, error)
}

// types is what is used of gotype.Types.
type types interface {
	ByName(name string) (*gotype.Type, error)
	HasPackage(path string) bool
	Constant(name string) (int64, bool)
}

// symbols finds package variables by their linker name, as addresses of the
// process with the size of the variable, 0 when unknown.
type symbols func(name string) (addr uint64, size int64, ok bool)

// Runtime reads one core's runtime. It is not safe for concurrent use.
type Runtime struct {
	mem     memory
	threads map[int]corefile.Thread
	sym     symbols
	lay     layout
	types   types
	table   *pclntab.Table // of functions and lines, nil when not readable
	reasons []string       // of waiting, by number

	writable []extent // where records of goroutines may lie

	secret         corefile.Extents // see SecretMemory
	secretProblems []report.Problem

	ms     []Thread // read once
	msErr  error
	msRead bool

	sudog    *sudogLayout // read once, see sudogs
	sudogErr error
	hchan    *channelLayout // see channels
	hchanErr error

	// Looked up when the first goroutine needs it, by any lister.
	labelsAreSlice func() bool // see labels
	finalizing     func() bool // the finalizer goroutine runs code of the program
}

// New prepares to read the runtime of a core. t gives the layouts; f is asked
// for variables that the symbol table does not have, it may be nil. The error
// wraps ErrNoRuntime.
func New(c *corefile.Core, t *gotype.Types, f *goscope.Finder) (*Runtime, error) {
	if c == nil || c.Binary() == nil || t == nil {
		return nil, fmt.Errorf("no binary with types: %w", ErrNoRuntime)
	}
	r, err := newRuntime(c.Memory(), t, symbolsOf(c, f), c.Threads())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Binary().Path(), err)
	}
	r.writable = writable(c)
	r.secret, r.secretProblems = r.secretMemory()
	// A binary without a readable line table still has goroutines.
	if table, err := pclntab.Open(c); err == nil {
		r.table = table
	}
	return r, nil
}

func newRuntime(mem memory, t types, sym symbols, threads []corefile.Thread) (*Runtime, error) {
	lay, err := readLayout(t)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRuntime, err)
	}
	r := &Runtime{mem: mem, sym: sym, lay: lay, types: t, threads: map[int]corefile.Thread{}}
	r.labelsAreSlice, r.finalizing = sync.OnceValue(r.checkLabels), sync.OnceValue(r.runsFinalizer)
	for _, th := range threads {
		r.threads[th.TID] = th
	}
	if _, _, ok := sym("runtime.allgs"); !ok {
		return nil, fmt.Errorf("%w: variable runtime.allgs not found", ErrNoRuntime)
	}
	r.reasons = r.waitReasons()
	return r, nil
}

// symbolsOf looks in the ELF symbol table first, which costs nothing, and among
// the variables of the debug information next.
func symbolsOf(c *corefile.Core, f *goscope.Finder) symbols {
	var globals map[string]goscope.Global
	return func(name string) (uint64, int64, bool) {
		if addr, size, ok := c.Binary().Symbol(name); ok {
			return addr + c.LoadBias(), int64(size), true
		}
		if f == nil {
			return 0, 0, false
		}
		if globals == nil {
			globals = map[string]goscope.Global{}
			all, err := f.Globals()
			if err != nil {
				return 0, 0, false
			}
			for _, g := range all {
				globals[g.Package+"."+g.Name] = g
			}
		}
		g, ok := globals[name]
		if !ok || g.Type == nil {
			return g.Addr, 0, ok
		}
		return g.Addr, g.Type.Size, true
	}
}

// Symbol returns the address of a package variable such as "runtime.crashing".
func (r *Runtime) Symbol(name string) (addr uint64, ok bool) {
	addr, _, ok = r.sym(name)
	return addr, ok
}

// Panicking tells how many goroutines are still printing a panic or fatal error
// (runtime.panicking): it is back at 0 when the core is made after that. ok is
// false when it is not known.
func (r *Runtime) Panicking() (n uint32, ok bool) { return r.counter("runtime.panicking") }

// Crashing tells how many threads have taken part in dying from an external
// signal (runtime.crashing).
func (r *Runtime) Crashing() (n uint32, ok bool) { return r.counter("runtime.crashing") }

func (r *Runtime) counter(name string) (uint32, bool) {
	addr, _, ok := r.sym(name)
	if !ok {
		return 0, false
	}
	v, err := r.mem.Uint32(addr)
	return v, err == nil
}

// BuildVersion is the runtime's own version string, "go1.26.8"; "" when it is
// not readable.
func (r *Runtime) BuildVersion() string {
	addr, _, ok := r.sym("runtime.buildVersion")
	if !ok {
		return ""
	}
	s, err := r.str(addr, maxName)
	if err != nil {
		return ""
	}
	return s
}
