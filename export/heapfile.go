package export

import (
	"fmt"
	"slices"

	"github.com/safedump/sdcore/report"
)

// completedHeap is completed for a heap, nil for none.
func completedHeap(h *report.Heap) *report.Heap {
	if h == nil {
		return nil
	}
	c := *h
	c.Types, c.Packages, c.Owners = list(c.Types), list(c.Packages), list(c.Owners)
	c.Retained = slices.Clone(list(c.Retained))
	for i := range c.Retained {
		c.Retained[i].Path = completedPath(c.Retained[i].Path)
	}
	c.Paths = slices.Clone(list(c.Paths))
	for i := range c.Paths {
		c.Paths[i] = completedPath(c.Paths[i])
	}
	c.Suspects = slices.Clone(list(c.Suspects))
	for i := range c.Suspects {
		s := &c.Suspects[i]
		if !(s.Share >= 0 && s.Share <= 1) { // JSON has no room for what is no number
			s.Share = 0
		}
		if s.Object != nil {
			o := *s.Object
			o.Path = completedPath(o.Path)
			s.Object = &o
		}
	}
	c.Strings = slices.Clone(list(c.Strings))
	for i := range c.Strings {
		c.Strings[i].Value, c.Strings[i].Holder = shallow(c.Strings[i].Value, 0), completedPath(c.Strings[i].Holder)
	}
	c.Waste = slices.Clone(list(c.Waste))
	for i := range c.Waste {
		c.Waste[i].Holder = completedPath(c.Waste[i].Holder)
	}
	c.Growth = list(c.Growth)
	c.Sites = slices.Clone(list(c.Sites))
	for i := range c.Sites {
		c.Sites[i].Frames = list(c.Sites[i].Frames)
	}
	c.Samples = slices.Clone(list(c.Samples))
	for i := range c.Samples {
		c.Samples[i].Stack = list(c.Samples[i].Stack)
	}
	return &c
}

func completedPath(p report.HeapPath) report.HeapPath {
	p.Steps = slices.Clone(list(p.Steps))
	for i := range p.Steps {
		if k := p.Steps[i].Key; k != nil {
			v := shallow(*k, 0)
			p.Steps[i].Key = &v
		}
	}
	return p
}

// shortenHeap bounds the heap to an eighth of the file. Its lists are cut from
// the end, those first that a profile or another command shows better.
func (f *fitter) shortenHeap() error {
	h := f.rep.Heap // completed: the lists are its own
	if h == nil {
		return nil
	}
	b, err := report.EncodeCompact(h)
	if err != nil {
		return fmt.Errorf("export json: heap: %w", err)
	}
	over := int64(len(b)) - f.room/8
	for _, cut := range []func() error{
		func() error { return shortenList(f, "heap samples", &h.Samples, &over) },
		func() error { return shortenList(f, "allocation sites", &h.Sites, &over) },
		func() error { return shortenList(f, "half-empty slices and maps", &h.Waste, &over) },
		func() error { return shortenList(f, "strings with copies", &h.Strings, &over) },
		func() error { return shortenList(f, "retaining objects", &h.Retained, &over) },
		func() error { return shortenList(f, "retaining paths", &h.Paths, &over) },
		func() error { return shortenList(f, "changes of the heap", &h.Growth, &over) },
		func() error { return shortenList(f, "packages of the heap", &h.Packages, &over) },
		func() error { return shortenList(f, "types of the heap", &h.Types, &over) },
		func() error { return shortenList(f, "owners of the heap", &h.Owners, &over) },
		func() error { return shortenList(f, "leak suspects", &h.Suspects, &over) },
	} {
		if err := cut(); err != nil {
			return err
		}
	}
	return nil
}

// shortenList drops elements from the end until nothing is over.
func shortenList[T any](f *fitter, what string, items *[]T, over *int64) error {
	n := len(*items)
	for n > 0 && *over > 0 {
		b, err := report.EncodeCompact(&(*items)[n-1])
		if err != nil {
			return fmt.Errorf("export json: heap: %w", err)
		}
		*over -= int64(len(b) + len(comma))
		n--
	}
	f.omit(what, len(*items)-n)
	*items = (*items)[:n]
	return nil
}
