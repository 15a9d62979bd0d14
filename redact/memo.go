package redact

import (
	"math/bits"
	"strings"

	"github.com/safedump/sdcore/report"
)

// The memos of a run remember verdicts on what comes again and again: a hundred
// thousand goroutines share a few hundred names, types and notes. Each is a
// table in which a text has one place, so that it never grows; what is kept
// there is a copy, because a text may be part of something large. A text gets its
// place when it comes for the second time and nobody asked for the one that has
// it in between.
const (
	textBits = 12
	nameBits = 13
	typeBits = 12
	maxMemo  = 256 // bytes of what is remembered
)

// door says who may take a place: the hash of who came last.
type door uint64

func (d *door) admits(h uint64) bool {
	if uint64(*d) == h {
		*d = 0
		return true
	}
	*d = door(h)
	return false
}

// hashText mixes the ends and the length of s, and pieces of what is between:
// enough to tell names apart, and notes that differ in a number.
func hashText(s string) uint64 {
	n := len(s)
	h := uint64(n) << 56
	switch {
	case n >= 32:
		h ^= load64(s) ^ bits.RotateLeft64(load64(s[n/4:]), 13) ^ bits.RotateLeft64(load64(s[n/2-4:]), 41) ^ bits.RotateLeft64(load64(s[n-8:]), 29)
	case n >= 8:
		h ^= load64(s) ^ bits.RotateLeft64(load64(s[n-8:]), 29)
	case n >= 4:
		h ^= uint64(load32(s)) | uint64(load32(s[n-4:]))<<32
	case n > 0:
		h ^= uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16
	}
	return h * 0x9e3779b97f4a7c15
}

func load32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// textMemo holds texts that there is nothing to do with, read in that mode.
type textMemo [1 << textBits]struct {
	s    string
	m    mode
	door door
}

func hashMode(s string, m mode) uint64 { return hashText(s) ^ uint64(m)*0xff51afd7ed558ccd }

func (t *textMemo) has(s string, m mode) bool {
	slot := &t[hashMode(s, m)>>(64-textBits)]
	if slot.m != m || slot.s != s {
		return false
	}
	slot.door = 0
	return true
}

func (t *textMemo) add(s string, m mode) {
	h := hashMode(s, m)
	if slot := &t[h>>(64-textBits)]; len(s) <= maxMemo && slot.door.admits(h) {
		slot.s, slot.m = strings.Clone(s), m
	}
}

// typeMemo holds the verdicts on types whose names were judged.
type typeMemo [1 << typeBits]struct {
	typ, rule string
	door      door
}

// typeOf judges the name of the type of v and returns what makes values of the
// type secret, empty for nothing.
func (u *run) typeOf(v *report.Value) string {
	if v.Type == "" {
		return ""
	}
	h := hashText(v.Type)
	slot := &u.types[h>>(64-typeBits)]
	if slot.typ == v.Type {
		slot.door = 0
		return slot.rule
	}
	before := v.Type
	u.symbol(before)
	u.apply(&v.Type, func() judged { return u.text(before, modeCode) })
	rule := u.x.typeRule(v.Type)
	if v.Type == before && len(before) <= maxMemo && slot.door.admits(h) {
		slot.typ, slot.rule = strings.Clone(before), rule
	}
	return rule
}

// nameMemos are the verdicts on names and types.
type nameMemos struct {
	names   nameMemo
	noFacts nameFacts // of names that say nothing
	types   typeMemo
	inText  map[string]*nameInText
	// lastInText are those that came last, by the hash of the name.
	lastInText [1 << lastBits]*nameInText
}

// nameKey is a name with what it stands in.
type nameKey struct{ owner, ownerType, name, tag string }

// nameFacts is what a name says where it stands.
type nameFacts struct {
	verdict nameVerdict
	tag     nameVerdict // of the field's struct tag
	secret  string      // the entry that makes the field of the type secret, empty for none
	shown   bool        // the type says that the field is no secret
}

// nameMemo holds facts about names; most share the one that says nothing.
type nameMemo [1 << nameBits]struct {
	key   nameKey
	facts *nameFacts
	door  door
}

// nameIn returns the facts about a name in a variable or field called owner of
// type ownerType, not to be changed. tag is that of the field.
func (u *run) nameIn(owner, ownerType, name, tag string) *nameFacts {
	if name == "" {
		return &u.noFacts
	}
	h := hashText(name) ^ bits.RotateLeft64(hashText(ownerType), 21) ^ bits.RotateLeft64(hashText(owner), 43)
	slot := &u.names[h>>(64-nameBits)]
	if slot.key == (nameKey{owner, ownerType, name, tag}) {
		slot.door = 0
		return slot.facts
	}
	facts := &u.noFacts
	if f := u.x.factsOf(nameKey{owner, ownerType, name, tag}); f != u.noFacts {
		said := f // on the heap, where f need not be
		facts = &said
	}
	if len(owner)+len(ownerType)+len(name)+len(tag) <= maxMemo && slot.door.admits(h) {
		slot.key = nameKey{strings.Clone(owner), strings.Clone(ownerType), strings.Clone(name), strings.Clone(tag)}
		slot.facts = facts
	}
	return facts
}

func (x *Redactor) factsOf(k nameKey) nameFacts {
	f := nameFacts{verdict: x.judgeName(k), secret: x.secretField(k.ownerType, k.name), shown: shownField(k.ownerType, k.name)}
	if k.tag != "" {
		f.tag = x.judgeTag(k)
	}
	return f
}
