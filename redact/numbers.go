package redact

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/safedump/sdcore/report"
)

// Equal secrets have a number, so that a reader can tell the same key from
// another one. It says nothing about the secret: numbers are given by where a
// secret was seen first, goroutine by goroutine. Who has one is who is looked
// for in the whole report anyway: that two places hold one secret is then known
// by both being empty. A short or plain secret has none, since whoever can make
// the program hold a guess could see by the number whether it is right.

// numbers reports whether equal secrets get a number.
func (p Policy) numbers() bool { return !p.Unnumbered && !p.Shape }

// moment is when the walk over a report came to something: the goroutine that
// crashed first, the others by their index, all else then, and within each one
// what is removed in order. It is the same for any number of workers.
type moment uint64

// The parts of a moment.
const (
	momentPart       = 1 << 32 // of a goroutine; below it is the order in it
	momentGoroutines = 1 << 62 // those that did not crash
	momentRest       = 2 << 62
)

// momentOf is when the walk over a goroutine begins.
func momentOf(index int, crashed bool) moment {
	m := moment(uint32(index)&(1<<29-1)) * momentPart
	if !crashed {
		m |= momentGoroutines
	}
	return m
}

// numberSet is a set of numbers.
type numberSet []uint64

func (s *numberSet) add(n int) {
	if validNumber(n) {
		if *s == nil {
			*s = make(numberSet, maxNumber/64+1)
		}
		(*s)[n/64] |= 1 << (n % 64)
	}
}

func (s numberSet) has(n int) bool { return s != nil && s[n/64]&(1<<(n%64)) != 0 }

func (s *numberSet) merge(o numberSet) {
	if *s == nil {
		*s = o
		return
	}
	for i, w := range o {
		(*s)[i] |= w
	}
}

func (s numberSet) size() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// last is the largest number in the set.
func (s numberSet) last() int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0 {
			return 64*i + bits.Len64(s[i]) - 1
		}
	}
	return 0
}

// numbering is the numbers of the secrets.
type numbering struct {
	own  map[string]int
	full bool // not every secret could get one
}

// numberSecrets numbers secrets by when they were first seen, above all numbers
// that the report holds already; when there is no room, with what is free below.
// A secret of the greatest length may have been cut, and gets none.
func numberSecrets(secrets []text, taken numberSet) numbering {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s text) bool { return len(s.s) >= maxSecretLen })
	slices.SortFunc(secrets, func(a, b text) int {
		if c := cmp.Compare(a.first, b.first); c != 0 {
			return c
		}
		return a.compare(b)
	})
	n := numbering{own: make(map[string]int, len(secrets))}
	next, free := taken.last(), maxNumber-taken.size()
	for _, s := range secrets {
		if n.full = free == 0; n.full {
			break
		}
		for next = next%maxNumber + 1; taken.has(next); {
			next = next%maxNumber + 1
		}
		n.own[s.s], free = next, free-1
	}
	return n
}

// of is the number of a text, 0 where it has none.
func (n *numbering) of(s string) int { return n.own[s] }

// numberOf is the number of the secret that v holds: a text that is known whole,
// by itself or behind pointers and interfaces.
func (u *run) numberOf(v *report.Value) int {
	if u.search == nil {
		return 0
	}
	for range maxDepth {
		switch v.Kind {
		case report.KindString, report.KindBytes, report.KindText:
			s, ok := v.Contents()
			if !ok || v.State != report.StateOK || len(v.Children) > 0 || v.Kind != report.KindText && v.Len > int64(len(s)) {
				return 0
			}
			return u.search.numbers.of(s)
		case report.KindPointer, report.KindInterface:
			if len(v.Children) != 1 {
				return 0
			}
			v = &v.Children[0].Value
		default:
			return 0
		}
	}
	return 0
}

// conceal removes a value that is one secret.
func (u *run) conceal(v *report.Value) {
	n := u.numberOf(v)
	wipe(v)
	v.Secret = int32(n)
}
