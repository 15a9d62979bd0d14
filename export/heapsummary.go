package export

import (
	"slices"
	"strings"

	"github.com/safedump/sdcore/report"
)

// Bounds of the heap's part of a crash report.
const (
	summaryTypes    = 4
	summaryOwners   = 3
	summarySuspects = 3
)

// heapSummary is the heap in a few lines of a crash report.
func (s *screen) heapSummary() {
	h := s.r.Heap
	if h == nil {
		return
	}
	t := &h.Totals
	s.gap()
	s.line(s.bold("heap: "+sizeText(t.LiveBytes)+" live in "+objects(t.LiveObjects)), s.grey(", "+sizeText(t.GarbageBytes)+" garbage"))
	var parts []string
	for i := range h.Types[:min(len(h.Types), summaryTypes)] {
		x := &h.Types[i]
		parts = append(parts, clip(shortType(x.Type), 40)+" "+percent(x.Bytes, t.LiveBytes))
	}
	s.summaryLine("types", parts)
	parts = nil
	for i := range h.Owners[:min(len(h.Owners), summaryOwners)] {
		x := &h.Owners[i]
		parts = append(parts, clip(rootText(&x.Root), 60)+" "+sizeText(x.Retained))
	}
	s.summaryLine("owners", parts)
	for i := range h.Suspects[:min(len(h.Suspects), summarySuspects)] {
		lines := suspectLines(&h.Suspects[i], s.wide-12)
		s.line("  ", s.yellow(pad("suspect", 9)), lines[0])
		for _, l := range lines[1:] {
			s.line("           ", l)
		}
	}
	if more := len(h.Suspects) - summarySuspects; more > 0 {
		s.line("  ", s.grey("… +"+counted(more, "suspects")))
	}
}

// summaryLine writes a labelled list, as much of it as a line holds.
func (s *screen) summaryLine(label string, parts []string) {
	if len(parts) > 0 {
		s.line("  ", s.grey(pad(label, 9)), clip(strings.Join(parts, ", "), max(s.wide-12, 40)))
	}
}

// stableHeap is a heap without what differs between equal crashes: IDs and addresses.
func stableHeap(h *report.Heap) *report.Heap {
	h = completedHeap(h)
	if h == nil {
		return nil
	}
	h.Owners = slices.Clone(h.Owners)
	for i := range h.Owners {
		h.Owners[i].Root.Goroutine = 0
	}
	for i := range h.Suspects {
		if o := h.Suspects[i].Object; o != nil {
			o.Path.Root.Goroutine = 0
		}
	}
	return h
}
