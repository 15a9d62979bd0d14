package redact

import (
	"reflect"
	"slices"

	"github.com/safedump/sdcore/report"
)

// visitor is what a pass does with the strings and values of a report.
type visitor interface {
	// text judges the string at the current location.
	text(s *string, d decision)
	// named judges a string that name stands beside.
	named(s *string, name string)
	// list judges a list of strings.
	list(s []string, d decision, field string) []string
	// root judges a value tree that name stands beside.
	root(v *report.Value, name string)
}

// walk takes a visitor over a struct of the report and what is below it.
func (u *run) walk(v reflect.Value, plan *structPlan, vis visitor) {
	if plan.direct != nil {
		plan.direct(u, v, vis)
		return
	}
	name := ""
	if plan.name >= 0 {
		name = v.Field(plan.fields[plan.name].index).String()
	}
	for i := range plan.fields {
		fp := &plan.fields[i]
		f := v.Field(fp.index)
		u.loc.push(fp.json, noIndex)
		u.walkField(f, fp, name, vis)
		u.loc.pop()
	}
}

func (u *run) walkField(f reflect.Value, fp *fieldPlan, name string, vis visitor) {
	switch fp.shape {
	case shapeString:
		if f.Len() == 0 {
			return
		}
		s := f.String()
		before := s
		if fp.decision == decideValue {
			vis.named(&s, name)
		} else {
			vis.text(&s, fp.decision)
		}
		if s != before {
			f.SetString(s)
		}
	case shapeStrings:
		if f.Len() > 0 {
			f.Set(reflect.ValueOf(vis.list(f.Interface().([]string), fp.decision, fp.json)))
		}
	case shapeStruct:
		u.walk(f, fp.elem, vis)
	case shapePointer:
		if !f.IsNil() {
			u.walk(f.Elem(), fp.elem, vis)
		}
	case shapeSlice:
		u.walkSlice(f, fp, vis)
	case shapeValue:
		vis.root(f.Addr().Interface().(*report.Value), name)
	case shapeValuePtr:
		if !f.IsNil() {
			vis.root(f.Interface().(*report.Value), name)
		}
	}
}

// walkSlice walks the elements. Those with a name are at .NAME, the others at
// [I]. The records of a goroutine go to the goroutine's own list.
func (u *run) walkSlice(f reflect.Value, fp *fieldPlan, vis visitor) {
	if fp.elem.typ == reflect.TypeFor[report.Redaction]() {
		return // checked when they are complete, see finish
	}
	for i := range f.Len() {
		e := f.Index(i)
		depth := len(u.loc.parts)
		if n := fp.elem.name; n >= 0 {
			if pkg := e.FieldByName("Package"); pkg.IsValid() {
				u.loc.push(pkg.String(), noIndex)
			}
			u.loc.push(e.Field(fp.elem.fields[n].index).String(), noIndex)
		} else {
			u.loc.parts[depth-1].index = i
		}
		sink := u.sink
		if g, ok := e.Addr().Interface().(*report.Goroutine); ok {
			u.sink = &g.Redactions
		}
		u.walk(e, fp.elem, vis)
		u.sink = sink
		u.loc.parts = u.loc.parts[:depth]
	}
	u.loc.parts[len(u.loc.parts)-1].index = noIndex
}

// judgeReport is the first pass: names, types and patterns.
func (u *run) judgeReport(r *report.Report) { u.walk(reflect.ValueOf(r).Elem(), u.x.plan, judge{u}) }

// learnFrom judges what the tier removes: what is secret there must not stay
// elsewhere.
func (u *run) learnFrom(hidden *report.Report) {
	u.muted++
	u.judgeReport(hidden)
	u.muted--
}

// scrubReport is the second pass: what was found secret is removed everywhere, and
// what is left is shortened.
func (u *run) scrubReport(r *report.Report) { u.walk(reflect.ValueOf(r).Elem(), u.x.plan, scrubber{u}) }

// judge is the first pass as a visitor.
type judge struct{ u *run }

// modeOf is how a text of the decision is scanned. What sdcore wrote itself is
// scanned like code: a report that was read from a file can hold anything.
func modeOf(d decision) mode {
	switch d {
	case decideCode, decideSafe:
		return modeCode
	case decidePath:
		return modePath
	}
	return modeText
}

func (j judge) text(s *string, d decision) {
	if (d == decideText || d == decidePath) && j.u.deniedText(s) {
		return
	}
	m := j.u.tiered(modeOf(d))
	if d == decideCode || d == decideName {
		m |= memoSymbol
	}
	j.u.judgeText(s, m)
}

func (j judge) named(s *string, name string) {
	u := j.u
	if u.deniedText(s) {
		return
	}
	v := u.name(name)
	if u.hides(v) && !isPlaceholder(*s) && u.choice() != placeAllowed {
		*s = PlaceholderOf(u.removedText(*s, v.grade()))
		u.record(v.rule, nameReason(v))
		return
	}
	u.judgeText(s, u.tiered(modeText))
}

func (j judge) list(list []string, d decision, field string) []string {
	u := j.u
	switch {
	case d == decideName:
		all := len(list)
		list = slices.DeleteFunc(list, u.envDenied)
		for range all - len(list) {
			u.record(RuleName, "removed denylisted name")
		}
	case d == decideArgs:
		u.arguments(list)
	case field == "lines":
		u.armour(list)
	}
	m := modeOf(d)
	if field == "lines" {
		m |= modeSource
	}
	for i := range list {
		u.loc.parts[len(u.loc.parts)-1].index = i
		if u.deniedText(&list[i]) {
			continue
		}
		u.judgeText(&list[i], u.tiered(m))
	}
	u.loc.parts[len(u.loc.parts)-1].index = noIndex
	return list
}

func (j judge) root(v *report.Value, name string) {
	u := j.u
	defer u.leave(v, u.enter())
	u.learned.dropped += bound(v)
	u.value(v, &place{name: name, top: true})
}

// rooted is where a pass was when it went into a variable.
type rooted struct{ depth, muted int }

// enter begins the walk over the value of the variable at the current
// location, whose last part is the field of the variable that holds it.
func (u *run) enter() rooted {
	u.loc.pop()
	return rooted{len(u.loc.parts), u.muted}
}

// leave ends it. It is deferred: a value that could not be judged is dropped.
func (u *run) leave(v *report.Value, r rooted) {
	failed := recover() != nil // the panic's text may hold contents: not even looked at
	u.loc.parts, u.muted = u.loc.parts[:min(len(u.loc.parts), r.depth)], r.muted
	if failed {
		u.drop(v)
	}
	u.loc.push("value", noIndex)
}

// judgeText judges a string, unless it is known that there is nothing to do.
func (u *run) judgeText(s *string, m mode) {
	if *s == "" || u.settled(*s, m) {
		return
	}
	before := *s
	if m&memoSymbol != 0 {
		u.symbol(before)
	}
	u.settle(before, m, u.apply(s, func() judged { return u.text(before, m&^(memoSymbol|memoStays)) }))
}

// settled reports whether both passes leave a text as it is, as far as it is
// remembered or can be told without looking.
func (u *run) settled(s string, m mode) bool {
	return len(s) < minSpread && m&^(modeCards|memoSymbol|memoStays) == 0 || u.texts.has(s, m)
}

// settle remembers a text that was judged when both passes leave it as it is.
// The second one has something to do otherwise. Whether it has is not looked for
// where it looks at all texts anyway and this one is too long to be remembered.
func (u *run) settle(s string, m mode, changed bool) {
	switch {
	case changed, u.dirty && len(s) > maxMemo:
		u.dirty = true
	case m&memoStays == 0 && u.search.holds(s, m&modeCut != 0):
		u.dirty = true
	default:
		u.texts.add(s, m)
	}
}

// apply judges a string and records what was removed. One that can't be judged
// is removed. It reports whether anything was.
func (u *run) apply(s *string, f func() judged) bool {
	var j judged
	if !guard(func() { j = f() }) {
		j = judged{out: Placeholder, hit: true, why: []why{{RuleError, "sanitization error"}}}
	}
	if !j.hit {
		return false
	}
	*s = j.out
	u.recordAll(j.why)
	return true
}

// envDenied reports whether the name of an environment variable is taken out
// of the list, as Safedump does with all that its denylist holds.
func (u *run) envDenied(name string) bool {
	joined := joinedName(name)
	if u.x.choices.allowName.has(joined) {
		return false
	}
	return u.x.choices.denyName.has(joined) || Denied(name) || u.name(name).rule == RuleCustom
}
