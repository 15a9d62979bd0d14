package sdcore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestTruthByPath asks for the same values one by one, as `sdcore print` does:
// by a path that is evaluated in memory, not in a decoded tree.
func TestTruthByPath(t *testing.T) {
	for _, name := range []string{"payment", "payment.pie", "kinds"} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			s := pathScore(t, f)
			for _, w := range s.wrong {
				t.Errorf("wrong: %s", w)
			}
			t.Logf("%d pairs: %d right, %d without a location", s.pairs(), s.right, len(s.missing))
			if len(s.missing)*100 > s.pairs()*maxMissing {
				t.Errorf("%d of %d values have no location, at most %d%% may", len(s.missing), s.pairs(), maxMissing)
			}
		})
	}
}

func pathScore(t *testing.T, f coretest.Files) score {
	t.Helper()
	session := openFixture(t, f)
	var s score
	for _, tr := range coretest.Truths(t, f.Name) {
		if strings.Contains(tr.Func, "[...]") {
			continue // a frame of a generic function has no one name to ask by
		}
		rep, depth, err := session.Print(context.Background(), expression(tr), sdcore.Place{Goroutine: tr.G, Frame: tr.Nth})
		key, _ := excuse(f.Name, tr)
		switch {
		case err != nil && (key != "" || strings.Contains(err.Error(), string(report.StateOptimizedOut))):
			s.missing = append(s.missing, tr.String())
		case err != nil:
			s.wrong = append(s.wrong, fmt.Sprintf("%v: %v", tr, err))
		default:
			v := printed(rep)
			for ; v != nil && depth > 0; depth-- {
				v = lastChild(v)
			}
			if v == nil {
				s.wrong = append(s.wrong, fmt.Sprintf("%v: no value in the report", tr))
				continue
			}
			s.judge(tr, v, report.Path{})
		}
	}
	return s
}

// expression is the path from the function on: "main.(*Server).charge.user.Tier".
func expression(tr coretest.Truth) string {
	if tr.Func == "" {
		return tr.Path
	}
	for _, open := range []string{"len(", "cap(", "**", "*"} {
		if rest, ok := strings.CutPrefix(tr.Path, open); ok {
			return open + tr.Func + "." + rest
		}
	}
	return tr.Func + "." + tr.Path
}

func printed(rep *report.Report) *report.Value {
	if len(rep.Globals) == 1 {
		return &rep.Globals[0].Value
	}
	if len(rep.Goroutines) > 0 && len(rep.Goroutines[0].Frames) == 1 && len(rep.Goroutines[0].Frames[0].Vars) == 1 {
		return &rep.Goroutines[0].Frames[0].Vars[0].Value
	}
	return nil
}

func lastChild(v *report.Value) *report.Value {
	if len(v.Children) == 0 {
		return nil
	}
	return &v.Children[len(v.Children)-1].Value
}

// TestPrintKnowsTheGoroutine: the answer comes with the variables around it,
// which redact learns secrets from.
func TestPrintKnowsTheGoroutine(t *testing.T) {
	session := openFixture(t, coretest.Core(t, "payment"))
	for _, expr := range []string{"user.Tier", "main.errOverLimit"} {
		rep, _, err := session.Print(context.Background(), expr, sdcore.Place{})
		if err != nil {
			t.Fatal(err)
		}
		known := 0
		for _, g := range rep.Goroutines {
			for _, fr := range g.Frames {
				for _, v := range fr.Vars {
					if v.Name == "s" && len(v.Value.Children) > 0 {
						known++
					}
				}
			}
		}
		if known < 4 { // charge, authorize, handle, worker
			t.Errorf("%s: the server is known in %d frames", expr, known)
		}
	}
}
