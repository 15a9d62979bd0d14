package redact

import (
	"iter"
	"strings"

	"github.com/safedump/sdcore/report"
)

// What this file walks, as the plans have to read; see goroutinePlan.
const (
	heapPathPlan   = "root{kind:code package:code function:code name:name} steps[kind:code name:name -:safe key:tree type:code]"
	heapObjectPlan = "type:code confidence:code path{" + heapPathPlan + "}"
	heapStringPlan = "value:tree holder{" + heapPathPlan + "}"
)

// around is what the names and types on a path of the heap say about what stands
// at its end. Contents on the way, the keys of maps, are judged as they would be
// in the value tree of the root.
type around struct {
	u     *run
	whole nameVerdict // of a name that makes everything below it secret
	typ   string      // the entry of a type that does
	in    string      // the type of the object that the path has come to
	last  nameVerdict // of the last name
	next  place       // of the value at the end
	hops  int64
}

// named goes on to a variable, a field or the entry of a map.
func (a *around) named(name, tag string) {
	facts := a.u.nameIn(a.next.name, a.in, name, tag)
	a.last = nameVerdict{}
	if !facts.shown {
		a.last = facts.verdict
	}
	if facts.tag.class > a.last.class {
		a.last = facts.tag
	}
	if a.last.class > classText && !a.last.tokens && a.last.class > a.whole.class {
		a.whole = a.last
	}
	if a.typ == "" {
		a.typ = facts.secret
	}
	a.next = place{name: name, field: name, tag: tag, owner: a.next.name, ownerType: a.in}
	a.in = "" // the parts of a field are of another type
}

// unnamed goes on to an element.
func (a *around) unnamed() {
	below := a.next.below
	if a.last.class <= classText && a.last.class > below.class {
		below = a.last
	}
	a.next = place{owner: a.next.owner, ownerType: a.next.ownerType, below: below}
}

// step goes on by one step, but for its key.
func (a *around) step(s *report.HeapStep) {
	switch s.Kind {
	case "index", "element", "word":
		a.unnamed()
	}
	if s.Kind != "field" && s.Kind != "captured" && s.Kind != "pointer" {
		a.hops++
	}
	if s.Addr != 0 {
		a.hops++
	}
	a.hops += max(s.Repeat-1, 0)
	rest := s.Name
	for rest != "" {
		var name, tag string
		if name, rest, _ = strings.Cut(rest, "."); rest == "" {
			tag = s.Tag
		}
		a.named(name, tag)
	}
}

// arrived notes the type of the object that the step leads to.
func (a *around) arrived(typ string) {
	if typ == "" {
		return
	}
	a.in = typ
	if a.typ == "" {
		a.typ = a.u.x.typeRule(typ)
	}
}

// secret reports whether everything at the end of the path is removed.
func (a *around) secret() bool { return a.typ != "" || a.whole.class != classNone }

// remove takes out a value because of the path to it.
func (a *around) remove(v *report.Value) {
	u := a.u
	if a.typ != "" {
		u.collect(v, gradeLoose, 0)
		u.conceal(v)
		u.record(RuleType, "sensitive type: '"+a.typ+"'")
		return
	}
	u.collect(v, a.whole.grade(), 0)
	u.conceal(v)
	u.record(a.whole.rule, nameReason(a.whole))
}

// value judges a value at the end of the path, which is a part of it by p.
func (a *around) value(v *report.Value, p place) {
	u := a.u
	defer u.leave(v, u.enter())
	u.learned.dropped += bound(v)
	if u.tier < tierDeep && a.hops > shallowHops && holdsContent(v) {
		u.muted++
		a.judged(v, p) // so that its secrets are known
		u.muted--
		if u.muted == 0 {
			u.learned.cut++
		}
		unfollowed(v, u.tier)
		return
	}
	a.judged(v, p)
}

func (a *around) judged(v *report.Value, p place) {
	u := a.u
	plain := v.State == report.StateRedacted || !known(v) || !holdsContent(v)
	if !plain && a.secret() && u.choice() == placeOpen {
		a.remove(v)
		return
	}
	u.value(v, &p)
}

// unfollowed leaves of a value that the tier does not show its type.
func unfollowed(v *report.Value, tier int) {
	*v = report.Value{State: report.StateBudget, Kind: v.Kind, Type: v.Type, Note: notShown(tier)}
}

// walkHeapPath is walk over a path. What it returns says how to judge what
// stands at its end.
func (u *run) walkHeapPath(p *report.HeapPath, vis visitor) *around {
	a := &around{u: u}
	a.named(p.Root.Name, "")
	a.next.top = true
	u.loc.push("root", noIndex)
	u.walkText("kind", &p.Root.Kind, decideCode, vis)
	u.walkText("package", &p.Root.Package, decideCode, vis)
	u.walkText("function", &p.Root.Function, decideCode, vis)
	u.walkText("name", &p.Root.Name, decideName, vis)
	u.loc.pop()
	u.loc.push("steps", noIndex)
	at := len(u.loc.parts) - 1
	for i := range p.Steps {
		u.loc.parts[at].index = i
		s := &p.Steps[i]
		a.step(s)
		if s.Key != nil {
			name := keyName(s.Key)
			u.walkHeapValue("key", s.Key, a, place{}, vis)
			if s.Kind == "value" {
				a.named(name, "")
			}
		}
		u.walkText("kind", &s.Kind, decideCode, vis)
		u.walkText("name", &s.Name, decideName, vis)
		u.walkText("type", &s.Type, decideCode, vis)
		a.arrived(s.Type)
	}
	u.loc.pop()
	return a
}

func (u *run) walkHeapValue(field string, v *report.Value, a *around, p place, vis visitor) {
	u.loc.push(field, noIndex)
	u.loc.push("value", noIndex)
	if _, ok := vis.(judge); ok {
		a.value(v, p)
	} else {
		vis.root(v, "")
	}
	u.loc.pop()
	u.loc.pop()
}

// walkHeapObject is walk over an object. Of a secret its length is not said.
func (u *run) walkHeapObject(o *report.HeapObject, vis visitor) {
	u.loc.push("path", noIndex)
	a := u.walkHeapPath(&o.Path, vis)
	u.loc.pop()
	u.walkText("type", &o.Type, decideCode, vis)
	u.walkText("confidence", (*string)(&o.Confidence), decideCode, vis)
	a.arrived(o.Type)
	if a.secret() {
		o.Len, o.Cap = -1, -1
	}
}

// walkHeapString is walk over a text with copies, judged as what holds it says.
func (u *run) walkHeapString(s *report.HeapString, vis visitor) {
	u.loc.push("holder", noIndex)
	a := u.walkHeapPath(&s.Holder, vis)
	u.loc.pop()
	u.walkHeapValue("value", &s.Value, a, a.next, vis)
	if s.Value.State != report.StateOK && s.Value.State != report.StateTruncated || strings.Contains(s.Value.Note, partly) {
		s.Length = 0
	}
}

// heapPaths gives all paths of a heap.
func heapPaths(h *report.Heap) iter.Seq[*report.HeapPath] {
	return func(yield func(*report.HeapPath) bool) {
		for i := range h.Retained {
			if !yield(&h.Retained[i].Path) {
				return
			}
		}
		for i := range h.Paths {
			if !yield(&h.Paths[i]) {
				return
			}
		}
		for i := range h.Suspects {
			if o := h.Suspects[i].Object; o != nil && !yield(&o.Path) {
				return
			}
		}
		for i := range h.Strings {
			if !yield(&h.Strings[i].Holder) {
				return
			}
		}
		for i := range h.Waste {
			if !yield(&h.Waste[i].Holder) {
				return
			}
		}
	}
}

// contentTier is the first tier that shows contents held by a root: that which
// shows the root's own value.
func contentTier(root *report.HeapRoot) int {
	switch root.Kind {
	case "local", "stack", "register", "defer", "panic", "goroutine":
		return tierLocals
	}
	return tierGlobals
}

// hideHeap takes the contents that the tier does not show out of the heap of r,
// a copy, counts them, and returns the paths with them.
func (u *run) hideHeap(r *report.Report) *report.Heap {
	hidden, hides := &report.Heap{}, map[int]int{}
	for i := range r.Heap.Strings {
		s := &r.Heap.Strings[i]
		if t := contentTier(&s.Holder.Root); u.tier < t && s.Value.Note != notShown(u.tier) {
			hides[t]++
			hidden.Strings = append(hidden.Strings, report.HeapString{Value: s.Value, Holder: pathCopy(&s.Holder)})
			unfollowed(&s.Value, u.tier)
			s.Length = 0
		}
	}
	for p := range heapPaths(r.Heap) {
		t := contentTier(&p.Root)
		if u.tier >= t {
			continue
		}
		before, n := pathCopy(p), 0
		for i := range p.Steps {
			if k := p.Steps[i].Key; k != nil && k.Note != notShown(u.tier) {
				v := *k
				unfollowed(&v, u.tier)
				p.Steps[i].Key = &v
				n++
			}
		}
		if n > 0 {
			hides[t] += n
			hidden.Paths = append(hidden.Paths, before)
		}
	}
	for t := tierLocals; t <= tierGlobals; t++ {
		omit(r, "keys and strings of the heap", hides[t], t)
	}
	return hidden
}

// pathCopy is a copy of a path whose steps may be changed.
func pathCopy(p *report.HeapPath) report.HeapPath {
	return report.HeapPath{Root: p.Root, Steps: append([]report.HeapStep{}, p.Steps...)}
}

// shapeHeap leaves no contents in a heap.
func shapeHeap(h *report.Heap) {
	for p := range heapPaths(h) {
		for i := range p.Steps {
			s := &p.Steps[i]
			if s.Key != nil {
				bareValue(s.Key)
			}
			s.Addr = 0
			if s.Kind == "index" || s.Kind == "element" {
				s.Index = 0
			}
		}
	}
	for i := range h.Strings {
		bareValue(&h.Strings[i].Value)
		h.Strings[i].Length = 0
	}
	bare := func(o *report.HeapObject) { o.Addr, o.Len, o.Cap = 0, -1, -1 }
	for i := range h.Retained {
		bare(&h.Retained[i])
	}
	for i := range h.Suspects {
		if o := h.Suspects[i].Object; o != nil {
			bare(o)
		}
	}
}
