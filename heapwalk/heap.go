package heapwalk

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk/shape"
	"github.com/safedump/sdcore/report"
)

// Object is the number of a place for an object, allocated or free: 0 to
// Heap.Len()-1, ascending by address.
type Object uint32

// maxObjects is how many an Object can number.
const maxObjects = 1<<32 - 1

// Input is what a heap is read from, all of one core.
type Input struct {
	Core    *corefile.Core
	Types   *gotype.Types
	Finder  *goscope.Finder // names and types of package variables; nil: they have none
	Runtime *goruntime.Runtime
}

// Options bound the work. The zero value is the default.
type Options struct {
	// Workers is how many read at once; 0 is one for each processor, 8 at most.
	Workers int
	// Progress, when set, is called at times with the stage that runs and how far it
	// is; total is 0 when unknown. It must not block.
	Progress func(stage string, done, total int)
}

// Heap is the heap of a core: all places for objects, and which are allocated.
// Its methods may be called from several goroutines at once.
type Heap struct {
	in      Input
	mem     *corefile.Memory
	options Options

	spans   []span // ascending by address
	pages   pageTable
	blocks  []uint32 // the span of each 256th object
	n       uint32
	alloc   bitset // allocated, and not known to be garbage by the collector
	masks   *maskCache
	classes []uint32 // sizes of objects, ascending
	// largeTypes are the addresses of the types of large objects.
	largeTypes map[Object]uint64

	allocator *goruntime.Allocator
	totals    Totals
	problems  []report.Problem
	unread    unread

	// sources finds these.
	once  sync.Once
	table *shape.Table
	own   *ownRoots
	err   error
}

// Totals are what the spans say of the heap as a whole, and what the runtime's
// own counters say, in bytes.
type Totals struct {
	SpanBytes uint64 // of spans that hold objects
	// Objects and ObjectBytes count what is allocated, live or not, by the bitmaps
	// of the spans.
	Objects, ObjectBytes uint64
	// Condemned are the objects of these that the collector has found to be garbage
	// and not swept yet.
	Condemned, CondemnedBytes uint64
	// RuntimeSpanBytes is what the runtime counts as in use, 0 when unknown, and
	// RuntimeObjectBytes what it counts as allocated, those that its processors have
	// not reported yet included.
	RuntimeSpanBytes, RuntimeObjectBytes uint64
	// Unreadable are the spans whose memory or records the core lacks: their
	// objects are in no other figure.
	Unreadable, UnreadableBytes uint64
}

// Open reads the spans of the heap. What is damaged becomes a problem; the error
// is for a heap of which nothing can be known.
func Open(ctx context.Context, in Input, o Options) (*Heap, error) {
	if o.Workers <= 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 8)
	}
	h := &Heap{in: in, mem: in.Core.Memory(), options: o}
	var err error
	if h.allocator, err = in.Runtime.Allocator(); err != nil {
		return nil, fmt.Errorf("heap of %s: %w", in.Core.Path(), err)
	}
	if h.masks, err = newMaskCache(h.mem, in.Types); err != nil {
		return nil, fmt.Errorf("heap of %s: %w", in.Core.Path(), err)
	}
	h.classes = sizeClasses(in.Runtime, h.mem)
	h.progress("reading spans", 0, 0)
	if err := h.readSpans(); err != nil {
		return nil, fmt.Errorf("heap of %s: %w", in.Core.Path(), err)
	}
	if err := h.readAllocated(ctx); err != nil {
		return nil, err
	}
	h.runtimeTotals()
	h.unread.report(h)
	return h, nil
}

// Len is how many places for objects there are, free ones included.
func (h *Heap) Len() int { return int(h.n) }

// Totals are those of the whole heap.
func (h *Heap) Totals() Totals { return h.totals }

// Problems are what was found damaged or missing so far.
func (h *Heap) Problems() []report.Problem { return h.problems }

func (h *Heap) progress(stage string, done, total int) {
	if h.options.Progress != nil {
		h.options.Progress(stage, done, total)
	}
}

// Find returns the object that holds an address, allocated or not. Garbage that
// the collector has condemned is not found.
func (h *Heap) Find(addr uint64) (o Object, base uint64, ok bool) {
	s, i := h.find(addr)
	if s == nil {
		return 0, 0, false
	}
	return s.first + Object(i), s.start + uint64(i)*s.elem, true
}

// Allocated reports whether there is an object at the place.
func (h *Heap) Allocated(o Object) bool { return uint64(o) < uint64(h.n) && h.alloc.has(o) }

// Place is where an object lies: its address and the bytes that it takes, which
// its size was rounded up to.
func (h *Heap) Place(o Object) (addr, size uint64) {
	s := h.spanOf(o)
	return s.start + uint64(o-s.first)*s.elem, s.elem
}

// parallel runs work for chunks 0 to n-1 by the workers, who get their own number.
func (h *Heap) parallel(ctx context.Context, n int, work func(worker, chunk int)) error {
	workers := max(1, min(h.options.Workers, n))
	var next atomic.Int64
	run := func(worker int) {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			work(worker, i)
		}
	}
	var others sync.WaitGroup
	for w := 1; w < workers; w++ {
		others.Go(func() { run(w) })
	}
	run(0)
	others.Wait()
	return ctx.Err()
}
