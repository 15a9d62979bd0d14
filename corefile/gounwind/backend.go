package gounwind

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/report"
)

// ErrUnsupported is wrapped when stacks of the program can't be read: another
// architecture, or no table of functions.
var ErrUnsupported = errors.New("stacks of this program can't be read")

// Options change how stacks are walked. The zero value has the defaults.
type Options struct {
	// MaxFrames bounds the physical frames that are kept of any stack when the
	// caller sets no bound; 0 means 20 000.
	MaxFrames int
	// KeepOutermost is how many of the outermost frames are kept of a stack
	// that is longer than that; 0 means 32.
	KeepOutermost int
	// Scopes gives the names of generic functions with their type arguments,
	// for which the table of functions has "[...]". It may be nil.
	Scopes *goscope.Finder
}

func (o Options) withDefaults() Options {
	if o.MaxFrames <= 0 {
		o.MaxFrames = 20_000
	}
	if o.KeepOutermost <= 0 {
		o.KeepOutermost = 32
	}
	return o
}

// runtime is what is used of a goruntime.Runtime.
type runtime interface {
	Goroutines(ctx context.Context) ([]corefile.Goroutine, []report.Problem, error)
	Threads() ([]goruntime.Thread, error)
	Saved(addr uint64) (goruntime.Saved, error)
}

// memory is what is used of a corefile.Memory.
type memory interface {
	Window(addr uint64, n int) []byte
	Uint64(addr uint64) (uint64, error)
}

// Backend walks stacks. It implements [corefile.Backend] and is not safe for
// concurrent use, see [Backend.Clone].
type Backend struct {
	core    *corefile.Core // nil in tests
	rt      runtime
	mem     memory
	table   *pclntab.Table
	o       Options
	threads map[int]corefile.Thread // by TID
	ms      *machines
	calls   map[uint64]rule          // by return address
	stops   map[uint64]rule          // by the PC of something interrupted
	near    *[1 << nearBits]nearRule // of calls, by hash
	symbols map[symbolKey][]corefile.Frame
	c       *cCode
	w       walker

	reuse  bool // what Unwind returned last makes room for what it returns next
	frames []corefile.Frame
	regs   []corefile.Registers
}

var _ corefile.Backend = (*Backend)(nil)

// Open prepares to walk the stacks of a core. The error wraps ErrUnsupported.
func Open(c *corefile.Core, rt *goruntime.Runtime, o Options) (*Backend, error) {
	if c == nil || rt == nil || c.Binary() == nil {
		return nil, fmt.Errorf("no core with a binary: %w", ErrUnsupported)
	}
	if e := c.Binary().ELF(); e == nil || e.Machine != elf.EM_X86_64 {
		return nil, fmt.Errorf("%s: %w: not for amd64", c.Binary().Path(), ErrUnsupported)
	}
	table := rt.Functions()
	if table == nil {
		return nil, fmt.Errorf("%s: %w: %w", c.Binary().Path(), ErrUnsupported, pclntab.ErrNoTable)
	}
	b := newBackend(c.Memory(), table, rt, c.Threads(), o)
	b.core = c
	b.c = newCCode(c)
	return b, nil
}

func newBackend(mem memory, table *pclntab.Table, rt runtime, threads []corefile.Thread, o Options) *Backend {
	b := &Backend{rt: rt, mem: mem, table: table, o: o.withDefaults(), threads: map[int]corefile.Thread{}}
	for _, th := range threads {
		if _, ok := b.threads[th.TID]; !ok {
			b.threads[th.TID] = th
		}
	}
	b.ms = newMachines(rt, b.threads)
	b.reset()
	return b
}

func (b *Backend) reset() {
	b.calls, b.stops = map[uint64]rule{}, map[uint64]rule{}
	b.near = new([1 << nearBits]nearRule)
	b.symbols = map[symbolKey][]corefile.Frame{}
	b.w = walker{b: b}
	b.frames, b.regs = nil, nil
}

// Clone returns a Backend over the same core that may be used beside b, with
// caches of its own. It must not be used after b is closed, and knows generic
// functions and C code by name only. The frames of a stack that Unwind or
// UnwindThread of it returns are gone with the next call.
func (b *Backend) Clone() *Backend {
	c := *b
	c.o.Scopes, c.reuse = nil, true
	c.c = b.c.withoutLines()
	c.reset()
	return &c
}

// Name is "native".
func (b *Backend) Name() string { return "native" }

// Close drops what was kept.
func (b *Backend) Close() error {
	b.reset()
	return nil
}

// Goroutines lists the goroutines that goruntime found; see
// [corefile.Backend].
func (b *Backend) Goroutines(ctx context.Context) ([]corefile.Goroutine, []report.Problem, error) {
	return b.rt.Goroutines(ctx)
}

// Unwind walks the stack of g; see [corefile.Backend].
func (b *Backend) Unwind(ctx context.Context, g *corefile.Goroutine, maxFrames int) (corefile.Stack, error) {
	if err := ctx.Err(); err != nil {
		return corefile.Stack{}, err
	}
	if g == nil {
		return corefile.Stack{}, errors.New("no goroutine")
	}
	b.w.begin(b.buffer(), maxFrames, true)
	if err := b.w.goroutine(g); err != nil {
		return corefile.Stack{End: err.Error()}, fmt.Errorf("goroutine %d at %#x: %w", g.ID, g.Addr, err)
	}
	return b.stack(), nil
}

// UnwindThread walks what a thread executes; see [corefile.Backend].
func (b *Backend) UnwindThread(ctx context.Context, tid int, maxFrames int) (corefile.Stack, error) {
	if err := ctx.Err(); err != nil {
		return corefile.Stack{}, err
	}
	th, ok := b.threads[tid]
	if !ok {
		return corefile.Stack{}, fmt.Errorf("thread %d: the core has no such thread", tid)
	}
	b.w.begin(b.buffer(), maxFrames, true)
	b.w.thread(&th)
	return b.stack(), nil
}

// buffer is the frames of the last walk, to be used again.
func (b *Backend) buffer() []Raw { return b.w.rec.out[:0] }

// Trace is a stack as [Backend.Walk] finds it.
type Trace struct {
	// Frames are the physical frames, innermost first.
	Frames []Raw
	// End says why the stack ends before its outermost frame; "" when whole.
	End string
	// Omitted counts frames that the bound left out.
	Omitted int
}

// Walk walks the stack of g into buf, which is used from its start and grown
// where it is too small, and allocates nothing else. At most maxFrames of the
// innermost frames are kept when maxFrames > 0, and Options.KeepOutermost of the
// others. The error is for a goroutine that can't be read.
func (b *Backend) Walk(g *corefile.Goroutine, buf []Raw, maxFrames int) (Trace, error) {
	b.w.begin(buf[:0], maxFrames, false)
	if err := b.w.goroutine(g); err != nil {
		return Trace{}, err
	}
	t := Trace{Frames: b.w.rec.finish(), End: b.w.end, Omitted: b.w.rec.omitted}
	b.w.rec.out = nil // it is the caller's
	return t, nil
}
