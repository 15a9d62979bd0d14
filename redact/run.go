package redact

import (
	"fmt"
	"strings"

	"github.com/safedump/sdcore/report"
)

// run judges and scrubs parts of a report, one after the other. What it learns
// about them, and the caches of verdicts, are its own: a stream has one for
// each worker.
type run struct {
	x        *Redactor
	tier     int
	limit    int  // bytes shown of a text, -1 for no bound
	personal bool // personal data is shown
	unwanted mode

	// learned is what the first pass found out; search, from the second one on,
	// the secrets that all have found.
	learned *learned
	search  *secretSet
	// known are the verdicts of the first pass on texts, in the second one shared
	// by all and not changed.
	known *verdicts

	same constantMemo

	now    moment // of the first pass
	loc    location
	sink   *[]report.Redaction // where audit records go
	counts map[string]int      // of the records, by rule
	muted  int                 // above 0 while judging what is not shown: no audit records
	silent bool                // no audit records at all: the first pass of a stream
	keeps  bool                // of the first pass: the second one won't judge what this one leaves as it is
	again  []int               // indexes of goroutines that the head has listed

	texts textMemo
	*nameMemos
	dirty     bool // the second pass may have something to do
	effort    int
	spans     []span
	parts     []window // of the text that is scanned
	providers providerScan
}

// maxCached bounds the cache of verdicts on names in texts.
const maxCached = 1 << 16

const lastBits = 9

func newRun(x *Redactor) *run {
	return runWith(x, &nameMemos{inText: map[string]*nameInText{}})
}

// heirOf returns a run that takes over what o has found out about names and types,
// which depends on the policy only. From then on o is not used any more.
func heirOf(o *run) *run { return runWith(o.x, o.nameMemos) }

func runWith(x *Redactor, memos *nameMemos) *run {
	return &run{
		x: x, tier: x.policy.Tier, limit: x.policy.maxString(), personal: x.policy.showsPersonal(), unwanted: x.unwanted(), learned: newLearned(), sink: new([]report.Redaction), counts: map[string]int{},
		nameMemos: memos, known: &verdicts{},
	}
}

// newLearner returns a run for the first pass, which makes no audit records.
func newLearner(x *Redactor) *run {
	u := newRun(x)
	u.silent = true
	return u
}

// secret is called for contents that are removed. The first pass keeps them for
// the search in the rest of the report, the second one returns their number.
func (u *run) secret(s string, g grade) (number int) {
	if u.search == nil {
		u.now++
		u.learned.secret(s, g, u.now)
		return 0
	}
	return u.search.numbers.of(s)
}

// removedText keeps a text that a name or a type removes. What is secret in it by
// its form is kept when the text itself is not searched for. The second pass
// returns its number.
func (u *run) removedText(s string, g grade) (number int) {
	switch {
	case u.search != nil:
		return u.search.numbers.of(s)
	case len(s) < minSpread:
	case g == gradeNone || locator(s):
		u.text(s, u.tiered(modeText))
	case holdsPlaceholder(s):
		u.around(s, min(g, gradeStrict))
	default:
		u.secret(s, g)
	}
	return 0
}

// around keeps what stands around the placeholders of a text that a name or a
// type removes: the program's own text can look like one, and a stored report
// may hold the rest of a secret whose middle is gone.
func (u *run) around(s string, g grade) {
	plain, _ := u.cutNumbers(s)
	for piece := range strings.SplitSeq(plain, Placeholder) {
		if len(piece) >= minSpread && !locator(piece) {
			u.secret(piece, g)
		}
	}
}

// symbol keeps a name of the program, see [learned.symbol].
func (u *run) symbol(s string) {
	if u.search == nil {
		u.learned.symbol(s)
	}
}

// name is the verdict on a name alone.
func (u *run) name(name string) nameVerdict { return u.nameIn("", "", name, "").verdict }

// judgeName is the verdict on a name in its place.
func (x *Redactor) judgeName(k nameKey) nameVerdict {
	if holdsPlaceholder(k.name) {
		return nameVerdict{} // of what is left of a name nothing follows
	}
	k.name = k.name[:min(len(k.name), maxNameBytes)]
	joined := joinedName(k.name)
	if x.choices.allowName.has(joined) {
		return nameVerdict{}
	}
	if word, ok := x.choices.denyName.find(joined); ok {
		return nameVerdict{class: classStrong, rule: RuleName, word: word, loose: true, numbers: true}
	}
	for _, r := range x.rules {
		if r.names && r.re.MatchString(k.name) {
			return nameVerdict{class: classStrong, rule: RuleCustom, word: r.reason, numbers: true}
		}
	}
	v := x.names.judge(k.name)
	for _, owner := range [2]string{k.owner, typeName(k.ownerType)} {
		if w := x.names.joined(owner, k.name); w.class > v.class {
			v = w
		}
	}
	return v
}

// typeName is the name of a type without package and pointers.
func typeName(typ string) string {
	short := shortType(typ)
	for i := len(short) - 1; i >= 0; i-- {
		if short[i] == '.' || short[i] == '*' {
			return short[i+1:]
		}
	}
	return short
}

// guard runs f and reports whether it came to its end. What f judges must be
// dropped when it did not.
func guard(f func()) (ok bool) {
	defer func() {
		if recover() != nil { // the panic's text may hold contents: not even looked at
			ok = false
		}
	}()
	f()
	return true
}

func formatBits(h float64) string { return fmt.Sprintf("%.2f", h) }
