package sdcore_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestDefers compares what programs found out about their deferred calls with
// what the report says is still to run: which, in what order, with what.
func TestDefers(t *testing.T) {
	for name, least := range map[string]int{"defers": 90, "defers.noopt": 90, "cgocallback": 3, "cgocallback.noopt": 3} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			rep, err := openFixture(t, f).Goroutines(context.Background(), sdcore.Filter{System: true, Locals: true, Frames: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range rep.Problems {
				if strings.HasPrefix(p.Subject, "deferred calls") {
					t.Errorf("problem: %s: %s", p.Subject, p.Message)
				}
			}
			truths := coretest.DeferTruths(t, name)
			right := 0
			for _, tr := range truths {
				if err := deferTruth(rep, tr); err != nil {
					t.Errorf("%v: %v", tr, err)
					continue
				}
				right++
			}
			t.Logf("%d of %d statements are right", right, len(truths))
			if right < least {
				t.Error("too few statements")
			}
			if strings.HasPrefix(name, "defers") {
				kinds(t, rep, name)
			}
		})
	}
}

// deferTruth checks one statement.
func deferTruth(rep *report.Report, tr coretest.Truth) error {
	fr, err := frameOf(rep, tr)
	if err != nil {
		return err
	}
	if tr.Path == "len(defer)" {
		if n := strconv.Itoa(len(fr.Defers)); n != tr.Want {
			return fmt.Errorf("%s calls are still to run", n)
		}
		return nil
	}
	number, rest, _ := strings.Cut(strings.TrimPrefix(tr.Path, "defer["), "]")
	i, err := strconv.Atoi(number)
	if err != nil || i >= len(fr.Defers) {
		return fmt.Errorf("only %d calls are still to run", len(fr.Defers))
	}
	d := &fr.Defers[i]
	if rest == "" {
		if strconv.Quote(d.Function) != tr.Want {
			return fmt.Errorf("it is %s", d.Function)
		}
		return nil
	}
	p, err := report.ParsePath(rest[1:])
	if err != nil {
		return err
	}
	for j := range d.Vars {
		if d.Vars[j].Name != p.Steps[0].Name {
			continue
		}
		v, err := d.Vars[j].Value.At(report.Path{Steps: p.Steps[1:]})
		if err != nil {
			return err
		}
		got, _ := canonical(v)
		if v.Kind == report.KindPointer {
			got = strconv.FormatUint(uint64(v.Target), 10)
		}
		if got != tr.Want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	}
	return fmt.Errorf("%s holds no such variable, but %d", d.Function, len(d.Vars))
}

// kinds checks where the calls are noted: without optimizations there are no
// open-coded ones.
func kinds(t *testing.T, rep *report.Report, name string) {
	t.Helper()
	n := map[report.DeferKind]int{}
	for i := range rep.Goroutines {
		for _, fr := range rep.Goroutines[i].Frames {
			if fr.Inlined && len(fr.Defers) > 0 {
				t.Errorf("%s is inlined and has deferred calls", fr.Function)
			}
			for j := range fr.Defers {
				d := &fr.Defers[j]
				n[d.Kind]++
				if d.Closure == 0 || d.File == "" || d.Line == 0 {
					t.Errorf("%s has the deferred call %+v", fr.Function, d)
				}
			}
		}
	}
	open := n[report.DeferOpenCoded]
	if strings.HasSuffix(name, ".noopt") != (open == 0) || n[report.DeferRecord] == 0 {
		t.Errorf("calls by kind: %v", n)
	}
	t.Logf("calls by kind: %v", n)
}
