package export

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// HeapPart is what of a heap is shown.
type HeapPart int

// The parts of a heap. HeapOverview is the zero value.
const (
	HeapOverview   HeapPart = iota // totals, and the first of types, owners and suspects
	HeapHistogram                  // types, or packages
	HeapRetained                   // types, roots or objects by what they retain
	HeapPaths                      // why objects are alive
	HeapSuspects                   // what looks like a leak
	HeapStrings                    // texts with copies
	HeapWaste                      // half-empty slices and maps
	HeapDifference                 // what grew since another core
	HeapSites                      // where memory was allocated
)

// HeapOptions are for the heap of a report.
type HeapOptions struct {
	TextOptions
	Part HeapPart
	// Of is what paths were asked for, as it was typed.
	Of string
}

// HeapText writes a part of the heap as tables.
func HeapText(w io.Writer, res redact.Result, o HeapOptions) error {
	o.Of = asked(res.LastScan(), o.Of)
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writeHeap(p, r, o) })
}

// HeapJSON writes what was asked of the heap as one JSON object: metadata.sdcore.heap
// of a saved report, with what is missing and what was removed.
func HeapJSON(w io.Writer, res redact.Result) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error { return writeHeapJSON(p, r) })
}

func writeHeapJSON(w io.Writer, r *report.Report) error {
	c := completed(r)
	if c.Heap == nil {
		c.Heap = completedHeap(&report.Heap{})
	}
	return writeIndented(w, struct {
		*report.Heap
		Complete        bool               `json:"complete"`
		Omitted         []report.Omission  `json:"omitted"`
		Problems        []report.Problem   `json:"problems"`
		Redactions      []report.Redaction `json:"redactions"`
		RedactionCounts map[string]int     `json:"redaction_counts"`
	}{c.Heap, c.Complete, c.Omitted, c.Problems, c.Redactions, c.RedactionCounts})
}

func writeHeap(w io.Writer, r *report.Report, o HeapOptions) error {
	s := heapScreen{newScreen(r, o.TextOptions), r.Heap}
	if s.h == nil {
		s.h = &report.Heap{}
	}
	switch o.Part {
	case HeapHistogram:
		s.histogram()
	case HeapRetained:
		s.retained()
	case HeapPaths:
		s.paths(o.Of)
	case HeapSuspects:
		s.heapTotals()
		s.suspects()
	case HeapStrings:
		s.strings()
	case HeapWaste:
		s.waste()
	case HeapDifference:
		s.growth()
	case HeapSites:
		s.sites()
	default:
		s.overview()
	}
	s.problems()
	s.trust()
	return s.flush(w)
}

// heapScreen collects the text about a heap.
type heapScreen struct {
	*screen
	h *report.Heap
}

// heapTotals says what there is, and how far it is understood.
func (s heapScreen) heapTotals() {
	t := &s.h.Totals
	s.line(s.bold("heap: "+sizeText(t.LiveBytes)+" live"), " in ", objects(t.LiveObjects), "; ",
		sizeText(t.GarbageBytes), " garbage in ", objects(t.GarbageObjects))
	known := t.ExactBytes + t.StrongBytes + t.WeakBytes
	s.line(s.grey(fmt.Sprintf("  types known of %s of the live bytes: exact %s, strong %s, weak %s",
		percent(known, t.LiveBytes), percent(t.ExactBytes, t.LiveBytes), percent(t.StrongBytes, t.LiveBytes), percent(t.WeakBytes, t.LiveBytes))))
	if t.CondemnedBytes > 0 {
		s.line(s.grey(fmt.Sprintf("  of the garbage %s in %s was condemned by the last collection already", sizeText(t.CondemnedBytes), objects(t.CondemnedObjects))))
	}
	if t.ConservativeBytes > 0 {
		s.line(s.grey(fmt.Sprintf("  %s in %s is live only because of words that may be no pointers", sizeText(t.ConservativeBytes), objects(t.ConservativeObjects))))
	}
	if t.RuntimeBytes > t.Bytes {
		s.line(s.grey(fmt.Sprintf("  the runtime itself counted %s more (%s)", sizeText(t.RuntimeBytes-t.Bytes), percent(t.RuntimeBytes-t.Bytes, t.Bytes))))
	} else if t.RuntimeBytes != 0 && t.RuntimeBytes < t.Bytes {
		s.line(s.grey(fmt.Sprintf("  the runtime itself counted %s less (%s)", sizeText(t.Bytes-t.RuntimeBytes), percent(t.Bytes-t.RuntimeBytes, t.Bytes))))
	}
}

func (s heapScreen) overview() {
	s.heapTotals()
	if len(s.h.Types) > 0 {
		s.line()
		s.types(false)
	}
	if len(s.h.Owners) > 0 {
		s.line()
		s.owners()
	}
	s.suspects()
}

func (s heapScreen) histogram() {
	s.heapTotals()
	s.line()
	if len(s.h.Packages) == 0 {
		s.types(false)
		return
	}
	rows := make([][]string, 0, len(s.h.Packages))
	for i := range s.h.Packages {
		p := &s.h.Packages[i]
		pkg := name(p.Package)
		if pkg == "" {
			pkg = "(no package)"
		}
		rows = append(rows, []string{
			sizeText(p.Bytes), percent(p.Bytes, s.h.Totals.LiveBytes), number(p.Objects), sizeText(p.GarbageBytes), number(p.GarbageObjects), pkg,
		})
	}
	s.numbers([]string{"live", "share", "objects", "garbage", "objects", "package"}, rows, 5)
}

// types is the table of types; retained puts what they retain first.
func (s heapScreen) types(retained bool) {
	var rows [][]string
	header := []string{"live", "share", "objects", "garbage", "type", "known"}
	for i := range s.h.Types {
		t := &s.h.Types[i]
		row := []string{
			sizeText(t.Bytes), percent(t.Bytes, s.h.Totals.LiveBytes), number(t.Objects), sizeText(t.GarbageBytes), s.typeCell(t.Type), name(string(t.Confidence)),
		}
		if retained {
			row = append([]string{sizeText(t.Retained)}, row...)
		}
		rows = append(rows, row)
	}
	numeric := 4
	if retained {
		header, numeric = append([]string{"retained"}, header...), 5
	}
	s.numbers(header, rows, numeric)
}

func (s heapScreen) retained() {
	s.heapTotals()
	s.line()
	switch {
	case len(s.h.Retained) > 0:
		s.objects()
	case len(s.h.Owners) > 0:
		s.owners()
	default:
		s.types(true)
	}
}

func (s heapScreen) owners() {
	var rows [][]string
	for i := range s.h.Owners {
		o := &s.h.Owners[i]
		rows = append(rows, []string{
			sizeText(o.Retained), percent(o.Retained, s.h.Totals.LiveBytes), number(o.Objects), clip(rootText(&o.Root), s.wide-30), s.typeCell(o.Type),
		})
	}
	s.numbers([]string{"retained", "share", "objects", "owner", "type"}, rows, 3)
}

func (s heapScreen) objects() {
	var rows [][]string
	for i := range s.h.Retained {
		o := &s.h.Retained[i]
		rows = append(rows, []string{sizeText(o.Retained), number(o.Objects), o.Addr.String(), s.typeCell(o.Type) + lengthText(o), pathText(&o.Path, s.wide)})
	}
	s.numbers([]string{"retained", "objects", "address", "type", "held by"}, rows, 2)
}

// lengthText is the length of the slice, map or channel that an object belongs to.
func lengthText(o *report.HeapObject) string {
	if o.Len < 0 {
		return ""
	}
	text := fmt.Sprintf(" (len %d", o.Len)
	if o.Cap > 0 {
		text += fmt.Sprintf(", cap %d", o.Cap)
	}
	return text + ")"
}

func (s heapScreen) paths(of string) {
	if len(s.h.Paths) == 0 {
		s.line("no root reaches ", name(of))
		return
	}
	for i := range s.h.Paths {
		p := &s.h.Paths[i]
		s.line(s.bold(pathText(p, s.wide-2)))
		s.line("    ", s.grey(rootLine(&p.Root)))
		s.held(p)
	}
}

// held lists the objects on a path: the first of them, and the last.
func (s heapScreen) held(p *report.HeapPath) {
	var steps []*report.HeapStep
	for i := range p.Steps {
		if p.Steps[i].Addr != 0 {
			steps = append(steps, &p.Steps[i])
		}
	}
	for i, st := range steps {
		if left := len(steps) - maxHeld - 1; i == maxHeld && left > 0 {
			s.line("    ", s.grey(fmt.Sprintf("… +%d more", left)))
		}
		if i < maxHeld || i == len(steps)-1 {
			s.line("    ", st.Addr.String(), "  ", pad(sizeText(st.Bytes), 9), s.typeCell(st.Type))
		}
	}
}

// maxHeld bounds the objects of one path that are listed.
const maxHeld = 12

func rootLine(r *report.HeapRoot) string {
	text := "from " + name(r.Kind)
	if r.Conservative {
		text += ", a word that may be no pointer"
	}
	return text
}

func (s heapScreen) suspects() {
	s.line()
	if len(s.h.Suspects) == 0 {
		s.line("no leak suspects")
		return
	}
	s.line(s.bold("leak suspects: " + strconv.Itoa(len(s.h.Suspects))))
	for i := range s.h.Suspects {
		for _, l := range suspectLines(&s.h.Suspects[i], s.wide-4) {
			s.line("  ", l)
		}
	}
}

// suspectLines say what is suspect, and how it is held.
func suspectLines(x *report.HeapSuspect, wide int) []string {
	share := "retain" + " " + sizeText(x.Retained) + ", " + ratio(x.Share) + " of what is live"
	if x.Object == nil {
		return []string{counted(x.Goroutines, "goroutines") + " in " + shortFunc(x.Function) + " " + share}
	}
	what := shortType(x.Object.Type)
	if x.Kind == "container" {
		what += lengthText(x.Object)
	}
	share = strings.Replace(share, "retain", "retains", 1)
	return []string{what + " " + share, "  " + pathText(&x.Object.Path, wide)}
}

func (s heapScreen) strings() {
	if len(s.h.Strings) == 0 {
		s.line("no strings with copies")
		return
	}
	var rows [][]string
	for i := range s.h.Strings {
		x := &s.h.Strings[i]
		text, _ := oneLine(&x.Value, max(s.wide/3, 24), false)
		length := "?"
		if x.Length > 0 || x.Value.State == report.StateOK {
			length = number(x.Length)
		}
		rows = append(rows, []string{sizeText(x.Wasted), number(x.Copies), length, clip(text, max(s.wide/3, 24)+8), pathText(&x.Holder, s.wide/2)})
	}
	s.numbers([]string{"wasted", "copies", "bytes", "text", "one is held by"}, rows, 3)
}

func (s heapScreen) waste() {
	if len(s.h.Waste) == 0 {
		s.line("no slices or maps that are much larger than what they hold")
		return
	}
	var rows [][]string
	for i := range s.h.Waste {
		x := &s.h.Waste[i]
		rows = append(rows, []string{
			sizeText(x.Wasted), number(x.Count), number(x.Len), number(x.Cap), name(x.Kind), s.typeCell(x.Type), pathText(&x.Holder, s.wide/2),
		})
	}
	s.numbers([]string{"wasted", "count", "used", "room", "kind", "type", "the worst is held by"}, rows, 4)
}

func (s heapScreen) growth() {
	h := s.h
	if b := h.Before; b != nil {
		s.line(s.bold("live: "+sizeText(b.LiveBytes)+" before, "+sizeText(h.Totals.LiveBytes)+" now"), " (", signedSize(int64(h.Totals.LiveBytes-b.LiveBytes)), ")")
		s.line(s.grey("  objects: " + number(b.LiveObjects) + " before, " + number(h.Totals.LiveObjects) + " now"))
	}
	if h.Since != "" {
		s.line(s.grey("  before: " + name(h.Since)))
	}
	for _, part := range []struct{ kind, label string }{{"type", "type"}, {"owner", "owner (what only it keeps alive)"}} {
		var rows [][]string
		for i := range h.Growth {
			g := &h.Growth[i]
			if g.Kind != part.kind {
				continue
			}
			what := s.typeCell(g.Type)
			if g.Kind == "owner" {
				what = clip(rootText(&g.Root), s.wide-30)
			}
			rows = append(rows, []string{signedSize(g.Bytes), fmt.Sprintf("%+d", g.Objects), sizeText(g.NewBytes), number(g.NewObjects), what})
		}
		if len(rows) > 0 {
			s.line()
			s.numbers([]string{"growth", "objects", "now", "objects", part.label}, rows, 4)
		}
	}
	if len(h.Growth) == 0 {
		s.line("nothing grew or shrank")
	}
}

func (s heapScreen) sites() {
	if s.h.SampleRate == 0 {
		s.line("the program's memory profile was off (runtime.MemProfileRate 0): allocation sites are not known")
		return
	}
	s.line(s.grey(fmt.Sprintf("allocation sites by the runtime's own profile, one sample per %s", sizeText(uint64(max(s.h.SampleRate, 0))))))
	for i := range s.h.Sites {
		x := &s.h.Sites[i]
		s.line()
		s.line(s.bold(fmt.Sprintf("%s in use in %d objects", signless(x.InUseBytes), x.InUseObjects)),
			s.grey(fmt.Sprintf("  of %s allocated in %d", signless(x.AllocBytes), x.AllocObjects)))
		s.b.WriteString(s.groupStack(&report.Group{Frames: x.Frames}))
	}
}
