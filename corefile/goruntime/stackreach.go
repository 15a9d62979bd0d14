package goruntime

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/safedump/sdcore/corefile"
)

// addObjects notes the stack objects of a frame. Those of outer frames lie above
// those of inner ones; what does not is none.
func (s *StackScanner) addObjects(f *FrameScan) {
	if len(f.Map.Objects) == 0 {
		return
	}
	for n := range f.Count {
		cfa := f.CFA + uint64(n)*f.Stride
		for i := range f.Map.Objects {
			o := &f.Map.Objects[i]
			at := cfa + uint64(o.Off)
			if len(s.objects) >= maxLiveObjects || at < s.out.Stack.From || at >= s.out.Stack.To ||
				uint64(o.Size) > s.out.Stack.To-at {
				continue
			}
			if k := len(s.objects); k > 0 && at < s.objects[k-1].addr+s.objects[k-1].size {
				continue
			}
			s.objects = append(s.objects, stackObject{addr: at, size: uint64(o.Size),
				scan: ObjectScan{Frame: f.Frame, Map: f.Map, Index: i, CFA: cfa}})
		}
	}
}

// reach finds the stack objects that are alive. Pointers that are certain go
// first, so that an object is scanned as what it is where one leads to it.
func (s *StackScanner) reach(g *corefile.Goroutine) {
	o := &s.out
	s.follow(o.Ctxt)
	s.follow(g.PanicAddr) // panics are stack objects
	for i := range o.Defers {
		s.follow(o.Defers[i].Closure)
	}
	for i := range o.Frames {
		f := &o.Frames[i]
		for n := 0; n < f.Count && !f.Conservative; n++ {
			s.followWords(f.CFA+uint64(n)*f.Stride, f.Map.Live)
		}
		s.followWords(f.CFA, f.Args)
	}
	s.drain()
	s.unsure = true
	for i := range o.Frames {
		s.followAll(o.Frames[i].Any)
		s.followAll(o.Frames[i].AnyArgs)
	}
	for _, r := range o.Rest {
		s.followAll(r)
	}
	s.drain()
	for i := range s.objects {
		if s.objects[i].live {
			o.Objects = append(o.Objects, s.objects[i].scan)
		}
	}
}

// drain follows the pointers of the objects that were found.
func (s *StackScanner) drain() {
	for len(s.found) > 0 {
		n := len(s.found) - 1
		scan := &s.objects[s.found[n]].scan
		s.found = s.found[:n]
		s.followWords(scan.CFA, scan.Map.Objects[scan.Index].Pointers)
	}
}

// follow marks the stack object that p leads to, if there is one.
func (s *StackScanner) follow(p uint64) {
	if p < s.out.Stack.From || p >= s.out.Stack.To {
		return
	}
	i := sort.Search(len(s.objects), func(i int) bool { return s.objects[i].addr > p }) - 1
	if i < 0 || s.objects[i].live || p-s.objects[i].addr >= s.objects[i].size {
		return
	}
	s.objects[i].live, s.objects[i].scan.Conservative = true, s.unsure
	s.found = append(s.found, i)
}

// followWords follows the words of a frame.
func (s *StackScanner) followWords(cfa uint64, words []Words) {
	for _, w := range words {
		at := cfa + uint64(w.Off)
		s.followAll(Range{at, at + 8*uint64(w.N)})
	}
}

// followAll follows the words of a range.
func (s *StackScanner) followAll(r Range) {
	for at := r.From; at < r.To && r.To-at >= 8; at += 8 {
		p, ok := s.word(at)
		if ok {
			s.follow(p)
			continue
		}
		// A page that is not in the core.
		if s.missing++; s.missing > maxMissing {
			return
		}
		at |= kernelPage - 8
	}
}

// kernelPage is the unit in which a core lacks memory.
const kernelPage = 4096

// word reads a word of the stack.
func (s *StackScanner) word(at uint64) (uint64, bool) {
	if off := at - s.dataAt; at >= s.dataAt && off < uint64(len(s.data)) && uint64(len(s.data))-off >= 8 {
		return binary.LittleEndian.Uint64(s.data[off:]), true
	}
	if at < s.out.Stack.From || at >= s.out.Stack.To || s.out.Stack.To-at < 8 {
		return 0, false
	}
	s.dataAt, s.data = at, s.r.mem.Window(at, int(s.out.Stack.To-at))
	if len(s.data) < 8 {
		s.data = nil
		v, err := s.r.mem.Uint64(at)
		return v, err == nil
	}
	return binary.LittleEndian.Uint64(s.data), true
}

// defers collects the records of deferred calls.
func (s *StackScanner) defers(g *corefile.Goroutine) {
	if g.DeferAddr == 0 || s.r.lay.deferSize == 0 {
		return
	}
	l := &s.r.lay
	w := deferWalk{r: s.r, g: g}
	note := func(o object, sp uint64) {
		s.out.Defers = append(s.out.Defers, DeferRecord{Addr: o.addr, Closure: o.get(l.dFn), SP: sp, Heap: o.get(l.dHeap) != 0})
	}
	w.chain(g.DeferAddr, func(o object) bool {
		sp := o.get(l.dSP)
		note(o, sp)
		if o.get(l.dRangeFunc) == 0 {
			return true
		}
		head, err := s.r.mem.Uint64(o.get(l.dHead))
		if err != nil || head == 0 || head == poisoned {
			return err == nil
		}
		return w.chain(head, func(o object) bool { note(o, sp); return true })
	})
	if len(w.out.Problems) > 0 {
		s.out.Err = fmt.Errorf("deferred calls of goroutine %d: %s", g.ID, w.out.Problems[0].Message)
	}
}
