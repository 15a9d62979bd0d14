package sdcore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// What the truth tests demand over all fixtures together.
const (
	minPairs   = 300 // pairs compared
	maxMissing = 5   // percent that may be missing, each without a location
)

// generous are limits that cut nothing of what the fixtures tell about.
var generous = report.Limits{MaxString: 1 << 16, MaxItems: 4096, MaxDepth: 12, MaxNodes: 200_000, MaxFrames: 512, MaxSize: -1}

// notFound are values that can't be found, by fixture (with or without
// variant), function and variable, and why. An entry that is not needed any more
// in any variant fails the test.
var notFound = map[string]string{
	"kinds.race main.elsewhere note":       noEntry,
	"kinds.race main.cycles ch":            noEntry,
	"kinds.race main.syncs counter":        noEntry,
	"misplaced main.(*server).serve start": "the compiler puts it in the place of another variable (go1.26) or leaves it out (go1.25, go1.27)",
}

const noEntry = "the race detector's calls are in the way: there is no entry for it in the debug information (go1.25 to go1.27)"

// excuse is the reason why a value can't be found, "" when it must be.
func excuse(fixture string, tr coretest.Truth) (key, reason string) {
	base, _, _ := strings.Cut(fixture, ".")
	variable := strings.TrimLeft(tr.Path, "*")
	for _, call := range []string{"len(", "cap("} {
		variable = strings.TrimPrefix(variable, call)
	}
	if i := strings.IndexAny(variable, ".[()"); i >= 0 {
		variable = variable[:i]
	}
	for _, name := range []string{fixture, base} {
		key := name + " " + tr.Func + " " + variable
		if reason := notFound[key]; reason != "" {
			return key, reason
		}
	}
	return "", ""
}

// score counts pairs of what a program said and what was found.
type score struct {
	right   int
	cut     int      // below a cycle: the tree has it elsewhere, TestTruthByPath asks for it
	missing []string // no location in the debug information: told apart from wrong
	wrong   []string
}

func (s *score) add(o score) {
	s.right += o.right
	s.cut += o.cut
	s.missing = append(s.missing, o.missing...)
	s.wrong = append(s.wrong, o.wrong...)
}

func (s *score) pairs() int { return s.right + len(s.missing) + len(s.wrong) }

// TestTruth compares what every fixture said about its values before it died
// with what the report of its core holds.
func TestTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the fixtures' cores; run without -short (make test)")
	}
	for _, backend := range sdcore.Backends() {
		t.Run(backend, func(t *testing.T) { testTruth(t, backend) })
	}
}

func testTruth(t *testing.T, backend string) {
	var all score
	skipped := 0
	needed := map[string]bool{}
	for _, name := range coretest.Names(t) {
		ran := false
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			ran = true
			if strings.HasSuffix(name, ".stripped") {
				refusesStripped(t, f, backend)
				return
			}
			s := reportScore(t, f, backend, told, needed)
			for _, w := range s.wrong {
				t.Errorf("wrong: %s", w)
			}
			for _, m := range s.missing {
				t.Logf("no location: %s", m)
			}
			t.Logf("%d pairs: %d right, %d without a location, %d wrong", s.pairs(), s.right, len(s.missing), len(s.wrong))
			all.add(s)
		})
		if !ran {
			skipped++
		}
	}
	t.Logf("%d (goroutine, frame, variable, value) pairs compared over all fixtures: %d right, %d without a location, %d wrong",
		all.pairs(), all.right, len(all.missing), len(all.wrong))
	for key := range notFound {
		if skipped == 0 && !needed[key] {
			t.Errorf("notFound[%q] is not needed any more, remove it", key)
		}
	}
	if skipped > 0 {
		t.Logf("%d fixtures have no core here; run: scripts/gen-cores.sh", skipped)
	}
	if (skipped == 0 || os.Getenv("SDCORE_REQUIRE_CORES") == "1") && all.pairs() < minPairs {
		t.Errorf("%d pairs compared, want at least %d", all.pairs(), minPairs)
	}
	if len(all.missing)*100 > all.pairs()*maxMissing {
		t.Errorf("%d of %d values have no location, at most %d%% may", len(all.missing), all.pairs(), maxMissing)
	}
}

func openFixture(t *testing.T, f coretest.Files) *sdcore.Session {
	t.Helper()
	return openWith(t, f, "")
}

func openWith(t *testing.T, f coretest.Files, backend string) *sdcore.Session {
	t.Helper()
	s, err := sdcore.Open(context.Background(), f.Core, f.Bin, sdcore.Options{Limits: generous, Backend: backend})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// refusesStripped checks that nothing is made up without debug information.
func refusesStripped(t *testing.T, f coretest.Files, backend string) {
	_, err := openWith(t, f, backend).Goroutines(context.Background(), sdcore.Filter{Locals: true})
	if !errors.Is(err, corefile.ErrNoDWARF) {
		t.Errorf("goroutines of a stripped binary: error %v, want %v", err, corefile.ErrNoDWARF)
	}
}

// reportScore looks all truths up in one report.
func reportScore(t *testing.T, f coretest.Files, backend string, said func(coretest.Truth) coretest.Truth, needed map[string]bool) score {
	t.Helper()
	ctx := context.Background()
	session := openWith(t, f, backend)
	truths := coretest.Truths(t, f.Name)
	rep, err := session.Goroutines(ctx, sdcore.Filter{System: true, Locals: true, Frames: true, IDs: goroutinesOf(truths)})
	if err != nil {
		t.Fatal(err)
	}
	globals, err := session.Globals(ctx, "main.*")
	if err != nil {
		t.Fatal(err)
	}
	var s score
	for _, tr := range truths {
		tr = said(tr)
		root, rest, err := rootOf(rep, globals, tr)
		key, reason := excuse(f.Name, tr)
		if err != nil && key != "" {
			needed[key] = true
			s.missing = append(s.missing, fmt.Sprintf("%v: %s", tr, reason))
			continue
		}
		if err != nil {
			s.wrong = append(s.wrong, fmt.Sprintf("%v: %v", tr, err))
			continue
		}
		before := len(s.missing)
		s.judge(tr, root, rest)
		if len(s.missing) > before && key != "" {
			needed[key] = true
		}
	}
	return s
}

// told leaves a statement as the program made it.
func told(tr coretest.Truth) coretest.Truth { return tr }

func goroutinesOf(truths []coretest.Truth) []uint64 {
	var ids []uint64
	for _, tr := range truths {
		if tr.G != 0 && !slices.Contains(ids, tr.G) {
			ids = append(ids, tr.G)
		}
	}
	return ids
}

// rootOf finds the variable that a statement is about, and the way on from it.
func rootOf(rep, globals *report.Report, tr coretest.Truth) (*report.Value, report.Path, error) {
	p, err := report.ParsePath(tr.Path)
	if err != nil {
		return nil, p, err
	}
	if tr.Func == "" {
		if len(p.Steps) < 2 {
			return nil, p, errors.New("not the name of a package variable")
		}
		for i := range globals.Globals {
			if g := &globals.Globals[i]; g.Package == p.Steps[0].Name && g.Name == p.Steps[1].Name {
				return &g.Value, report.Path{Steps: p.Steps[2:]}, nil
			}
		}
		return nil, p, errors.New("no such package variable")
	}
	fr, err := frameOf(rep, tr)
	if err != nil {
		return nil, p, err
	}
	for i := range fr.Vars {
		if fr.Vars[i].Name == p.Steps[0].Name {
			return &fr.Vars[i].Value, report.Path{Steps: p.Steps[1:]}, nil
		}
	}
	return nil, p, fmt.Errorf("the frame has no such variable, but %s", varNames(fr))
}

func frameOf(rep *report.Report, tr coretest.Truth) (*report.Frame, error) {
	for i := range rep.Goroutines {
		g := &rep.Goroutines[i]
		if g.ID != tr.G {
			continue
		}
		nth := tr.Nth
		for j := range g.Frames {
			if shapeless(g.Frames[j].Function) != tr.Func {
				continue
			}
			if nth--; nth < 0 {
				return &g.Frames[j], nil
			}
		}
		return nil, fmt.Errorf("goroutine %d (%s %s) has no such frame, its stack ends with %q", g.ID, g.Status, g.WaitReason, g.StackEnd)
	}
	return nil, errors.New("no such goroutine")
}

func varNames(fr *report.Frame) string {
	var names []string
	for i := range fr.Vars {
		names = append(names, fr.Vars[i].Name)
	}
	return strings.Join(names, ", ")
}

// shapeless writes type arguments as tracebacks do: "main.sum[...]".
func shapeless(fn string) string {
	from, to := strings.IndexByte(fn, '['), strings.LastIndexByte(fn, ']')
	if from < 0 || to < from {
		return fn
	}
	return fn[:from] + "[...]" + fn[to+1:]
}

// judge compares one value. What can't be reached is missing only where the
// variable itself, or a part on the way, is said to be optimized out.
func (s *score) judge(tr coretest.Truth, root *report.Value, rest report.Path) {
	v, err := root.At(rest)
	if err != nil {
		switch state, note := lost(root, rest); state {
		case report.StateOptimizedOut:
			s.missing = append(s.missing, fmt.Sprintf("%v: %s %s", tr, state, note))
			return
		case report.StateCycle:
			s.cut++
			return
		}
		s.wrong = append(s.wrong, fmt.Sprintf("%v: %v", tr, err))
		return
	}
	if v.State == report.StateOptimizedOut {
		s.missing = append(s.missing, fmt.Sprintf("%v: %s %s", tr, v.State, v.Note))
		return
	}
	got, typ := canonical(v)
	switch {
	case got != tr.Want:
		s.wrong = append(s.wrong, fmt.Sprintf("%v, found %s (%s %s, %s)", tr, got, v.Kind, v.Type, v.State))
	case tr.Type != "" && typ != tr.Type && !strings.Contains(typ, "go.shape."):
		s.wrong = append(s.wrong, fmt.Sprintf("%v of type %s, found type %s", tr, tr.Type, typ))
	default:
		s.right++
	}
}

// lost returns the state of the last part on the way that is in the tree.
func lost(root *report.Value, p report.Path) (state report.State, note string) {
	for n := len(p.Steps); n >= 0; n-- {
		v, err := root.At(report.Path{Steps: p.Steps[:n]})
		if err != nil {
			continue
		}
		for (v.Kind == report.KindInterface || v.Kind == report.KindPointer) && len(v.Children) == 1 {
			v = &v.Children[0].Value
		}
		return v.State, v.Note
	}
	return "", ""
}

// canonical returns a leaf in the form of the fixtures' truth package, and the
// type of it; interfaces are looked through.
func canonical(v *report.Value) (text, typ string) {
	for v.Kind == report.KindInterface && !v.Nil && len(v.Children) == 1 {
		v = &v.Children[0].Value
	}
	if v.State != report.StateOK {
		return fmt.Sprintf("<%s: %s>", v.State, v.Note), v.Type
	}
	if v.Nil {
		if v.Kind == report.KindInterface {
			return "nil", ""
		}
		return "nil", v.Type
	}
	switch {
	case v.Kind == report.KindString || v.Kind == report.KindBytes:
		text, ok := v.Contents()
		if !ok {
			return "<undecodable text>", v.Type
		}
		return strconv.Quote(text), v.Type
	case v.Type == "time.Duration": // shown as people read it, without loss
		d, err := time.ParseDuration(v.Text)
		if err != nil {
			return "<not a duration>", v.Type
		}
		return strconv.FormatInt(int64(d), 10), v.Type
	}
	if v.Kind == report.KindUnsafePointer {
		return strconv.FormatUint(uint64(v.Target), 10), v.Type
	}
	return v.Text, v.Type
}

// TestTruthCanFail makes every statement of a fixture false, one way or
// another: each must be noticed.
func TestTruthCanFail(t *testing.T) {
	f := coretest.Core(t, "payment")
	s := reportScore(t, f, "", func(tr coretest.Truth) coretest.Truth {
		switch {
		case tr.Want == "nil":
			tr.Want = "0"
		case strings.HasPrefix(tr.Want, `"`):
			tr.Want = strconv.Quote(tr.Want)
		default:
			tr.Want += "1"
		}
		return tr
	}, map[string]bool{})
	if s.right != 0 || len(s.wrong) == 0 {
		t.Errorf("%d of %d false statements were taken for right", s.right, s.pairs())
	}
}
