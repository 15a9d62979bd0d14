package redact

import (
	"cmp"
	"slices"
	"strings"
)

// Bounds of what is kept of the secrets of one report. A pool may hold twice
// as much while it is filled.
const (
	maxSecrets     = 1 << 15
	maxSecretBytes = 8 << 20
	maxSecretLen   = 1 << 16
)

// maxSymbols bounds the program's names that are kept: secrets that are also
// one of them are not searched for. Beyond it more is removed, never less.
const (
	maxSymbols     = 1 << 16
	maxSymbolBytes = 8 << 20
)

// pool is a bounded set of texts. When it is full the surest are kept, and of
// those alike the first in alphabetical order: what is in it depends on what
// was added, not on when or by which worker.
type pool struct {
	maxTexts, maxBytes int

	texts map[string]kept
	bytes int
	full  bool // something was left out
	last  text // everything from here on was left out
}

// kept is what is known of a text in a pool: the best grade that it came with,
// and when it first came with that.
type kept struct {
	grade grade
	first moment
}

type text struct {
	s string
	kept
}

func (a text) compare(b text) int {
	if c := cmp.Compare(b.grade, a.grade); c != 0 {
		return c
	}
	return strings.Compare(a.s, b.s)
}

// add puts s into the pool. A text that was left out with a lower grade has come
// for the first time all the same when it comes with one that counts, so that
// its moment does not depend on what was left out when.
func (p *pool) add(s string, k kept) {
	old, known := p.texts[s]
	switch {
	case known && (old.grade > k.grade || old.grade == k.grade && old.first <= k.first),
		p.full && !known && p.last.compare(text{s, k}) <= 0:
		return
	case !known:
		if p.texts == nil {
			p.texts = map[string]kept{}
		}
		s = strings.Clone(s)
		p.bytes += len(s)
	}
	p.texts[s] = k
	if len(p.texts) > 2*p.maxTexts || p.bytes > 2*p.maxBytes {
		p.trim()
	}
}

// merge adds what is in o.
func (p *pool) merge(o *pool) {
	for s, k := range o.texts {
		p.add(s, k)
	}
	if o.full && (!p.full || o.last.compare(p.last) < 0) {
		p.last = o.last
	}
	p.full = p.full || o.full
}

// trim brings the pool down to its bounds: in order, up to the first text that
// does not fit or did not fit before.
func (p *pool) trim() {
	if !p.full && len(p.texts) <= p.maxTexts && p.bytes <= p.maxBytes {
		return
	}
	list, kept := p.sorted(), 0
	p.bytes = 0
	for kept < min(len(list), p.maxTexts) && p.bytes+len(list[kept].s) <= p.maxBytes && (!p.full || list[kept].compare(p.last) < 0) {
		p.bytes += len(list[kept].s)
		kept++
	}
	for _, t := range list[kept:] {
		delete(p.texts, t.s)
	}
	if kept < len(list) && (!p.full || list[kept].compare(p.last) < 0) {
		p.last, p.full = list[kept], true
	}
}

// sorted returns the texts in the order in which they are kept.
func (p *pool) sorted() []text {
	list := make([]text, 0, len(p.texts))
	for s, k := range p.texts {
		list = append(list, text{s, k})
	}
	slices.SortFunc(list, text.compare)
	return list
}

// those returns what is known of some of the texts.
func (p *pool) those(texts []string) []text {
	list := make([]text, 0, len(texts))
	for _, s := range texts {
		list = append(list, text{s, p.texts[s]})
	}
	return list
}

// learned is what judging finds out about a report as a whole.
type learned struct {
	secrets, symbols pool
	taken            numberSet // numbers that the report holds already

	locals  int // variables that the tier hides
	cut     int // values that the tier does not follow
	dropped int // values nested too deeply to be judged

	// watch, where it is set, sees all secrets, also those that are not searched
	// for: for tests.
	watch func(s string, g grade)
}

func newLearned() *learned {
	return &learned{
		secrets: pool{maxTexts: maxSecrets, maxBytes: maxSecretBytes},
		symbols: pool{maxTexts: maxSymbols, maxBytes: maxSymbolBytes},
	}
}

// merge adds what another one has learned.
func (l *learned) merge(o *learned) {
	l.secrets.merge(&o.secrets)
	l.symbols.merge(&o.symbols)
	l.taken.merge(o.taken)
	l.locals += o.locals
	l.cut += o.cut
	l.dropped += o.dropped
}

// secret keeps contents for the search in the rest of the report, if they are
// fit for it.
func (l *learned) secret(s string, g grade, now moment) {
	if l.watch != nil {
		l.watch(s, g)
	}
	if g == gradeNone || len(s) < minSpread || holdsPlaceholder(s) || !fit(s, g) {
		return
	}
	l.secrets.add(s[:min(len(s), maxSecretLen)], kept{g, now})
}

// symbol keeps a name of the program: secrets that are also such a name are
// not searched for in the rest of the report.
func (l *learned) symbol(s string) {
	if len(s) >= minSpread {
		l.symbols.add(s, kept{})
	}
}
