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
	tag              string // the field's
	top              bool   // a variable or global, where Safedump's decisions bind
	noName           bool   // the name is no reason: the label of a name-value pair
	below            nameVerdict
	depth, hops      int
}

// grade is how willingly contents that the name made secret are searched for.
func (v nameVerdict) grade() grade {
	switch {
	case v.tokens:
		return gradeNone
	case v.class == classStrong && v.loose:
		return gradeLoose
	case v.class == classStrong, v.class == classText:
		return gradeStrict
	}
	return gradeNone
}

// hides reports whether a text beside a name with that verdict is removed.
func (u *run) hides(v nameVerdict) bool {
	return v.class > classPersonal || v.class == classPersonal && !u.personal
}

// value judges a value and what is below it.
func (u *run) value(v *report.Value, p *place) {
	if v.State == report.StateRedacted {
		u.removed(v)
		return
	}
	if p.depth > maxDepth || !known(v) {
		u.drop(v)
		return
	}
	v.Secret = 0 // only what was removed has a number
	rule := u.typeOf(v)
	protected := v.Protected
	v.Protected = false
	if u.silent && (!u.keeps || u.dirty) && teachesNothing(v) {
		return
	}
	if !holdsContent(v) { // whatever it is called
		u.notes(v)
		return
	}
	if protected && u.inMemory(v) {
		return
	}
	facts := u.nameIn(p.owner, p.ownerType, p.name, p.tag)
	field := facts // what the type says, whatever else the field is called beside a label
	if p.field != p.name {
		field = u.nameIn(p.owner, p.ownerType, p.field, p.tag)
	}
	verdict := p.below
	if !p.noName && !field.shown && facts.verdict.class > verdict.class {
		verdict = facts.verdict
	}
	if field.tag.class > verdict.class {
		verdict = field.tag
	}
	if rule == "" {
		rule = field.secret
	}
	switch u.choice() {
	case placeDenied:
		u.deny(v)
		return
	case placeAllowed:
		verdict, rule = nameVerdict{}, ""
	}
	if u.byName(v, verdict, p) || u.byType(v, rule, p) || u.spelledSecret(v, u.text) {
		return
	}
	u.contents(v)
	u.notes(v)
	if len(v.Children) > 0 {
		u.children(v, verdict, p)
	}
}

// teachesNothing reports whether nothing of v can be a secret that is searched
// for in the rest of the report, nor a name or flag that makes one of another
// value: most numbers and pointers.
func teachesNothing(v *report.Value) bool {
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		return false
	}
	return len(v.Text) < minSpread && len(v.Note) < minSpread && len(v.Children) == 0
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
func (u *run) byName(v *report.Value, n nameVerdict, p *place) bool {
	if !u.hides(n) || !p.top && spared(v, n, p.name, u.x.names) {
		return false
	}
	if n.class <= classText && !textual(v) || n.tokens && !tokenText(v) {
		return false // its parts are judged with this verdict
	}
	u.collect(v, n.grade(), 0)
	u.conceal(v)
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

// tokenText reports whether v is a text that looks like a token, or leads to one.
func tokenText(v *report.Value) bool {
	for range maxDepth {
		if len(v.Children) != 1 {
			break
		}
		v = &v.Children[0].Value
	}
	s, ok := v.Contents()
	return ok && looksToken(s)
}

// byType removes the value when its type, or that of the struct whose field it
// is, says so; word is the entry that does.
func (u *run) byType(v *report.Value, word string, p *place) bool {
	if word == "" || v.Kind == report.KindFunc || !p.top && (v.Nil || v.Kind == report.KindBool) {
		return false
	}
	u.collect(v, gradeLoose, 0)
	u.conceal(v)
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
	u.dirty = u.dirty || u.limit >= 0 && len(s) > u.limit
	m := u.valueMode(v, s)
	if u.settled(s, m) {
		return
	}
	j := u.text(s, m)
	u.replaced(v, j)
	u.settle(s, m, j.hit)
}

// valueMode is how the text of a value is scanned.
func (u *run) valueMode(v *report.Value, s string) mode {
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		m := u.tiered(modeText | modeDense)
		if v.Kind == report.KindText {
			m &^= modeDense
		}
		if v.State == report.StateTruncated || v.Len > int64(len(s)) && v.Kind != report.KindText {
			m |= modeCut
		}
		return m
	case report.KindInt, report.KindUint:
		if strings.HasSuffix(v.Type, "uintptr") { // an address: one in ten of thirteen digits has the sum of a card
			return u.tiered(modeCustom)
		}
		return u.tiered(modeCards | modeCustom)
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
	if j.hit {
		replace(v, j)
		u.recordAll(j.why)
	}
}

func replace(v *report.Value, j judged) {
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		if j.whole {
			j.wipe(v)
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
		j.wipe(v)
	}
}

// notes judges the explanation of a value's state.
func (u *run) notes(v *report.Value) {
	u.judgeText(&v.Note, u.tiered(modeText))
}

// collect keeps the texts below a value that is removed for the search in the
// rest of the report. Inside of structs only what looks like a secret itself.
func (u *run) collect(v *report.Value, g grade, depth int) {
	if u.search != nil || depth > maxDepth {
		return
	}
	switch v.Kind {
	case report.KindString, report.KindBytes, report.KindText:
		if s, ok := v.Contents(); ok {
			u.removedText(s, g)
		}
	case report.KindStruct:
		g = min(g, gradeStrict)
	}
	for i := range v.Children {
		if k := v.Children[i].Key; k != nil {
			u.collect(k, min(g, gradeStrict), depth+1)
		}
		c, tag := &v.Children[i], ""
		if c.Tag != nil {
			tag = *c.Tag
		}
		u.collect(&c.Value, max(g, u.nameIn("", v.Type, c.Name, tag).verdict.grade()), depth+1)
	}
}

// wipe leaves of a value nothing but that it was there: kind and type.
func wipe(v *report.Value) {
	*v = report.Value{State: report.StateRedacted, Kind: v.Kind, Type: v.Type}
}

// wipe removes a value that held what was judged. Of a secret that was all of it,
// or all that mattered, the number is left.
func (j *judged) wipe(v *report.Value) {
	wipe(v)
	if j.whole {
		v.Secret = int32(numberIn(j.out))
	}
}

// removed makes sure that nothing is left of a value that was removed before but
// its number.
func (u *run) removed(v *report.Value) {
	number := int(v.Secret)
	wipe(v)
	if u.search == nil {
		u.learned.taken.add(number)
	}
	if validNumber(number) && u.x.policy.numbers() {
		v.Secret = int32(number)
	}
	if v.State = report.StateOK; !known(v) {
		v.Kind = report.KindInvalid
	}
	v.State = report.StateRedacted
	u.typeOf(v)
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
