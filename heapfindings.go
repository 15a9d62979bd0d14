package sdcore

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/report"
)

// defaultShare is the part of the live bytes from which on something is suspect.
const defaultShare = 0.05

// suspects lists what looks like a leak: objects, containers, and goroutines that
// wait in the same place.
func (h *heapEngine) suspects(ctx context.Context, rep *report.Report, q *HeapQuery) error {
	share := cmp.Or(q.MinShare, defaultShare)
	list, err := h.retained.Suspects(ctx, heapwalk.SuspectOptions{Share: share, Max: q.top(maxSuspects)})
	if err != nil {
		return err
	}
	var targets []heapwalk.Object
	for i := range list {
		if !list[i].InRoot {
			targets = append(targets, list[i].Object)
		}
	}
	ways, err := h.live.PathsTo(ctx, targets)
	if err != nil {
		return err
	}
	for i := range list {
		s := &list[i]
		var way heapwalk.Path
		if s.InRoot {
			way.Root = s.Root
		} else {
			way, ways = ways[0], ways[1:]
		}
		rep.Heap.Suspects = append(rep.Heap.Suspects, h.suspect(s, &way))
	}
	h.waiting(rep, share)
	all := rep.Heap.Suspects
	slices.SortStableFunc(all, func(a, b report.HeapSuspect) int { return cmp.Compare(b.Retained, a.Retained) })
	rep.Heap.Suspects = all[:q.top(len(all))]
	omitHeap(rep, "suspects of the heap", len(all)-len(rep.Heap.Suspects))
	return nil
}

const maxSuspects = 1000

// suspect is an object or root that keeps much alive, as the report has it.
func (h *heapEngine) suspect(s *heapwalk.Suspect, way *heapwalk.Path) report.HeapSuspect {
	o := report.HeapObject{Retained: s.Retained.Bytes, Objects: s.Retained.Objects, Len: -1, Cap: -1, Confidence: report.HeapUnknown}
	switch {
	case !s.InRoot:
		o = h.object(heapwalk.Holder{Object: s.Object, Retained: s.Retained})
	case s.Root.Type != nil:
		o.Type, o.Addr, o.Bytes = s.Root.Type.Name, report.Addr(s.Root.Addr), s.Root.Size
	}
	o.Path = h.path(way)
	out := report.HeapSuspect{Kind: "owner", Object: &o, Retained: s.Retained.Bytes, Share: s.Share}
	if c := &s.Container; c.Kind != heapwalk.NoContainer {
		out.Kind = "container"
		o.Len, o.Cap = int64(c.Len), int64(c.Cap)
		if c.Type != "" {
			o.Type = c.Type
		}
	}
	return out
}

// waiting adds goroutines that together keep much alive.
func (h *heapEngine) waiting(rep *report.Report, share float64) {
	live := float64(rep.Heap.Totals.LiveBytes)
	for _, w := range h.retained.Goroutines(h.waitsIn) {
		part := float64(w.Retained.Bytes) / max(live, 1)
		if w.Goroutines > 1 && part >= share {
			rep.Heap.Suspects = append(rep.Heap.Suspects, report.HeapSuspect{
				Kind: "goroutines", Goroutines: w.Goroutines, Function: w.Key, Retained: w.Retained.Bytes, Share: part,
			})
		}
	}
}

// waitsIn names the innermost function of the program, not of the runtime, that a
// goroutine is in.
func (h *heapEngine) waitsIn(id uint64) string {
	i, ok := h.goroutine(id)
	if !ok || h.all[i].shape == nil {
		return ""
	}
	frames := h.all[i].shape.stack.Frames
	for j := range frames {
		if !goruntimeFrame(frames[j].Function) {
			return frames[j].Function
		}
	}
	return h.all[i].g.Start
}

// strings lists texts with copies.
func (h *heapEngine) strings(ctx context.Context, rep *report.Report, q *HeapQuery) error {
	found, err := h.live.DuplicateStrings(ctx, heapwalk.StringOptions{Max: q.top(maxListed), MaxContents: h.s.options.Limits.MaxString})
	if err != nil {
		return err
	}
	targets := make([]heapwalk.Object, len(found.List))
	for i := range found.List {
		targets[i], _, _ = h.heap.Find(found.List[i].Addr)
	}
	ways, err := h.live.PathsTo(ctx, targets)
	if err != nil {
		return err
	}
	for i := range found.List {
		d := &found.List[i]
		rep.Heap.Strings = append(rep.Heap.Strings, report.HeapString{
			Value: textValue(d.Contents, d.Length), Copies: d.Copies, Length: d.Length, Wasted: d.Wasted, Holder: h.path(&ways[i]),
		})
	}
	omitHeap(rep, "texts of the heap", found.Texts-len(found.List))
	return nil
}

const maxListed = 10000

// textValue is a string of which contents are the beginning.
func textValue(contents []byte, length uint64) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: string(contents), Len: int64(length)}
	if uint64(len(contents)) < length {
		v.State = report.StateTruncated
	}
	if !utf8.Valid(contents) {
		quoted := strconv.Quote(v.Text)
		v.Text, v.Quoted = quoted[1:len(quoted)-1], true
	}
	return v
}

// waste lists slices, maps and channels that are larger than what they hold.
func (h *heapEngine) waste(ctx context.Context, rep *report.Report, q *HeapQuery) error {
	list, err := h.live.Waste(ctx, heapwalk.WasteOptions{})
	if err != nil {
		return err
	}
	n := q.top(len(list))
	omitHeap(rep, "types with unused room", len(list)-n)
	list = list[:n]
	targets := make([]heapwalk.Object, n)
	for i := range list {
		targets[i] = list[i].Worst
	}
	ways, err := h.live.PathsTo(ctx, targets)
	if err != nil {
		return err
	}
	for i := range list {
		w := &list[i]
		rep.Heap.Waste = append(rep.Heap.Waste, report.HeapWaste{
			Kind: w.Kind.String(), Type: w.Type, Count: w.Count, Len: w.Len, Cap: w.Cap, Wasted: w.Wasted, Holder: h.path(&ways[i]),
		})
	}
	return nil
}

// bigValue is what a value retains at least for the report to say so, in bytes, and
// as a part of what is live.
const (
	bigValue      = 64 << 10
	bigValueShare = 1000
)

// weighValues says of values that point to objects which keep much alive how much
// that is.
func (h *heapEngine) weighValues(rep *report.Report) {
	least := max(bigValue, rep.Heap.Totals.LiveBytes/bigValueShare)
	weigh := func(v *report.Value) {
		if v.Target == 0 || v.Nil {
			return
		}
		if o, _, ok := h.heap.Find(uint64(v.Target)); ok && h.live.Has(o) {
			if c := h.retained.Of(o); c.Bytes >= least {
				v.Retained = c.Bytes
			}
		}
	}
	for i := range rep.Globals {
		eachValue(&rep.Globals[i].Value, weigh)
	}
	for i := range rep.Goroutines {
		for j := range rep.Goroutines[i].Frames {
			vars := rep.Goroutines[i].Frames[j].Vars
			for k := range vars {
				eachValue(&vars[k].Value, weigh)
			}
		}
	}
}

// eachValue visits a value and all its parts.
func eachValue(v *report.Value, visit func(*report.Value)) {
	queue := []*report.Value{v}
	for len(queue) > 0 {
		v := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		visit(v)
		for i := range v.Children {
			queue = append(queue, &v.Children[i].Value)
		}
	}
}

// sites lists where memory was allocated, by the runtime's own profile: most in use
// first.
func (h *heapEngine) sites(_ context.Context, rep *report.Report, q *HeapQuery) error {
	rate, list, problems := h.e.runtime.MemProfile()
	addProblems(rep, problems)
	rep.Heap.SampleRate = rate
	all := make([]report.HeapSite, len(list))
	for i := range list {
		s := &list[i]
		all[i].Frames = s.Frames
		all[i].InUseObjects, all[i].InUseBytes = s.ScaledInUse(rate)
		all[i].AllocObjects, all[i].AllocBytes = s.ScaledAlloc(rate)
	}
	slices.SortStableFunc(all, func(a, b report.HeapSite) int {
		return cmp.Or(cmp.Compare(b.InUseBytes, a.InUseBytes), cmp.Compare(b.AllocBytes, a.AllocBytes))
	})
	rep.Heap.Sites = all[:q.top(len(all))]
	omitHeap(rep, "places that allocate", len(all)-len(rep.Heap.Sites))
	return nil
}
