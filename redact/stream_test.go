package redact

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/safedump/sdcore/report"
)

// copyOf is a copy of r that shares nothing with it but maps.
func copyOf(r *report.Report) *report.Report {
	out := *r
	unshare(reflect.ValueOf(&out).Elem())
	return &out
}

func unshare(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				unshare(v.Field(i))
			}
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(v.Elem())
		unshare(p.Elem())
		v.Set(p)
	case v.Kind() == reflect.Slice && !v.IsNil():
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(s, v)
		for i := range s.Len() {
			unshare(s.Index(i))
		}
		v.Set(s)
	}
}

// Streamed redacts r as a stream by so many workers, all at once: the head has
// the goroutine that crashed, the others are listed.
func Streamed(t *testing.T, r *report.Report, p Policy, workers int) *report.Report {
	t.Helper()
	x, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	s := x.Stream(workers)
	head := copyOf(r)
	each := func(f func(worker, index int, g *report.Goroutine)) {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < len(r.Goroutines); i += workers {
					if !r.Goroutines[i].Crashed {
						f(w, i, &copyOf(&report.Report{Goroutines: r.Goroutines[i : i+1]}).Goroutines[0])
					}
				}
			})
		}
		wg.Wait()
	}
	each(func(w, i int, g *report.Goroutine) {
		h := &head.Goroutines[i]
		h.Frames, h.Labels = []report.Frame{}, nil
		s.Learn(w, i, g)
	})
	res, err := s.Seal(head)
	if err != nil {
		t.Fatal(err)
	}
	out := res.Report()
	each(func(w, i int, g *report.Goroutine) {
		done, err := s.Redact(w, i, g)
		if err != nil {
			t.Error(err)
			return
		}
		out.Goroutines[i] = *done.Goroutine()
	})
	out.RedactionCounts = s.Counts()
	return out
}

// randomStream is a report with several goroutines, in which a secret that one
// of them makes known stands all over.
func randomStream(seed int64, extra string) *report.Report {
	const secret = "Zk7#q\"9Lw&x2"
	r := randomReport(rand.New(rand.NewSource(seed)), secret, extra)
	for i := range 5 {
		more := randomReport(rand.New(rand.NewSource(1000*seed+int64(i))), secret, extra)
		g := &more.Goroutines[0]
		g.Crashed, g.StackEnd = false, secret
		g.Frames[0].Function = "main." + extra
		g.Frames[0].Defers = []report.Defer{{Function: extra, Vars: more.Goroutines[0].Frames[0].Vars[:1]}}
		if i > 2 { // nothing makes it known here
			g.Frames[0].Vars = g.Frames[0].Vars[:2]
		}
		r.Goroutines = append(r.Goroutines, *g)
	}
	return r
}

func checkStream(t *testing.T, r *report.Report, p Policy, workers ...int) *report.Report {
	t.Helper()
	res, err := Apply(r, p)
	if err != nil {
		t.Fatal(err)
	}
	want := encode(t, res.Report())
	for _, n := range workers {
		if got := encode(t, Streamed(t, r, p, n)); got != want {
			t.Fatalf("%d workers:\n%s", n, difference(want, got))
		}
	}
	return res.Report()
}

// TestStreamIsApply redacts generated reports as a whole and as streams.
func TestStreamIsApply(t *testing.T) {
	for seed := range int64(150) {
		p := Policy{Tier: int(seed % 5), Limits: report.Limits{MaxString: int(seed%40) - 1}}
		if seed%3 == 0 {
			p.Entropy, p.Rules, p.Deny = 3.5, []Rule{{Pattern: "pla[a-z]+", ApplyTo: ApplyAll}}, []string{"x"}
		}
		checkStream(t, randomStream(seed, "bob@mail.example.org"), p, 1, 3)
	}
}

// TestStreamIsBounded: values nested too deeply are dropped as in Apply, and
// counted in the head.
func TestStreamIsBounded(t *testing.T) {
	deep := str("x")
	for range maxDepth + 3 {
		deep = ptr(deep)
	}
	r := reportWith(variable("v", num("1")))
	r.Goroutines = append(r.Goroutines, reportWith(variable("v", deep), variable("list", mapOf("map[string]T", deep, num("1")))).Goroutines...)
	r.Goroutines[1].Crashed = false
	for _, tier := range []int{0, 1, 4} {
		out := checkStream(t, r, Policy{Tier: tier}, 1, 2)
		if len(out.Redactions) != 1 || !strings.Contains(out.Redactions[0].Reason, ": 2 values nested too deeply") {
			t.Errorf("tier %d: records %+v", tier, out.Redactions)
		}
	}
}

func FuzzStream(f *testing.F) {
	for _, extra := range []string{"", "sk-", `password="`, "-----BEGIN PRIVATE KEY-----", "4111 1111 1111 1111", "main.Zk7#q\"9Lw&x2", Placeholder[3:]} {
		f.Add(int64(len(extra)), extra, uint8(len(extra)), int16(20))
	}
	f.Fuzz(func(t *testing.T, seed int64, extra string, tier uint8, limit int16) {
		checkStream(t, randomStream(seed, extra), Policy{Tier: int(tier % 5), Limits: report.Limits{MaxString: max(-1, int(limit))}}, 2)
	})
}

// TestStreamOfTooManySecrets: which of them are searched for does not depend
// on the workers, and that not all are is said.
func TestStreamOfTooManySecrets(t *testing.T) {
	r := reportWith()
	for i := range 40 {
		var vars []report.Variable
		for k := range maxSecrets/40 + 10 {
			vars = append(vars, variable("password", str(fmt.Sprintf("a%04d#%02dzq", k, i))), variable("v", str(fmt.Sprintf("is a%04d#%02dzq", k, (i+7)%40))))
		}
		r.Goroutines = append(r.Goroutines, report.Goroutine{ID: uint64(i + 2), Start: "main.main", Frames: []report.Frame{{Function: "main.f", Vars: vars}}})
	}
	out := checkStream(t, r, Policy{Tier: 2}, 3)
	if n := len(out.Redactions); n == 0 || !strings.Contains(out.Redactions[n-1].Reason, "too many secrets") {
		t.Errorf("records %v", out.Redactions)
	}
	for _, g := range out.Goroutines[1:] {
		for _, v := range g.Frames[0].Vars {
			if v.Name == "password" && v.Value.State != report.StateRedacted {
				t.Fatal("a password is shown")
			}
		}
	}
}

// TestStreamMisused: calls out of turn are errors, not results.
func TestStreamMisused(t *testing.T) {
	x, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	g := &reportWith().Goroutines[0]
	s := x.Stream(1)
	if out, err := s.Redact(0, 0, g); err == nil || out.Goroutine() != nil {
		t.Error("a goroutine is redacted before Seal")
	}
	s.Learn(1, 0, g)
	if res, err := s.Seal(reportWith()); err == nil || res.Report() != nil {
		t.Error("a worker that is none has learned")
	}
	s = x.Stream(1)
	if _, err := s.Seal(nil); err == nil {
		t.Error("no report is redacted")
	}
	s = x.Stream(1)
	if _, err := s.Seal(reportWith()); err != nil {
		t.Error(err)
	}
	if _, err := s.Seal(reportWith()); err == nil {
		t.Error("sealed twice")
	}
	if _, err := s.Redact(0, 0, nil); err == nil {
		t.Error("no goroutine is redacted")
	}
	before := reportWith()
	before.Fingerprint = "0123456789ab"
	if _, err := x.Stream(1).Seal(before); err == nil {
		t.Error("a report of tier 0 is streamed at tier 1")
	}
}

// TestFailureDrops: what can't be judged is dropped;
// what comes after it is judged, and recorded, as ever.
func TestFailureDrops(t *testing.T) {
	r := reportWith(variable("fine", num("1")), variable("a", num("2")), variable("password", str("abc")))
	x, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	u := newRun(x)
	g := &copyOf(r).Goroutines[0]
	u.sink = &g.Redactions
	u.walkGoroutine(g, brittle{judge{u}})
	vars := g.Frames[0].Vars
	if vars[0].Value.State != report.StateOK || vars[1].Value.State != report.StateRedacted || vars[2].Value.State != report.StateRedacted {
		t.Errorf("left: %+v", vars)
	}
	want := []report.Redaction{
		{Location: "frames[0].vars.a", Reason: "sanitization error", Rule: RuleError},
		{Location: "frames[0].vars.password", Reason: "matched denylist: 'password'", Rule: RuleName},
	}
	if !reflect.DeepEqual(g.Redactions, want) {
		t.Errorf("records %+v", g.Redactions)
	}
}

// brittle is a pass that fails deep inside of a variable called a.
type brittle struct{ judge }

func (b brittle) root(v *report.Value, name string) {
	defer b.u.leave(v, b.u.enter())
	if name == "a" {
		b.u.loc.push("deep", noIndex)
		b.u.muted++
		panic("contents")
	}
	b.u.value(v, &place{name: name, top: true})
}

// TestShortTextsAreSettled: what is not looked at for being short holds
// nothing that would be found.
func TestShortTextsAreSettled(t *testing.T) {
	x, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	u := newRun(x)
	for _, begun := range x.triggers.tokens {
		for _, r := range begun.rules {
			if r.check == nil && len(r.prefix)+r.min < minSpread {
				t.Errorf("%s may have %d bytes", r.id, len(r.prefix)+r.min)
			}
		}
	}
	rnd := rand.New(rand.NewSource(1))
	for range 200_000 {
		b := make([]byte, rnd.Intn(minSpread))
		for i := range b {
			b[i] = "0123456789eyJhSK:AA--= \"@"[rnd.Intn(25)]
		}
		if s := string(b); u.text(s, modeCards).hit || u.text(s, modeCode).hit {
			t.Fatalf("%q is not innocent", s)
		}
	}
}

// TestPool: what a full pool holds does not depend on order and division.
func TestPool(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	var all []text
	for i := range 400 {
		s := make([]byte, 1+rnd.Intn(9))
		for k := range s {
			s[k] = "abcdef"[rnd.Intn(6)]
		}
		all = append(all, text{string(s), kept{grade(rnd.Intn(4)), moment(i)}})
	}
	var want map[string]kept
	for round := range 50 {
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		pools := make([]pool, 1+round%4)
		for i := range pools {
			pools[i] = pool{maxTexts: 60, maxBytes: 240}
		}
		for i, x := range all {
			pools[i%len(pools)].add(x.s, x.kept)
		}
		for i := range pools[1:] {
			pools[0].merge(&pools[i+1])
		}
		got := &pools[0]
		got.trim()
		if want == nil {
			want = got.texts
		}
		if !got.full || len(got.texts) < 20 || len(got.texts) > 60 || !reflect.DeepEqual(got.texts, want) {
			t.Fatalf("round %d: full %v, %v; want %v", round, got.full, got.texts, want)
		}
	}
}
