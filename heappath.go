package sdcore

import (
	"context"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/report"
)

// step is a step of a path as the report has it. The key of a map is decoded like
// any value: it is contents.
func (h *heapEngine) step(s *heapwalk.Step) report.HeapStep {
	out := report.HeapStep{Name: s.Name, Index: int64(s.Index)}
	out.Kind = [...]string{
		heapwalk.StepField: "field", heapwalk.StepIndex: "index", heapwalk.StepCaptured: "captured", heapwalk.StepKey: "key",
		heapwalk.StepElem: "value", heapwalk.StepWord: "word", heapwalk.StepHidden: "pointer",
	}[s.Kind]
	if s.Struct != nil && s.Kind == heapwalk.StepField {
		if tags := h.e.types.Tags(s.Struct); s.Field < len(tags) {
			out.Tag = tags[s.Field]
		}
	}
	if s.KeyType != nil {
		key := h.e.reader.Value(s.KeyType, s.KeyAddr)
		out.Key, out.Index = &key, 0
	}
	if s.Leads {
		addr, size := h.heap.Place(s.To)
		out.Addr, out.Bytes = report.Addr(addr), size
		out.Type, _ = h.typeOf(s.To)
	}
	return out
}

// path is a path as the report has it.
func (h *heapEngine) path(p *heapwalk.Path) report.HeapPath {
	if p.None {
		return report.HeapPath{}
	}
	out := report.HeapPath{Root: h.root(&p.Root)}
	for i := range p.Steps {
		out.Steps = append(out.Steps, h.step(&p.Steps[i]))
	}
	return out
}

// samples lists the rows of a profile.
func (h *heapEngine) samples(ctx context.Context, rep *report.Report, _ *HeapQuery) error {
	list, err := h.retained.Samples(ctx)
	if err != nil {
		return err
	}
	for i := range list {
		s := &list[i]
		stack := append([]string{rootName(&s.Root)}, s.Steps...)
		rep.Heap.Samples = append(rep.Heap.Samples, report.HeapSample{Stack: stack, Objects: s.Count.Objects, Bytes: s.Count.Bytes})
	}
	return nil
}

// rootName names a root for a profile.
func rootName(r *heapwalk.Root) string {
	switch {
	case r.Kind == heapwalk.RootGlobal && r.Function != "":
		return r.Function + "." + r.Name
	case r.Function != "" && r.Name != "":
		return r.Function + ": " + r.Name
	case r.Function != "":
		return r.Function + ": " + r.Kind.String()
	case r.Name != "":
		return r.Kind.String() + " " + r.Name
	}
	return r.Kind.String()
}
