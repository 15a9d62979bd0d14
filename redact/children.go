package redact

import (
	"strings"

	"github.com/safedump/sdcore/report"
)

// children judges the parts of a composite value.
func (u *run) children(v *report.Value, verdict nameVerdict, p *place) {
	hop := 0
	if v.Kind != report.KindStruct {
		hop = 1
	}
	if u.beyond(v, verdict, p, hop) {
		return
	}
	pair := pairField(v)
	var q place
	for i := range v.Children {
		c := &v.Children[i]
		q = place{depth: p.depth + 1, hops: p.hops + hop}
		index := noIndex
		switch {
		case c.Name != "":
			q.name, q.field, q.owner, q.ownerType = c.Name, c.Name, p.name, v.Type
			if c.Tag != nil {
				q.tag = *c.Tag
			}
			u.childName(c)
			if pair.value == i {
				q.name = pair.name
			}
			q.noName = pair.label == i
		case c.Key != nil:
			q.name, q.owner = keyName(c.Key), p.name
			u.mapKey(c.Key, &q)
		default:
			q.name, q.owner, q.ownerType = "", p.owner, p.ownerType
			if verdict.class <= classText {
				q.below = verdict
			}
			if v.Kind == report.KindPointer || v.Kind == report.KindInterface {
				q.name, q.field, q.tag, q.noName = p.name, p.field, p.tag, p.noName
			} else {
				index = i
				if i > 0 && u.flagged(v, i) {
					continue
				}
			}
		}
		u.child(&c.Value, &q, c, index)
	}
}

// child judges one part with its location.
func (u *run) child(v *report.Value, q *place, c *report.Child, index int) {
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
	u.judgeText(&c.Name, modeCode|memoSymbol|memoStays)
}

// mapKey judges the key of a map entry by its contents alone.
func (u *run) mapKey(k *report.Value, q *place) {
	u.loc.push("?", noIndex)
	u.value(k, &place{depth: q.depth, hops: q.hops})
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
	if k.State == report.StateTruncated && len(s) < maxNameBytes {
		return "" // the rest of a longer text is no name
	}
	return s
}

// namePair is a struct that says by one field what another one is.
type namePair struct {
	name         string
	label, value int
}

// pairField finds the name and value fields of structs like a flag, a header,
// an environment entry or a context's value, whose key stands behind an interface.
func pairField(v *report.Value) namePair {
	none := namePair{label: -1, value: -1}
	if v.Kind != report.KindStruct || len(v.Children) > 16 {
		return none
	}
	p := none
	for i := range v.Children {
		c := &v.Children[i]
		switch {
		case len(c.Name) > len("header"):
		case foldIn(c.Name, "name", "key", "k", "header"):
			if p.label >= 0 {
				continue
			}
			if name := keyName(&c.Value); name != "" {
				p.label, p.name = i, name
			}
		case foldIn(c.Name, "value", "val", "v"):
			p.value = i
		}
	}
	if p.label < 0 || p.value < 0 || p.name == "" || len(p.name) > maxTextName {
		return none
	}
	return p
}

// foldIn reports whether name is one of the words, in whatever case.
func foldIn(name string, words ...string) bool {
	for _, w := range words {
		if name != "" && (name[0]|0x20 == w[0] || name[0] >= 0x80) && strings.EqualFold(name, w) {
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
	if isPlaceholder(arg) {
		wipe(el)
		el.Secret = int32(numberIn(arg))
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
	if n.class == classNone || guess(n) {
		return false
	}
	u.collect(el, gradeStrict, 0)
	u.conceal(el)
	u.record(n.rule, nameReason(n))
	return true
}
