package goruntime

import (
	"fmt"

	"github.com/safedump/sdcore/report"
)

// Segment is a part of a module's data that the collector scans.
type Segment struct {
	Name       string // "data" or "bss"
	Start, End uint64
	// Mask has a bit for each word of it, the lowest of a byte first: set where the
	// word is a pointer. It may be shorter than the segment: nothing is known of
	// the rest.
	Mask []byte
}

const (
	maxModules = 1 << 12
	maxSegment = 1 << 40
)

// Segments lists data and bss of every module (runtime/symtab.go, moduledata).
// Those before the damage are listed with the problem.
func (r *Runtime) Segments() (list []Segment, problems []report.Problem) {
	var data, edata, bss, ebss, next field
	size, err := fields(r.types, "runtime.moduledata", []need{
		{&data, "data", true}, {&edata, "edata", true}, {&bss, "bss", true}, {&ebss, "ebss", true}, {&next, "next", true},
	})
	var maskN, maskData, bssN, bssData field
	if err == nil {
		_, err = fields(r.types, "runtime.moduledata", []need{
			{&maskN, "gcdatamask.n", true}, {&maskData, "gcdatamask.bytedata", true},
			{&bssN, "gcbssmask.n", true}, {&bssData, "gcbssmask.bytedata", true},
		})
	}
	at, _, ok := r.sym("runtime.firstmoduledata")
	if err == nil && !ok {
		err = fmt.Errorf("variable runtime.firstmoduledata not found")
	}
	if err != nil {
		return nil, []report.Problem{segmentProblem(0, err.Error())}
	}
	for n := 0; at != 0; n++ {
		o, err := r.object(at, size)
		if err != nil || n == maxModules {
			problems = append(problems, segmentProblem(at, "the list of modules is damaged"))
			break
		}
		for _, s := range []struct {
			name                   string
			start, end, bits, mask field
		}{{"data", data, edata, maskN, maskData}, {"bss", bss, ebss, bssN, bssData}} {
			seg := Segment{Name: s.name, Start: o.get(s.start), End: o.get(s.end)}
			if err := r.mask(&seg, o.get(s.bits), o.get(s.mask)); err != nil {
				problems = append(problems, segmentProblem(seg.Start, err.Error()))
				continue
			}
			list = append(list, seg)
		}
		at = o.get(next)
	}
	return list, problems
}

// mask finds the mask of a segment.
func (r *Runtime) mask(s *Segment, bits, at uint64) error {
	if s.End < s.Start || s.End-s.Start > maxSegment || s.Start%8 != 0 {
		return fmt.Errorf("%s from %#x to %#x", s.Name, s.Start, s.End)
	}
	n := min(int64(bits+7)/8, int64(s.End-s.Start+63)/64)
	if n == 0 {
		return nil
	}
	mask, err := r.view(at, int(n))
	if err != nil {
		return fmt.Errorf("which words of %s are pointers is not known: %w", s.Name, err)
	}
	s.Mask = mask
	return nil
}

func segmentProblem(addr uint64, text string) report.Problem {
	p := problem(addr, text)
	p.Subject, p.Missing = "package variables", true
	return p
}

// Queued is a list of calls that the runtime is about to make: finalizers or
// cleanups whose objects are gone already.
type Queued struct {
	Finalizers bool // else cleanups
	// Addr and Size are the memory of the records, of which each has Each bytes.
	Addr, Size, Each uint64
	// Type is the name of the type of a record: "runtime.finalizer".
	Type string
}

const maxBlocks = 1 << 20

// Queues lists the blocks of finalizers and cleanups that wait to run
// (runtime/mfinal.go: allfin; runtime/mcleanup.go: gcCleanups). They lie outside
// of the heap.
func (r *Runtime) Queues() (list []Queued, problems []report.Problem) {
	fin, err := r.blocks("runtime.allfin", 0, "runtime.finBlock", "cnt", "fin")
	for i := range fin {
		fin[i].Finalizers = true
	}
	if err != nil {
		problems = append(problems, queueProblem("finalizers", err))
	}
	// Go 1.24 and older have no such queue.
	if t, err := r.types.ByName("runtime.cleanupQueue"); err == nil && t != nil {
		all, ok := t.Field("all")
		if !ok || all.Offset < 0 {
			return fin, append(problems, queueProblem("cleanups", fmt.Errorf("type runtime.cleanupQueue has no field all")))
		}
		cleanups, err := r.blocks("runtime.gcCleanups", uint64(all.Offset), "runtime.cleanupBlock", "n", "cleanups")
		if err != nil {
			problems = append(problems, queueProblem("cleanups", err))
		}
		fin = append(fin, cleanups...)
	}
	return fin, problems
}

func queueProblem(what string, err error) report.Problem {
	p := problem(0, fmt.Sprintf("the %s that wait to run are not known: %s", what, err))
	p.Subject, p.Missing = "heap", true
	return p
}

// blocks follows a list of blocks of records; count and items are the fields of
// a block.
func (r *Runtime) blocks(variable string, off uint64, block, count, items string) (list []Queued, err error) {
	at, _, ok := r.sym(variable)
	if !ok {
		return nil, fmt.Errorf("variable %s not found", variable)
	}
	t, err := r.types.ByName(block)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", block, err)
	}
	link, ok1 := t.Field("alllink")
	n, ok2 := t.Field(count)
	array, ok3 := t.Field(items)
	if !ok1 || !ok2 || !ok3 || array.Type == nil || array.Type.Elem == nil || array.Type.Elem.Size <= 0 || array.Offset < 0 {
		return nil, fmt.Errorf("type %s is not as expected", block)
	}
	each := uint64(array.Type.Elem.Size)
	next, err := r.mem.Uint64(at + off)
	var c circle
	for steps := 0; err == nil && next != 0; steps++ {
		used, err := r.mem.Uint32(next + uint64(n.Offset))
		if err != nil {
			return list, err
		}
		if steps == maxBlocks || int64(used) > array.Type.Len || c.closed(next) {
			return list, fmt.Errorf("block at %#x of %d records", next, used)
		}
		if used > 0 {
			list = append(list, Queued{Addr: next + uint64(array.Offset), Size: uint64(used) * each, Each: each, Type: array.Type.Elem.Name})
		}
		if next, err = r.mem.Uint64(next + uint64(link.Offset)); err != nil {
			return list, err
		}
	}
	return list, err
}
