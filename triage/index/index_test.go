package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// crash is an occurrence of bug number bug, n minutes after noon.
func crash(n, bug int) Occurrence {
	return Occurrence{
		Key: fmt.Sprintf("%012x%020x", n, bug), Seen: noon.Add(time.Duration(n) * time.Minute),
		Host: fmt.Sprintf("web%d", n%2), Program: "pay", Version: "v1.2.3", GoVersion: "go1.26.8", PID: 100 + n,
		Type: "runtime.boundsError", Message: "index out of range", Site: fmt.Sprintf("main.f%d (f.go:%d)", bug, bug),
		Group: fmt.Sprintf("sd1:group:%016x", bug*0x1111111111111), Wide: "sd1:wide:1", Kind: "panic", Title: fmt.Sprintf("index out of range in main.f%d", bug),
		Functions: []string{fmt.Sprintf("main.f%d", bug), "main.main"},
		Variables: []Variable{{"req.User.Tier", `"premium_plus"`}, {"n", fmt.Sprint(n)}},
		Report:    fmt.Sprintf("reports/%d", n), Bytes: 100,
	}
}

func add(t testing.TB, x *Index, o Occurrence) {
	t.Helper()
	if _, err := x.Add(context.Background(), Source{Key: o.Key, Path: "/crash/" + o.Key, Kind: "core"}, o, 1); err != nil {
		t.Fatal(err)
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// What is added makes groups with times and counts, once for each crash.
func TestAdd(t *testing.T) { onEach(t, testAdd) }

func testAdd(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	for n := range 6 {
		add(t, x, crash(n, 1+n/4)) // 4 of bug 1, 2 of bug 2
	}
	if added, err := x.Add(ctx, Source{Key: crash(3, 1).Key}, crash(3, 1), 2); added || err != nil {
		t.Errorf("again: added %v, %v", added, err)
	}
	groups := must[[]Group](t)(x.Groups(ctx, Filter{}))
	if len(groups) != 2 || groups[0].Count != 2 || groups[1].Count != 4 {
		t.Fatalf("%+v", groups)
	}
	g := groups[1]
	if g.Status != New || !g.First.Equal(noon) || !g.Last.Equal(noon.Add(3*time.Minute)) || g.Title != "index out of range in main.f1" || g.Name != "g000111111111"[:13] {
		t.Errorf("%+v", g)
	}
	o := must[Occurrence](t)(x.Occurrence(ctx, g.Exemplar))
	if o.Key != crash(0, 1).Key || o.GroupName != g.Name || !o.Seen.Equal(noon) || o.Report != "reports/0" {
		t.Errorf("exemplar %+v", o)
	}
	for what, want := range map[string][]Count{"host": {{"web0", 2}, {"web1", 2}}, "version": {{"v1.2.3", 4}}, "day": {{"2026-11-29", 4}}} {
		if got := must[[]Count](t)(x.Counts(ctx, g.ID, what)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	if got := must[[]Count](t)(x.Counts(ctx, 0, "host")); !slices.Equal(got, []Count{{"web0", 3}, {"web1", 3}}) {
		t.Errorf("all hosts: %v", got)
	}
	if n, groups, open, err := x.Totals(ctx); n != 6 || groups != 2 || open != 2 || err != nil {
		t.Errorf("totals %d %d %d %v", n, groups, open, err)
	}
	if similar := must[[]Group](t)(x.Similar(ctx, &g)); len(similar) != 1 || similar[0].ID == g.ID {
		t.Errorf("similar: %+v", similar)
	}
}

// Crashes of the same microsecond have numbers of their own, in its place.
func TestSameMoment(t *testing.T) { onEach(t, testSameMoment) }

func testSameMoment(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	var all []Occurrence
	for n := range 1100 {
		o := crash(n, 1)
		o.Seen, o.Variables, o.Functions = noon, nil, nil
		all = append(all, o)
	}
	err := x.write(ctx, "test", func(tx *sql.Tx) error {
		for i := range all {
			if err := x.addOccurrence(ctx, tx, &all[i], 1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{Limit: 2000}))
	if len(got) != 1100 || !got[1099].Seen.Equal(noon) || got[0].Seen.After(noon.Add(time.Second)) {
		t.Errorf("%d occurrences, from %v to %v", len(got), got[len(got)-1].Seen, got[0].Seen)
	}
}

// A crash of which too little is known is a group of its own.
func TestUnknownCrashes(t *testing.T) { onEach(t, testUnknownCrashes) }

func testUnknownCrashes(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	for n := range 2 {
		o := crash(n, 1)
		o.Group, o.Wide = "", ""
		add(t, x, o)
	}
	if groups := must[[]Group](t)(x.Groups(ctx, Filter{})); len(groups) != 2 || groups[0].Name == groups[1].Name {
		t.Errorf("%+v", groups)
	}
}

// The variables say what was always alike and what differs.
func TestVariables(t *testing.T) { onEach(t, testVariables) }

func testVariables(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	const n = maxDistinct + 4
	for i := range n {
		add(t, x, crash(i, 1))
	}
	vars := must[[]Varying](t)(x.Variables(ctx, 1))
	if len(vars) != 2 {
		t.Fatalf("%+v", vars)
	}
	if v := vars[1]; v.Path != "req.User.Tier" || !v.Always(n) || v.Always(n+1) || v.Values[0] != (Count{`"premium_plus"`, n}) {
		t.Errorf("%+v", v)
	}
	if v := vars[0]; v.Path != "n" || v.Always(n) || len(v.Values) != maxDistinct || v.Others != 4 {
		t.Errorf("%+v", v)
	}
}

// The statuses: new until a report of the night told it, fixed until it comes
// back in the version that was to fix it, or a later one.
func TestStatuses(t *testing.T) { onEach(t, testStatuses) }

func testStatuses(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	add(t, x, crash(0, 1))
	status := func() Status { return must[[]Group](t)(x.Groups(ctx, Filter{}))[0].Status }
	told := func() int {
		g := must[[]Group](t)(x.Unannounced(ctx))
		if err := x.Announce(ctx, g, time.Now()); err != nil {
			t.Fatal(err)
		}
		return len(g)
	}
	if status() != New || told() != 1 || status() != Known || told() != 0 {
		t.Errorf("%s: not told once", status())
	}
	if add(t, x, crash(1, 1)); status() != Known || told() != 0 {
		t.Errorf("%s: a known one was told again", status())
	}
	if err := x.Mark(ctx, 1, Change{Status: Fixed, FixedIn: "v1.3.0"}); err != nil {
		t.Fatal(err)
	}
	for i, version := range []string{"v1.2.9", "v1.3.0-rc.1", "", "(devel)"} {
		o := crash(10+i, 1)
		o.Version = version
		if add(t, x, o); status() != Fixed || told() != 0 {
			t.Errorf("version %q: %s", version, status())
		}
	}
	o := crash(20, 1)
	o.Version = "v1.3.1"
	if add(t, x, o); status() != Regressed || told() != 1 || status() != Regressed || told() != 0 {
		t.Errorf("it came back: %s", status())
	}
}

// Safedump's filters, over groups and over occurrences.
func TestFilters(t *testing.T) { onEach(t, testFilters) }

func testFilters(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	for n := range 30 {
		o := crash(n, 1+n%3)
		if n%3 == 0 {
			o.Type, o.Message = "*errors.errorString", "100%_sure"
		}
		add(t, x, o)
	}
	for name, tt := range map[string]struct {
		f                   Filter
		groups, occurrences int
	}{
		"all":            {Filter{Limit: 100}, 3, 30},
		"default limit":  {Filter{}, 3, 20},
		"type":           {Filter{Type: "ERRORSTRING", Limit: 100}, 1, 10},
		"no wildcard":    {Filter{Type: "error%ng", Limit: 100}, 0, 0},
		"since":          {Filter{Since: noon.Add(28 * time.Minute)}, 2, 2},
		"until":          {Filter{Until: noon.Add(time.Minute)}, 2, 2},
		"search":         {Filter{Search: "sure"}, 1, 10},
		"no beginning":   {Filter{Search: "premi* LE*", Limit: 100}, 0, 0},
		"begins":         {Filter{Search: "premi*", Limit: 100}, 0, 30},
		"part":           {Filter{Search: "premi", Limit: 100}, 0, 0},
		"phrase":         {Filter{Search: "premium_plus", Limit: 100}, 0, 30},
		"two words":      {Filter{Search: "main.f2 index"}, 1, 10},
		"quotes":         {Filter{Search: `"sure" OR NEAR(`}, 0, 0},
		"type and words": {Filter{Type: "bounds", Search: "f2", Limit: 100}, 1, 10},
		"type and until": {Filter{Type: "bounds", Until: noon.Add(4 * time.Minute)}, 2, 3},
		"status":         {Filter{Status: Fixed}, 0, 0},
		"new":            {Filter{Status: New, Limit: 7}, 3, 7},
		"group":          {Filter{Group: 2, Limit: 100}, 3, 10},
		"group, search":  {Filter{Group: 2, Search: "main", Limit: 3}, 3, 3},
	} {
		if got := must[[]Group](t)(x.Groups(ctx, tt.f)); len(got) != tt.groups {
			t.Errorf("%s: %d groups, want %d", name, len(got), tt.groups)
		}
		got := must[[]Occurrence](t)(x.Occurrences(ctx, tt.f))
		if len(got) != tt.occurrences {
			t.Errorf("%s: %d occurrences, want %d", name, len(got), tt.occurrences)
		}
		if !slices.IsSortedFunc(got, func(a, b Occurrence) int { return b.Seen.Compare(a.Seen) }) {
			t.Errorf("%s: not the newest first", name)
		}
	}
}

func TestFindByName(t *testing.T) { onEach(t, testFindByName) }

func testFindByName(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	a, b := crash(0, 1), crash(1, 1)
	add(t, x, a)
	add(t, x, b)
	if g, o, err := x.Find(ctx, "g0001"); err != nil || o != nil || g == nil || g.ID != 1 {
		t.Errorf("group: %+v, %+v, %v", g, o, err)
	}
	if g, o, err := x.Find(ctx, b.Name()); err != nil || g != nil || o == nil || o.Key != b.Key {
		t.Errorf("occurrence: %+v, %+v, %v", g, o, err)
	}
	if _, _, err := x.Find(ctx, "0000"); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("ambiguous: %v", err)
	}
	for _, name := range []string{"", "%", "g%", "zzz", "_"} {
		if _, _, err := x.Find(ctx, name); !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrAmbiguous) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Cleaning keeps a report of each open group, and what was counted.
func TestClean(t *testing.T) { onEach(t, testClean) }

func testClean(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	for n := range 10 {
		add(t, x, crash(n, 1+n%2))
	}
	if err := x.Mark(ctx, 2, Change{Status: Fixed, FixedIn: "v2.0.0"}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		keep          Keep
		removed, kept int
	}{
		"nothing": {Keep{}, 0, 0},
		"count":   {Keep{Count: 4}, 6, 0},
		"bytes":   {Keep{Bytes: 450}, 6, 0},
		"age":     {Keep{Since: noon.Add(3 * time.Minute)}, 3, 0},
		"all":     {Keep{Since: noon.Add(time.Hour)}, 9, 1},
	} {
		c := must[Cleaning](t)(x.Plan(ctx, tt.keep))
		if len(c.Occurrences) != tt.removed || c.Kept != tt.kept || c.Bytes != int64(100*tt.removed) {
			t.Errorf("%s: removes %d, keeps %d, %d bytes", name, len(c.Occurrences), c.Kept, c.Bytes)
		}
	}
	c := must[Cleaning](t)(x.Plan(ctx, Keep{Since: noon.Add(time.Hour)}))
	if gone := must[[]Occurrence](t)(x.Remove(ctx, c.Occurrences)); len(gone) != 9 {
		t.Errorf("%d are gone", len(gone))
	}
	if left := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{})); len(left) != 1 || left[0].GroupID != 1 {
		t.Errorf("left: %+v", left)
	}
	if found := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{Search: "main"})); len(found) != 1 {
		t.Errorf("%d are found", len(found))
	}
	for _, g := range must[[]Group](t)(x.Groups(ctx, Filter{})) {
		if g.Count != 5 || (g.Exemplar == 0) != (g.ID == 2) {
			t.Errorf("%+v", g)
		}
	}
	// A file whose occurrence was cleaned is not new.
	if s, ok, err := x.Source(ctx, crash(0, 1).Key); !ok || s.State != Done || err != nil {
		t.Errorf("%+v, %v, %v", s, ok, err)
	}
}

// What a worker says is bounded and printable before it is stored.
func TestHostileText(t *testing.T) { onEach(t, testHostileText) }

func testHostileText(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	o := crash(0, 1)
	bad := "\x1b[2J\x00\xff\u202e" + strings.Repeat("x", 1<<20)
	o.Host, o.Type, o.Message, o.Title, o.Site, o.Missing = bad, bad, bad, bad, bad, bad
	o.Seen = time.Unix(1<<60, 0)
	o.Functions, o.Variables = nil, nil
	for range 1000 {
		o.Functions, o.Variables = append(o.Functions, bad), append(o.Variables, Variable{bad, bad})
	}
	add(t, x, o)
	got := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{}))[0]
	for _, s := range []string{got.Host, got.Type, got.Message, got.Title, got.Site, got.Missing} {
		if len(s) > 3*maxMessage || strings.ContainsAny(s, "\x1b\x00\u202e") {
			t.Errorf("%.60q (%d bytes)", s, len(s))
		}
	}
	if !got.Seen.Equal(time.Unix(0, 0)) {
		t.Errorf("seen %v", got.Seen)
	}
}

func TestSources(t *testing.T) { onEach(t, testSources) }

func testSources(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	s := Source{Key: "k", Path: "/c", Kind: "core", Size: 1, Modified: 2, Inode: 1 << 63, State: Waiting, Reason: "no binary", BuildID: "ab", Executable: "/srv/pay", Tried: "x"}
	if err := x.Put(ctx, s, 1); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := x.SourceAt(ctx, "/c", 1, 2, 1<<63); !ok || err != nil || got != s {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if _, ok, err := x.SourceAt(ctx, "/c", 9, 2, 1<<63); ok || err != nil {
		t.Errorf("a file that has changed is the same: %v", err)
	}
	if got := must[[]Source](t)(x.Sources(ctx, Waiting, 10)); len(got) != 1 || got[0] != s {
		t.Errorf("%+v", got)
	}
	s.State = Failed
	if err := x.Put(ctx, s, 2); err != nil {
		t.Fatal(err)
	}
	if got := must[[]Source](t)(x.Sources(ctx, Waiting, 10)); len(got) != 0 {
		t.Errorf("still waiting: %+v", got)
	}
	if got := must[[]Count](t)(x.States(ctx)); !slices.Equal(got, []Count{{"failed", 1}}) {
		t.Errorf("%v", got)
	}
}

// TestMessageOnALine: the lines of a panic's text stand beside each other.
func TestMessageOnALine(t *testing.T) {
	o := Occurrence{Message: "stage publish: try 0: denied\n\ttry 1: denied\nquota\texceeded"}
	o.Clean()
	if want := `stage publish: try 0: denied · try 1: denied · quota\texceeded`; o.Message != want {
		t.Errorf("%q, want %q", o.Message, want)
	}
}
