package redact

import (
	_ "embed" // providers.tsv
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// providersTable holds the rules that were taken over from betterleaks, with
// their source and licence. It is never written to.
//
//go:embed providers.tsv
var providersTable string

// providerRule is an expression that runs only near its keywords.
type providerRule struct {
	id       string
	keywords []string
	group    int     // of the expression that is the secret, 0 for the first that matched
	entropy  float64 // what the secret's must be above
	// before and after are the most bytes that a match has before its keyword
	// and from its beginning on, unbroken what it has of a token in a row.
	before, after, unbroken int
	// prefix tells that the keyword begins the credential.
	prefix bool
	source string

	once sync.Once
	re   *regexp.Regexp
}

// The shared parts of the expressions, wider than betterleaks' own: texts of a
// program in memory are escaped, printed by %v, or end where a token ends.
const (
	providerName = `[ \t\w.-]{0,20}[\s'"\\\])]{0,4}`
	providerIs   = `(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=\\({\[]{0,6}`
	providerEnd  = `(?:[^\w+/=.-]|\.(?:\W|$)|$)`
	providerMore = 32 // bytes that they may take beyond what the table says
)

// expression compiles the rule when it is needed for the first time; nil when
// that fails, which a test rules out.
func (r *providerRule) expression() *regexp.Regexp {
	r.once.Do(func() {
		full := strings.NewReplacer("<is>", providerName+providerIs, "<)is>", providerName+")"+providerIs, "<end>", providerEnd).Replace(r.source)
		if re, err := regexp.Compile(full); err == nil {
			r.re = re
		}
	})
	return r.re
}

// providerSet is the table made ready, at the first text that is long enough
// for a credential.
type providerSet struct {
	once     sync.Once
	rules    []*providerRule
	words    *keywordTable
	byWord   [][]int // the rules of a keyword
	unbroken int     // the least that a rule wants
	token    [256]bool
	err      error
}

// ready returns the set, made ready.
func (p *providerSet) ready() *providerSet {
	p.once.Do(func() { p.err = p.build(providersTable) })
	return p
}

func (p *providerSet) build(table string) error {
	for c := range p.token {
		p.token[c] = charsBearer.has(byte(c)) || c == '_'
	}
	p.unbroken = math.MaxInt
	words, index := []string{}, map[string]int{}
	for line := range strings.Lines(table) {
		if line[0] == '#' {
			continue
		}
		r, err := parseProvider(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return err
		}
		p.unbroken = min(p.unbroken, r.unbroken)
		for _, w := range r.keywords {
			k, known := index[w]
			if !known {
				k = len(words)
				index[w], words, p.byWord = k, append(words, w), append(p.byWord, nil)
			}
			p.byWord[k] = append(p.byWord[k], len(p.rules))
		}
		p.rules = append(p.rules, r)
	}
	var complete bool
	if p.words, complete = newKeywordTable(words); !complete {
		return fmt.Errorf("too many keywords: %d", len(words))
	}
	return nil
}

// parseProvider reads a line of the table.
func parseProvider(line string) (*providerRule, error) {
	f := strings.Split(line, "\t")
	if len(f) != 9 {
		return nil, fmt.Errorf("provider rule %q: %d columns, want 9", f[0], len(f))
	}
	r := &providerRule{id: f[0], keywords: strings.Fields(f[1]), prefix: f[7] == "token", source: f[8]}
	for k, w := range r.keywords {
		if strings.Contains(w, "·") { // stands for a space
			r.keywords[k] = strings.ReplaceAll(w, "·", " ")
		}
	}
	for k, n := range []*int{2: &r.group, 4: &r.before, 5: &r.after, 6: &r.unbroken} {
		if n == nil || k == 2 && f[k] == "" {
			continue
		}
		v, err := strconv.Atoi(f[k])
		if err != nil {
			return nil, fmt.Errorf("provider rule %q: column %d: %w", r.id, k, err)
		}
		*n = v
	}
	if f[3] != "" {
		v, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			return nil, fmt.Errorf("provider rule %q: entropy: %w", r.id, err)
		}
		r.entropy = v
	}
	return r, nil
}

// window is a part of a text that an expression looks at.
type window struct{ start, end int }

// providerScan is what a run keeps while it looks for credentials in a text.
type providerScan struct {
	windows []window // by rule; the zero window is none
	touched []int    // the rules that have one
	runs    []window // the long tokens of the text
	listed  bool     // runs is that of this text
	// quiet tells that no keyword was found: what becomes of the text has none either.
	quiet bool
}

// scanProviders appends the credentials that the table finds in s near a part
// of it.
func (u *run) scanProviders(s string, part window, m mode, spans []span) []span {
	p := u.x.providers.ready()
	if p.err != nil {
		return append(spans, costly(s, "provider rules"))
	}
	sc := &u.providers
	near := window{max(0, part.start-4*maxWiden), min(len(s), part.end+4*maxWiden)}
	if sc.quiet || !p.hasRun(s[near.start:near.end]) {
		return spans
	}
	if sc.windows == nil {
		sc.windows = make([]window, len(p.rules))
	}
	sc.listed = false
	p.words.each(s[part.start:part.end], func(word, start int) {
		if !sc.listed {
			sc.runs, sc.listed = p.list(s, near, sc.runs[:0]), true
		}
		start += part.start
		for _, k := range p.byWord[word] {
			r, w := p.rules[k], &sc.windows[k]
			a, b := max(0, start-r.before-1), min(len(s), start+r.after+providerMore)
			switch {
			case w.end == 0:
				*w = window{a, b}
				sc.touched = append(sc.touched, k)
			case a <= w.end:
				w.end = max(w.end, b)
			default:
				spans = u.matchProvider(s, r, *w, m, spans)
				*w = window{a, b}
			}
		}
	})
	for _, k := range sc.touched {
		spans = u.matchProvider(s, p.rules[k], sc.windows[k], m, spans)
		sc.windows[k] = window{}
	}
	sc.quiet = len(sc.touched) == 0 && len(u.x.rules) == 0 && part.end-part.start == len(s) // whose replacements may hold one
	sc.touched = sc.touched[:0]
	return spans
}

// hasRun reports whether s holds a token that is long enough for some rule.
func (p *providerSet) hasRun(s string) bool {
	// A token of that length covers one of the bytes that are so far apart.
	for i := p.unbroken - 1; i < len(s); {
		k := i
		for k >= 0 && k > i-p.unbroken && p.token[s[k]] {
			k--
		}
		if k == i-p.unbroken {
			return true
		}
		i = k + p.unbroken
	}
	return false
}

// list appends the tokens of a part of s that are long enough for some rule.
func (p *providerSet) list(s string, part window, runs []window) []window {
	for i := part.start; i < part.end; i++ {
		if !p.token[s[i]] {
			continue
		}
		start := i
		for i < len(s) && p.token[s[i]] {
			i++
		}
		if i-start >= p.unbroken {
			runs = append(runs, window{start, i})
		}
	}
	return runs
}

// has reports whether the window holds a token of n bytes.
func (sc *providerScan) has(w window, n int) bool {
	from, _ := slices.BinarySearchFunc(sc.runs, w.start, func(r window, start int) int { return r.end - start })
	for _, r := range sc.runs[from:] {
		if r.start >= w.end {
			return false
		}
		if r.end-r.start >= n {
			return true
		}
	}
	return false
}

// providerWeight is what a byte costs that an expression looks at, in the
// measure of a run's effort.
const providerWeight = 8

// maxWiden bounds how far a window is widened to the ends of the tokens at its edges.
const maxWiden = 1024

// matchProvider appends what the rule finds in the window.
func (u *run) matchProvider(s string, r *providerRule, w window, m mode, spans []span) []span {
	p := u.x.providers
	cut := m&modeCut != 0 && r.prefix && w.end == len(s)
	if !u.providers.has(w, r.unbroken) && !cut || u.tooCostly(s) {
		return spans
	}
	for n := 0; w.start > 0 && p.token[s[w.start-1]] && n < maxWiden && r.before > 1; n++ {
		w.start--
	}
	for n := 0; w.end < len(s) && p.token[s[w.end]] && n < maxWiden; n++ {
		w.end++
	}
	u.effort += providerWeight * (w.end - w.start)
	re := r.expression()
	if re == nil {
		return append(spans, costly(s, r.id))
	}
	for _, loc := range re.FindAllStringSubmatchIndex(s[w.start:w.end], -1) {
		a, b := r.secret(loc)
		a, b = a+w.start, b+w.start
		if r.prefix || b == w.end {
			b += charsURL.run(s[b:])
			for b < len(s) && s[b] == '=' {
				b++
			}
		}
		if secret := s[a:b]; b-a < minSpread || r.entropy > 0 && entropy(secret) <= r.entropy || strings.Contains(secret, Placeholder) || maskedToken(secret) || humpedWords(secret) || covered(spans, a, b) {
			continue
		}
		g := gradeStrict
		if r.prefix {
			g = gradeSure
		}
		spans = append(spans, pattern(a, b, r.id, g))
	}
	if cut {
		spans = u.cutProvider(s, r, spans)
	}
	return spans
}

// secret returns the bounds of the group of a match that is secret.
func (r *providerRule) secret(loc []int) (start, end int) {
	if r.group > 0 {
		return loc[2*r.group], loc[2*r.group+1]
	}
	for k := 2; k+1 < len(loc); k += 2 {
		if loc[k] < 0 || loc[k] == loc[k+1] {
			continue
		}
		if r.prefix && 2*(loc[k+1]-loc[k]) < loc[1]-loc[0] {
			break // a part of the credential
		}
		return loc[k], loc[k+1]
	}
	return loc[0], loc[1]
}

// cutProvider appends the beginning of a credential at the end of a text that
// was cut: its whole keyword and cutMin more, where that says something.
func (u *run) cutProvider(s string, r *providerRule, spans []span) []span {
	start := len(s)
	for start > 0 && u.x.providers.token[s[start-1]] && len(s)-start < maxWiden {
		start--
	}
	for _, w := range r.keywords {
		if len(w) >= 5 && strings.ContainsAny(w, "_-.~") && len(s)-start >= len(w)+cutMin && strings.EqualFold(s[start:start+len(w)], w) && !covered(spans, start, len(s)) {
			return append(spans, pattern(start, len(s), r.id, gradeSure))
		}
	}
	return spans
}

// covered reports whether one of the spans holds s[a:b].
func covered(spans []span, a, b int) bool {
	return slices.ContainsFunc(spans, func(sp span) bool { return sp.whole || sp.start <= a && b <= sp.end })
}
