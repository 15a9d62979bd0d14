package report

import (
	"fmt"
	"slices"
)

// heap checks what a heap says about objects: enumerations, shares, and the
// contents in it.
func (v *validator) heap(h *Heap) {
	for i := range h.Types {
		v.confidence(fmt.Sprintf("heap.types[%d]", i), h.Types[i].Confidence)
	}
	for i := range h.Owners {
		v.heapRoot(fmt.Sprintf("heap.owners[%d].root", i), &h.Owners[i].Root)
	}
	for i := range h.Retained {
		v.heapObject(fmt.Sprintf("heap.retained[%d]", i), &h.Retained[i])
	}
	for i := range h.Paths {
		v.heapPath(fmt.Sprintf("heap.paths[%d]", i), &h.Paths[i])
	}
	for i := range h.Suspects {
		v.heapSuspect(fmt.Sprintf("heap.suspects[%d]", i), &h.Suspects[i])
	}
	for i := range h.Strings {
		at := fmt.Sprintf("heap.strings[%d]", i)
		v.value(at+".value", &h.Strings[i].Value, 0)
		v.heapPath(at+".holder", &h.Strings[i].Holder)
	}
	for i := range h.Waste {
		at := fmt.Sprintf("heap.waste[%d]", i)
		v.oneOf(at, "kind", h.Waste[i].Kind, "slice", "map")
		v.heapPath(at+".holder", &h.Waste[i].Holder)
	}
	for i := range h.Growth {
		at := fmt.Sprintf("heap.growth[%d]", i)
		v.oneOf(at, "kind", h.Growth[i].Kind, "type", "owner")
		v.heapRoot(at+".root", &h.Growth[i].Root)
	}
	for i := range h.Sites {
		for j := range h.Sites[i].Frames {
			if f := &h.Sites[i].Frames[j]; f.Line < 0 || f.Repeat < 0 {
				v.add(fmt.Sprintf("heap.sites[%d].frames[%d]", i, j), "has a negative line or repeat")
			}
		}
	}
	if h.SampleRate < 0 {
		v.add("heap.sample_rate", "is negative")
	}
}

// oneOf checks a word of an enumeration.
func (v *validator) oneOf(where, what, word string, known ...string) {
	if !slices.Contains(known, word) {
		v.add(where, "has an unknown %s", what)
	}
}

func (v *validator) confidence(where string, c HeapConfidence) {
	switch c {
	case HeapExact, HeapStrong, HeapWeak, HeapUnknown:
	default:
		v.add(where, "has an unknown confidence")
	}
}

func (v *validator) heapRoot(where string, r *HeapRoot) {
	if r.Kind != "" && !slices.Contains(HeapRootKinds(), r.Kind) {
		v.add(where, "has an unknown kind")
	}
}

func (v *validator) heapObject(where string, o *HeapObject) {
	v.confidence(where, o.Confidence)
	if o.Len < -1 || o.Cap < -1 {
		v.add(where, "has a length or capacity below -1")
	}
	v.heapPath(where+".path", &o.Path)
}

func (v *validator) heapPath(where string, p *HeapPath) {
	v.heapRoot(where+".root", &p.Root)
	for i := range p.Steps {
		if v.full() {
			return
		}
		s, at := &p.Steps[i], fmt.Sprintf("%s.steps[%d]", where, i)
		v.oneOf(at, "kind", s.Kind, "pointer", "field", "index", "key", "value", "captured", "element", "dynamic", "word", "omitted")
		if s.Repeat < 0 {
			v.add(at, "is repeated a negative number of times")
		}
		if s.Key != nil {
			v.value(at+".key", s.Key, 0)
		}
	}
}

func (v *validator) heapSuspect(where string, s *HeapSuspect) {
	v.oneOf(where, "kind", s.Kind, "owner", "container", "goroutines")
	if (s.Object == nil) != (s.Kind == "goroutines") {
		v.add(where, "has an object where it is about goroutines, or none where it is not")
	}
	if s.Object != nil {
		v.heapObject(where+".object", s.Object)
	}
	if s.Goroutines < 0 {
		v.add(where, "has a negative number of goroutines")
	}
	if !(s.Share >= 0 && s.Share <= 1) { // not a number is neither
		v.add(where, "has a share that is not between 0 and 1")
	}
}
