package goruntime

import (
	"fmt"
	"math"

	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/report"
)

// Bounds of a memory profile. A large service has some thousands of sites with
// stacks of some thirty addresses; the runtime keeps at most 1 024 and a few of
// each (runtime/mprof.go, maxProfStackDepth and maxSkip).
const (
	maxAllocSites = 1 << 17
	maxAllocPCs   = 1 << 20 // of all sites together
	maxAllocDepth = 1024 + 16
)

// AllocSite is a place of the program that allocates, by its stack and the size
// of the objects: a bucket of the runtime's memory profile. Only some
// allocations are sampled; the counts are those of the samples.
type AllocSite struct {
	Size  uint64   // of each object
	Stack []uint64 // return addresses, the innermost first
	// Frames are the calls of the stack with those that were inlined, the
	// innermost first. Where no function is known for an address it has no name.
	Frames []report.FrameRef
	// As runtime.MemProfile reports them: as of the end of the last collection
	// whose garbage is swept up.
	AllocObjects, AllocBytes int64
	FreeObjects, FreeBytes   int64
}

// InUse are the sampled objects that had not been freed.
func (s *AllocSite) InUse() (objects, bytes int64) {
	return s.AllocObjects - s.FreeObjects, s.AllocBytes - s.FreeBytes
}

// ScaledInUse estimates what InUse would be had every allocation been sampled.
func (s *AllocSite) ScaledInUse(rate int64) (objects, bytes int64) {
	objects, bytes = s.InUse()
	return scaleSample(objects, bytes, rate)
}

// ScaledAlloc estimates the same of all allocations since the program began.
func (s *AllocSite) ScaledAlloc(rate int64) (objects, bytes int64) {
	return scaleSample(s.AllocObjects, s.AllocBytes, rate)
}

// scaleSample undoes sampling: an object of a size is sampled with probability
// 1-exp(-size/rate), since samples are taken after distances of rate bytes on
// average, exponentially distributed. Like runtime/pprof (protomem.go).
func scaleSample(objects, bytes, rate int64) (int64, int64) {
	if objects == 0 || bytes == 0 || rate <= 1 {
		return objects, bytes
	}
	scale := 1 / -math.Expm1(-float64(bytes)/float64(objects)/float64(rate))
	return int64(float64(objects) * scale), int64(float64(bytes) * scale)
}

// MemProfile reads the runtime's own memory profile: for each place that
// allocates the samples that were taken of it, those without any left out. rate is
// how many bytes lie between two samples on average (runtime.MemProfileRate). It is
// 0 in a program that never asks for its profile: the linker sees to that. Such a
// program has at most the samples of the runtime's own first steps.
func (r *Runtime) MemProfile() (rate int64, sites []AllocSite, problems []report.Problem) {
	p, err := r.newProfile()
	if err != nil {
		return 0, nil, []report.Problem{profileProblem(0, err.Error())}
	}
	p.read()
	return p.rate, p.sites, p.problems
}

// profile is a memory profile while it is read. A bucket is a header, nstk
// return addresses and a record: counts that are published, and a ring of those of
// single collections that will be (runtime/mprof.go, the same in Go 1.25 to 1.27
// but for the bytes, which 1.27 computes from the size).
type profile struct {
	r        *Runtime
	rate     int64
	head     uint64 // of the list
	ring     uint64 // index of the collection whose counts are published next
	memory   int64  // the type of buckets of this profile
	lay      profileLayout
	calls    map[uint64][]pclntab.Call // by return address, with inlined ones
	pcs      int
	sites    []AllocSite
	raw      []profileRecord // of the sites
	problems []report.Problem
}

type profileLayout struct {
	bucketSize, recordSize, cycleSize int64

	bAllNext, bType, bSize, bDepth field
	active, future, futures        int64 // where they are in a record, and how many

	cAllocs, cFrees, cAllocBytes, cFreeBytes field
}

// profileCounts are a runtime.memRecordCycle.
type profileCounts struct{ allocs, frees, allocBytes, freeBytes uint64 }

func (c *profileCounts) add(o profileCounts) {
	c.allocs += o.allocs
	c.frees += o.frees
	c.allocBytes += o.allocBytes
	c.freeBytes += o.freeBytes
}

// profileRecord is a runtime.memRecord.
type profileRecord struct {
	active profileCounts
	future []profileCounts
}

func (r *Runtime) newProfile() (*profile, error) {
	p := &profile{r: r, calls: map[uint64][]pclntab.Call{}, memory: 1}
	var err error
	if p.lay, err = readProfileLayout(r.types); err != nil {
		return nil, err
	}
	if n, ok := r.types.Constant("runtime.memProfile"); ok {
		p.memory = n
	}
	word := func(name string) (uint64, error) {
		addr, _, ok := r.sym(name)
		if !ok {
			return 0, fmt.Errorf("variable %s not found", name)
		}
		v, err := r.mem.Uint64(addr)
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return v, err
	}
	rate, err := word("runtime.MemProfileRate")
	if err != nil {
		return nil, err
	}
	p.rate = int64(rate)
	if p.head, err = word("runtime.mbuckets"); err != nil {
		return nil, err
	}
	// The number of the collection, above a bit that says whether it is flushed.
	addr, _, ok := r.sym("runtime.mProfCycle")
	if !ok {
		return nil, fmt.Errorf("variable runtime.mProfCycle not found")
	}
	cycle, err := r.mem.Uint32(addr)
	if err != nil {
		return nil, fmt.Errorf("runtime.mProfCycle: %w", err)
	}
	p.ring = uint64(cycle>>1) % uint64(p.lay.futures)
	return p, nil
}

func readProfileLayout(t types) (l profileLayout, err error) {
	l.bucketSize, err = fields(t, "runtime.bucket", []need{
		{&l.bAllNext, "allnext", true}, {&l.bType, "typ", true}, {&l.bSize, "size", true}, {&l.bDepth, "nstk", true}})
	if err != nil {
		return l, err
	}
	l.cycleSize, err = fields(t, "runtime.memRecordCycle", []need{
		{&l.cAllocs, "allocs", true}, {&l.cFrees, "frees", true}, {&l.cAllocBytes, "alloc_bytes", false}, {&l.cFreeBytes, "free_bytes", false}})
	if err != nil {
		return l, err
	}
	if l.recordSize, err = fields(t, "runtime.memRecord", nil); err != nil {
		return l, err
	}
	record, err := t.ByName("runtime.memRecord")
	if err != nil {
		return l, err
	}
	active, ok := record.Field("active")
	future, ok2 := record.Field("future")
	if !ok || !ok2 || future.Type == nil || active.Offset < 0 || future.Offset < 0 {
		return l, fmt.Errorf("type runtime.memRecord has no fields active and future")
	}
	l.active, l.future, l.futures = active.Offset, future.Offset, future.Type.Size/l.cycleSize
	if l.futures < 1 || l.active+l.cycleSize > l.recordSize || l.future+l.futures*l.cycleSize > l.recordSize {
		return l, fmt.Errorf("type runtime.memRecord: %d bytes do not hold its fields", l.recordSize)
	}
	return l, nil
}

// read reads all buckets, and publishes what the runtime would.
func (p *profile) read() {
	seen := map[uint64]bool{}
	for addr := p.head; addr != 0; {
		if seen[addr] || len(seen) == maxAllocSites || p.pcs >= maxAllocPCs {
			p.problem(addr, "the list of buckets does not end")
			break
		}
		seen[addr] = true
		next, err := p.bucket(addr)
		if err != nil {
			p.problem(addr, err.Error())
		}
		addr = next
	}
	p.publish()
}

// bucket reads the bucket at addr; next is 0 where even that is not known.
func (p *profile) bucket(addr uint64) (next uint64, err error) {
	l := &p.lay
	head, err := p.r.object(addr, l.bucketSize)
	if err != nil {
		return 0, fmt.Errorf("runtime.bucket is not readable: %w", err)
	}
	next = head.get(l.bAllNext)
	depth := head.get(l.bDepth)
	if typ := head.get(l.bType); int64(typ) != p.memory || depth > maxAllocDepth {
		return 0, fmt.Errorf("runtime.bucket of type %d with %d return addresses", typ, depth)
	}
	stack, err := p.r.view(addr+uint64(l.bucketSize), int(8*depth))
	if err != nil {
		return next, fmt.Errorf("stack of a runtime.bucket: %w", err)
	}
	rec, err := p.r.object(addr+uint64(l.bucketSize)+8*depth, l.recordSize)
	if err != nil {
		return next, fmt.Errorf("runtime.memRecord is not readable: %w", err)
	}
	s := AllocSite{Size: head.get(l.bSize), Stack: make([]uint64, depth)}
	words := object{data: stack}
	for i := range s.Stack {
		s.Stack[i] = words.get(field{off: int64(8 * i), size: 8, ok: true})
	}
	p.pcs += len(s.Stack)
	p.sites, p.raw = append(p.sites, s), append(p.raw, p.record(rec, s.Size))
	return next, nil
}

// record reads the counts of a bucket for objects of a size.
func (p *profile) record(o object, size uint64) profileRecord {
	l := &p.lay
	counts := func(at int64) (c profileCounts) {
		part := object{data: o.data[at : at+l.cycleSize]}
		c.allocs, c.frees = part.get(l.cAllocs), part.get(l.cFrees)
		if l.cAllocBytes.ok && l.cFreeBytes.ok {
			c.allocBytes, c.freeBytes = part.get(l.cAllocBytes), part.get(l.cFreeBytes)
		} else {
			c.allocBytes, c.freeBytes = c.allocs*size, c.frees*size
		}
		return c
	}
	rec := profileRecord{active: counts(l.active)}
	for i := range l.futures {
		rec.future = append(rec.future, counts(l.future+i*l.cycleSize))
	}
	return rec
}

// publish takes the counts of each site as runtime.MemProfile would: those that
// are published with those of the collection that ended last. Where no collection
// has published anything all there are count.
func (p *profile) publish() {
	nothing := true
	for i := range p.raw {
		rec := &p.raw[i]
		rec.active.add(rec.future[p.ring])
		rec.future[p.ring] = profileCounts{}
		nothing = nothing && rec.active.allocs == 0 && rec.active.frees == 0
	}
	kept := p.sites[:0]
	for i := range p.raw {
		rec := &p.raw[i]
		if nothing {
			for _, c := range rec.future {
				rec.active.add(c)
			}
		}
		c, s := rec.active, p.sites[i]
		if c.allocs == 0 && c.frees == 0 {
			continue
		}
		if c.frees > c.allocs || c.freeBytes > c.allocBytes || c.allocs > math.MaxInt64 || c.allocBytes > math.MaxInt64 {
			p.problem(0, fmt.Sprintf("a runtime.memRecord has %d objects of %d bytes freed, of %d of %d", c.frees, c.freeBytes, c.allocs, c.allocBytes))
			continue
		}
		s.AllocObjects, s.AllocBytes = int64(c.allocs), int64(c.allocBytes)
		s.FreeObjects, s.FreeBytes = int64(c.frees), int64(c.freeBytes)
		s.Frames = p.framesOf(s.Stack)
		kept = append(kept, s)
	}
	p.sites = kept
}

// framesOf names the calls of a stack. The runtime lists inlined calls with
// addresses of their own, but the callers of the last one may be cut off.
func (p *profile) framesOf(stack []uint64) []report.FrameRef {
	out := make([]report.FrameRef, 0, len(stack))
	for i, pc := range stack {
		calls := p.callsAt(pc)
		if len(calls) == 0 {
			out = append(out, report.FrameRef{})
		}
		for n, c := range calls {
			if n > 0 && i+1 < len(stack) && stack[i+1] == c.PC+1 {
				break
			}
			out = append(out, report.FrameRef{Function: c.Function, File: c.File, Line: c.Line, Inlined: n < len(calls)-1})
		}
	}
	return out
}

// callsAt are the calls that are active at a return address.
func (p *profile) callsAt(pc uint64) []pclntab.Call {
	calls, ok := p.calls[pc]
	if ok {
		return calls
	}
	if f, found := p.r.table.Find(pc); found {
		at := pc
		if at > f.Entry() {
			at--
		}
		calls = f.Calls(at)
	}
	if len(p.calls) < maxNamed {
		p.calls[pc] = calls
	}
	return calls
}

func (p *profile) problem(addr uint64, message string) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, profileProblem(addr, message))
	}
}

func profileProblem(addr uint64, message string) report.Problem {
	return report.Problem{Stage: "goruntime", Subject: "memory profile", Addr: report.Addr(addr), Message: message, Missing: true}
}
