package redact

import (
	"slices"
	"strings"
)

// nameClass says how much a name tells about the value beside it.
type nameClass uint8

const (
	classNone nameClass = iota
	// classPersonal: personal data; texts are removed at tiers 0 and 1.
	classPersonal
	// classText: the texts below are removed, a structure is looked into.
	classText
	// classWeak: Safedump's denylist says so, though the word alone says little
	// (key, hash, tokenizer). The value is removed, nothing follows from it.
	classWeak
	// classStrong: whatever is below is secret.
	classStrong
)

// nameVerdict is what a name says. rule is the audit record's rule, word the
// entry of the rule data that matched: never the name itself.
type nameVerdict struct {
	class nameClass
	rule  string
	word  string
	// loose lets nearly every value of 8 bytes and more be searched for in the
	// rest of the report, not only what looks random.
	loose bool
	// numbers is true where numbers are secret too, though the class is weak.
	numbers bool
	// tokens restricts it to texts that look like a token.
	tokens bool
	// made tells that programs make such values, not people: a value of plain
	// words is none then.
	made bool
}

// nameRules is the data of namedata.go made ready.
type nameRules struct {
	single  map[string]nameVerdict
	pairs   map[[2]string]nameVerdict
	counted map[string]bool
	about   map[string]bool
	doers   map[string]bool
	made    map[string]bool
	chosen  map[string]bool
	bland   map[string]bool
	// innocent are words that make a key none that is secret.
	innocent map[string]bool
}

func newNameRules() *nameRules {
	n := &nameRules{
		single: map[string]nameVerdict{}, pairs: map[[2]string]nameVerdict{}, counted: wordMap(countWords()), about: wordMap(aboutWords()),
		doers: wordMap(doerWords()), made: wordMap(madeWords()), chosen: wordMap(chosenWords()), bland: wordMap(blandWords()), innocent: wordMap(innocentKeys()),
	}
	for _, set := range singleWords() {
		for _, w := range set.words {
			n.single[w] = nameVerdict{class: set.class, rule: RuleName, word: w, loose: set.loose, numbers: set.numbers}
		}
	}
	for _, set := range wordPairs() {
		for _, a := range set.first {
			for _, b := range set.second {
				n.pairs[[2]string{a, b}] = nameVerdict{class: set.class, rule: RuleName, word: a + " " + b, loose: set.class == classStrong, numbers: true}
			}
		}
	}
	return n
}

func wordMap(words []string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// judge says what the words of a name and Safedump's denylist make of it.
func (n *nameRules) judge(name string) nameVerdict {
	best := n.judgeWords(splitWords(name))
	w := floorName(baseName(name))
	switch {
	case w == "":
		return best
	case best.class >= classWeak:
		best.word = w // as Safedump's own records have it
		return best
	}
	return nameVerdict{class: classWeak, rule: RuleName, word: w}
}

// judgeWords returns the strongest verdict among the words and their pairs. It
// is none where the last words tell something about a secret, not the secret,
// unless it takes them to tell it: a password's field, but the URL of a database.
func (n *nameRules) judgeWords(words []string) nameVerdict {
	told := n.subject(words)
	best, last := n.strongest(words)
	if last < told {
		return nameVerdict{}
	}
	return best
}

// strongest returns the strongest verdict and the last word that any of those
// that are as strong takes.
func (n *nameRules) strongest(words []string) (best nameVerdict, last int) {
	keep := func(v nameVerdict, i int) {
		if v.class > best.class {
			best = v
		}
		if v.class == best.class && v.class != classNone {
			last = i
		}
	}
	for i := range words {
		w := singular(words[i])
		for _, form := range [2]string{words[i], w} {
			keep(n.single[form], i)
		}
		if i == 0 {
			continue
		}
		before := words[i-1]
		for _, pair := range [2][2]string{{before, w}, {singular(before), w}} {
			keep(n.pairs[pair], i)
		}
	}
	return best, last
}

// subject returns the index of the word from which on the name tells what it is
// about: 0 when that is the whole of it, above that when the last word is one of
// aboutWords. Numbers at the end count for nothing.
func (n *nameRules) subject(words []string) int {
	end := len(words)
	for end > 1 && digitsOnly(words[end-1]) {
		end--
	}
	if end < 2 {
		return 0
	}
	switch w, before := words[end-1], words[end-2]; {
	case w == "at" || w == "in" || w == "on":
		if n.about[before] || n.about[singular(before)] || strings.HasSuffix(before, "ed") || strings.HasPrefix(before, "expire") {
			return end - 1
		}
	case w == "id" || w == "ids":
		switch before {
		case "key", "keys", "credential", "credentials", "cred", "cert", "certificate", "oauth", "auth", "client", "webhook":
			if end > 2 && before == "key" && words[end-3] == "access" { // the first half of AWS's credentials
				return 0
			}
			return end - 1
		}
	case n.about[w], n.about[singular(w)]:
		return end - 1
	}
	return 0
}

// joined judges the pair that the last word of owner and the first of name
// make: the field ID of a session.
func (n *nameRules) joined(owner, name string) nameVerdict {
	a, b := splitWords(owner), splitWords(name)
	if len(a) == 0 || len(b) == 0 {
		return nameVerdict{}
	}
	two := []string{a[len(a)-1], singular(b[0])}
	for _, first := range [2]string{two[0], singular(two[0])} {
		if v := n.pairs[[2]string{first, two[1]}]; v.class != classNone {
			return v
		}
	}
	return nameVerdict{}
}

// counts reports whether the name tells a number about a secret, not the
// secret: tokenCount, maxTokens, passwordLength.
func (n *nameRules) counts(name string) bool {
	return slices.ContainsFunc(splitWords(name), func(w string) bool { return n.counted[w] || n.counted[singular(w)] })
}

// baseName strips what the debug information and the report add to a name: the
// "&" of an escaped variable and the "#2" of a shadowed one.
func baseName(name string) string {
	for name != "" && (name[0] == '&' || name[0] == '~' || name[0] == '*') {
		name = name[1:]
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '#' && digitsOnly(name[i+1:]) {
			return name[:i]
		}
	}
	return name
}
