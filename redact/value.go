package redact

import (
	"strings"

	"github.com/safedump/sdcore/report"
)

// place is where a value stands: what it is called, and in what.
type place struct {
	name             string // of the variable, field or map entry
	owner, ownerType string // what the value is a field or an entry of
	field            string // of the type ownerType
	top              bool   // a variable or global, where Safedump's decisions bind
	noName           bool   // the name is no reason: the label of a name-value pair
	below            nameVerdict
	depth, hops      int
}

// grade is how willingly contents that the name made secret are searched for.
func (v nameVerdict) grade() grade {
	switch {
	case v.class == classStrong && v.loose:
		return gradeLoose
	case v.class == classStrong, v.class == classText:
		return gradeStrict
	}
	return gradeNone
}

// hides reports whether a text beside a name with that verdict is removed.
func (u *run) hides(v nameVerdict, top bool) bool {
	return v.class > classPersonal || v.class == classPersonal && u.x.policy.Tier <= personalTier
}

// value judges a value and what is below it.
func (u *run) value(v *report.Value, p place) {
	if v.State == report.StateRedacted {
		u.removed(v)
		return
	}
	if p.depth > maxDepth || !known(v) {
		u.drop(v)
		return
	}
	u.typeText(v)
	verdict := p.below
	if !p.noName {
		if n := u.nameIn(p.owner, p.ownerType, p.name); n.class > verdict.class {
			verdict = n
		}
	}
	if u.byName(v, verdict, p) || u.byType(v, p) {
		return
	}
	u.contents(v)
	u.notes(v)
	if len(v.Children) > 0 {
		u.children(v, verdict, p)
	}
}

// known reports whether kind and state are of the model's: in a report that was
// read from a file they can be anything.
func known(v *report.Value) bool {
	switch v.Kind {
	case report.KindBool, report.KindInt, report.KindUint, report.KindFloat, report.KindComplex, report.KindString,
		report.KindBytes, report.KindArray, report.KindSlice, report.KindMap, report.KindStruct, report.KindPointer,
		report.KindInterface, report.KindFunc, report.KindChan, report.KindUnsafePointer, report.KindText, report.KindInvalid:
	default:
		return false
	}
	switch v.State {
	case report.StateOK, report.StateTruncated, report.StateOptimizedOut, report.StateStale, report.StateUnreadable,
		report.StateAbsent, report.StateCycle, report.StateBudget:
		return true
	}
	return false
}

// holdsContent reports whether v shows anything of the program's memory.
func holdsContent(v *report.Value) bool {
	return v.Text != "" || len(v.Children) > 0 || v.Len != 0 || v.Cap != 0 || v.Target != 0 || v.Nil ||
		v.State == report.StateOK || v.State == report.StateTruncated
}

// byName removes the value when its name says so.
func (u *run) byName(v *report.Value, n nameVerdict, p place) bool {
	if !u.hides(n, p.top) || !holdsContent(v) || !p.top && spared(v, n, p.name, u.x.names) {
		return false
	}
	if n.class <= classText && !textual(v) {
		return false // its parts are judged with this verdict
	}
	u.collect(v, n.grade(), 0)
	wipe(v)
	u.record(n.rule, nameReason(n))
	return true
}

// spared reports whether a part of a variable is shown although its name is on
// the list, because it says nothing secret: booleans, nil, locks, times,
// functions, counts, and numbers beside names that only Safedump's list holds.
// Safedump does not look into variables, so this is no less than it removes.
func spared(v *report.Value, n nameVerdict, name string, names *nameRules) bool {
	switch v.Kind {
	case report.KindBool, report.KindFunc:
		return true
	case report.KindInt, report.KindUint, report.KindFloat, report.KindComplex:
		return n.class == classWeak && !n.numbers || n.class <= classText || names.counts(name)
	}
	return v.Nil || sparedType(v.Type)
}

// textual reports whether v is text, or leads to nothing but text.
func textual(v *report.Value) bool {
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		return true
	case report.KindPointer, report.KindInterface:
		return len(v.Children) == 1 && v.Children[0].Value.Kind != v.Kind && textual(&v.Children[0].Value)
	}
	return false
}

// byType removes the value, or decides that a field is removed, by its type.
func (u *run) byType(v *report.Value, p place) bool {
	if !holdsContent(v) || !p.top && (v.Nil || v.Kind == report.KindBool) {
		return false
	}
	word := u.typeRule(v.Type)
	if word == "" {
		word = u.x.types.secretField(p.ownerType, p.field)
	}
	if word == "" || v.Kind == report.KindFunc {
		return false
	}
	u.collect(v, gradeLoose, 0)
	wipe(v)
	u.record(RuleType, "sensitive type: '"+word+"'")
	return true
}

// contents judges the text of a value.
func (u *run) contents(v *report.Value) {
	if v.Text == "" {
		return
	}
	s, ok := v.Contents()
	if !ok {
		u.drop(v)
		return
	}
	u.replaced(v, u.text(s, u.valueMode(v, s)))
}

// valueMode is how the text of a value is scanned.
func (u *run) valueMode(v *report.Value, s string) mode {
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		m := u.tiered(modeText)
		if v.Kind != report.KindText {
			m |= modeDense
		}
		if v.State == report.StateTruncated || v.Len > int64(len(s)) && v.Kind != report.KindText {
			m |= modeCut
		}
		return m
	case report.KindInt, report.KindUint:
		return modeCards | modeCustom
	case report.KindFunc:
		return modeCode
	}
	return u.tiered(modeText)
}

// partly is the note of a text in which pieces were replaced; its Len is that
// of the text as it is now, because the true one would measure the secret.
const partly = "partly redacted"

// replaced puts the outcome of judging a value's text in place.
func (u *run) replaced(v *report.Value, j judged) {
	if !j.hit {
		return
	}
	for _, w := range j.why {
		u.record(w.rule, w.reason)
	}
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		if j.whole {
			wipe(v)
			return
		}
		v.SetContents(j.out)
		v.Cap = 0
		if v.Kind != report.KindText {
			v.Len = int64(len(j.out))
		}
		if v.Note == "" {
			v.Note = partly
		} else if !strings.Contains(v.Note, partly) {
			v.Note += "; " + partly
		}
	default:
		if len(v.Children) > 0 && !j.whole { // a summary beside the parts
			v.SetContents(j.out)
			return
		}
		wipe(v)
	}
}

// notes judges the explanation of a value's state.
func (u *run) notes(v *report.Value) {
	if v.Note != "" {
		u.apply(&v.Note, func() judged { return u.text(v.Note, u.tiered(modeText)) })
	}
}

// typeText judges the name of a value's type, once per name.
func (u *run) typeText(v *report.Value) {
	if _, seen := u.typesSeen[v.Type]; seen || v.Type == "" {
		return
	}
	u.symbol(v.Type)
	before := v.Type
	u.apply(&v.Type, func() judged { return u.text(before, modeCode) })
	if v.Type == before && len(u.typesSeen) < maxCached {
		u.typesSeen[before] = struct{}{}
	}
}

// children judges the parts of a composite value.
func (u *run) children(v *report.Value, verdict nameVerdict, p place) {
	hop := 0
	if v.Kind != report.KindStruct {
		hop = 1
	}
	if u.beyond(v, verdict, p, hop) {
		return
	}
	pair := pairField(v)
	for i := range v.Children {
		c := &v.Children[i]
		q := place{depth: p.depth + 1, hops: p.hops + hop}
		index := noIndex
		switch {
		case c.Name != "":
			q.name, q.field, q.owner, q.ownerType = c.Name, c.Name, p.name, v.Type
			u.childName(c)
			if pair.value == i {
				q.name = pair.name
			}
			q.noName = pair.label == i || u.shown(v.Type, c.Name)
		case c.Key != nil:
			q.name, q.owner = keyName(c.Key), p.name
			u.mapKey(c.Key, q)
		default:
			q.name, q.owner, q.ownerType = "", p.owner, p.ownerType
			if verdict.class <= classText {
				q.below = verdict
			}
			if v.Kind == report.KindPointer || v.Kind == report.KindInterface {
				q.name, q.field, q.noName = p.name, p.field, p.noName
			} else {
				index = i
				if i > 0 && u.flagged(v, i) {
					continue
				}
			}
		}
		u.child(&c.Value, q, c, index)
	}
}

// child judges one part with its location.
func (u *run) child(v *report.Value, q place, c *report.Child, index int) {
	switch {
	case index != noIndex:
		u.loc.push("", index)
	case c.Name != "":
		u.loc.push(c.Name, noIndex)
	case c.Key != nil:
		u.loc.push(keyLabel(c.Key), noIndex)
	default:
		u.value(v, q)
		return
	}
	u.value(v, q)
	u.loc.pop()
}

// keyLabel is how a map key shows in a location: identifiers as they are,
// everything else, and what was removed, as "?".
func keyLabel(k *report.Value) string {
	if k.State == report.StateRedacted || k.Text == "" {
		return "?"
	}
	return k.Text
}

// childName judges the name of a field.
func (u *run) childName(c *report.Child) {
	u.symbol(c.Name)
	u.apply(&c.Name, func() judged { return u.text(c.Name, modeCode) })
}

// mapKey judges the key of a map entry by its contents alone.
func (u *run) mapKey(k *report.Value, q place) {
	u.loc.push("?", noIndex)
	u.value(k, place{depth: q.depth, hops: q.hops})
	u.loc.pop()
}

// keyName is the name that a map key gives the value beside it: the text of
// strings, also behind interfaces.
func keyName(k *report.Value) string {
	for range 4 {
		if k.Kind != report.KindInterface || len(k.Children) != 1 {
			break
		}
		k = &k.Children[0].Value
	}
	if k.Kind != report.KindString {
		return ""
	}
	s, _ := k.Contents()
	return s
}

// namePair is a struct that says by one field what another one is.
type namePair struct {
	name         string
	label, value int
}

// pairField finds the name and value fields of structs like a flag, a header
// or an environment entry.
func pairField(v *report.Value) namePair {
	none := namePair{label: -1, value: -1}
	if v.Kind != report.KindStruct || len(v.Children) > 16 {
		return none
	}
	p := none
	for i := range v.Children {
		c := &v.Children[i]
		switch strings.ToLower(c.Name) {
		case "name", "key", "k", "header":
			if p.label < 0 && c.Value.Kind == report.KindString {
				p.label, p.name = i, keyName(&c.Value)
			}
		case "value", "val", "v":
			p.value = i
		}
	}
	if p.label < 0 || p.value < 0 || p.name == "" || len(p.name) > maxTextName {
		return none
	}
	return p
}

// shown reports whether the type says that the field is no secret.
func (u *run) shown(ownerType, field string) bool {
	entry := shortType(strings.TrimLeft(ownerType, "*")) + "." + field
	for _, f := range shownFields() {
		if f == entry {
			return true
		}
	}
	return false
}

// flagged removes the element i of a list when the element before it is a
// secret's flag, or its name: a command line that a variable holds, or the
// alternating names and values of loggers and headers.
func (u *run) flagged(v *report.Value, i int) bool {
	flag, el := keyName(&v.Children[i-1].Value), &v.Children[i].Value
	if flag == "" || len(flag) > maxTextName || el.State == report.StateRedacted || v.Children[i-1].Value.State == report.StateRedacted {
		return false
	}
	u.loc.push("", i)
	defer u.loc.pop()
	if flag[0] != '-' {
		return u.paired(flag, el)
	}
	arg, ok := el.Contents()
	if el.Kind != report.KindString || !ok || !u.argument(flag, &arg) {
		return false
	}
	if arg == Placeholder {
		wipe(el)
		return true
	}
	u.replaced(el, judged{out: arg, hit: true})
	return false
}

// paired removes a value that stands after a secret's name in a list.
func (u *run) paired(name string, el *report.Value) bool {
	if charsURL.run(name) < len(name) || !textual(el) {
		return false
	}
	n := u.textName(name)
	if n.class == classNone {
		return false
	}
	u.collect(el, gradeStrict, 0)
	wipe(el)
	u.record(n.rule, nameReason(n))
	return true
}

// collect keeps the texts below a value that is removed for the search in the
// rest of the report. Inside of structs only what looks like a secret itself.
func (u *run) collect(v *report.Value, g grade, depth int) {
	if g == gradeNone || depth > maxDepth {
		return
	}
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		if s, ok := v.Contents(); ok {
			u.secrets.add(s, g)
		}
	case report.KindStruct:
		g = min(g, gradeStrict)
	}
	for i := range v.Children {
		if k := v.Children[i].Key; k != nil {
			u.collect(k, min(g, gradeStrict), depth+1)
		}
		u.collect(&v.Children[i].Value, g, depth+1)
	}
}

// wipe leaves of a value nothing but that it was there: kind and type.
func wipe(v *report.Value) {
	*v = report.Value{State: report.StateRedacted, Kind: v.Kind, Type: v.Type}
}

// removed makes sure that nothing is left of a value that was removed before.
func (u *run) removed(v *report.Value) {
	wipe(v)
	if v.State = report.StateOK; !known(v) {
		v.Kind = report.KindInvalid
	}
	v.State = report.StateRedacted
	u.typeText(v)
}

// drop removes a value that can't be judged.
func (u *run) drop(v *report.Value) {
	kind := v.Kind
	if v.State = report.StateOK; !known(v) {
		kind = report.KindInvalid
	}
	*v = report.Value{State: report.StateRedacted, Kind: kind}
	u.record(RuleError, "sanitization error")
}
