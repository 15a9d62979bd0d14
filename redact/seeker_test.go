package redact

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestSecretOfAnotherGoroutine: what one goroutine makes known is removed from another
// one in which nothing is to be judged, wherever it stands there and whatever the
// second pass looks at; a goroutine without it stays as it is.
func TestSecretOfAnotherGoroutine(t *testing.T) {
	const known = "kX7#pQ9-vL2m"
	spelled := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[]int32"}
	for _, c := range known {
		spelled.Children = append(spelled.Children, report.Child{Value: num(strconv.Itoa(int(c)))})
	}
	noted := num("7")
	noted.Note = "was " + known
	for place, plant := range map[string]func(g *report.Goroutine){
		"none":    func(*report.Goroutine) {},
		"text":    func(g *report.Goroutine) { g.Frames[0].Vars[0].Value = str("so " + known) },
		"key":     func(g *report.Goroutine) { g.Frames[0].Vars[0].Value = mapOf("map[string]int", str(known), num("1")) },
		"spelled": func(g *report.Goroutine) { g.Frames[0].Vars[0].Value = spelled },
		"below":   func(g *report.Goroutine) { g.Frames[0].Vars[0].Value = ptr(structOf("main.T", "X", str(known))) },
		"note":    func(g *report.Goroutine) { g.Frames[0].Vars[0].Value = noted },
		"label":   func(g *report.Goroutine) { g.Labels = []report.Label{{Key: "shop", Value: known}} },
		"source":  func(g *report.Goroutine) { g.Frames[0].Source = &report.Source{Lines: []string{"x := 1 // " + known}} },
		"deferred": func(g *report.Goroutine) {
			g.Frames[0].Defers = []report.Defer{{Function: "f", Vars: []report.Variable{variable("x", str(known))}}}
		},
		"stack end": func(g *report.Goroutine) { g.StackEnd = "at " + known },
	} {
		r := reportWith(variable("password", str(known)))
		other := report.Goroutine{ID: 8, Status: "waiting", Labels: []report.Label{{Key: "shop", Value: "eu"}}, Frames: []report.Frame{{Function: "main.worker", Package: "main", File: "/src/w.go",
			Vars: []report.Variable{variable("x", str("order of bob"))}}}}
		plant(&other)
		r.Goroutines = append(r.Goroutines, other)
		before := encode(t, r)
		x, err := New(Policy{Tier: 2})
		if err != nil {
			t.Fatal(err)
		}
		res, err := x.Apply(r)
		if err != nil {
			t.Fatal(err)
		}
		if encode(t, r) != before {
			t.Errorf("%s: the input was changed", place)
		}
		g := res.Report().Goroutines[1]
		found := slices.ContainsFunc(g.Redactions, func(x report.Redaction) bool { return x.Rule == RuleSpread })
		if s := encode(t, res.Report()); strings.Contains(s, known) || found != (place != "none") {
			t.Errorf("%s: recorded %v:\n%s", place, found, s)
		}
		if place == "none" && (g.Frames[0].Vars[0].Value.Text != "order of bob" || g.Labels[0].Value != "eu") {
			t.Errorf("changed: %+v", g)
		}
		// Judging it again would have come to the same.
		l, u := newLearner(x), newRun(x)
		l.tier, u.tier = 2, 2
		l.learnHead(r)
		u.search = l.learned.search(true)
		again := u.head(r, l.learned, nil)
		u.finish(again, l.learned)
		if got, want := encode(t, res.Report()), encode(t, again); got != want {
			t.Errorf("%s:\n%s\nas judged again:\n%s", place, got, want)
		}
	}
}
