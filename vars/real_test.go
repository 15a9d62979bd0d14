package vars

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/delvecore"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// realCore is a fixture's core with everything that reads it.
type realCore struct {
	reader *Reader
	finder *goscope.Finder
	stacks map[uint64]corefile.Stack
}

func openReal(t testing.TB, name string, o Options) *realCore {
	t.Helper()
	files := coretest.Core(t, name)
	ctx := context.Background()
	c, err := corefile.Open(ctx, files.Core, files.Bin, corefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	types, err := gotype.New(c)
	if err != nil {
		t.Fatal(err)
	}
	finder, err := goscope.New(c, types)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := goruntime.New(c, types, finder)
	if err != nil {
		t.Fatal(err)
	}
	b, err := delvecore.Open(c, rt, delvecore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	gs, _, err := b.Goroutines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rc := &realCore{reader: New(c, types, finder, o), finder: finder, stacks: map[uint64]corefile.Stack{}}
	for i := range gs {
		st, err := b.Unwind(ctx, &gs[i], 0)
		if err != nil {
			t.Errorf("goroutine %d: %v", gs[i].ID, err)
		}
		rc.stacks[gs[i].ID] = st
	}
	return rc
}

// root finds where a truth's path starts.
func (rc *realCore) root(tr coretest.Truth) (Root, report.Path, error) {
	p, err := report.ParsePath(tr.Path)
	if err != nil {
		return Root{}, p, err
	}
	if tr.Func == "" {
		name, rest, _ := p.Resolve(func(n string) bool { _, err := rc.reader.GlobalRoot(n); return err == nil })
		root, err := rc.reader.GlobalRoot(name)
		return root, rest, err
	}
	nth := tr.Nth
	st := rc.stacks[tr.G]
	for i := range st.Frames {
		if printedName(st.Frames[i].Function) != tr.Func {
			continue
		}
		if nth--; nth < 0 {
			root, err := rc.reader.FrameRoot(&st.Frames[i], p.Steps[0].Name)
			return root, tailOf(p), err
		}
	}
	return Root{}, p, report.ErrPath
}

// canonical is a value in the form that truths have it.
func canonical(v *report.Value) string {
	if v.Kind == report.KindInterface && len(v.Children) == 1 {
		return canonical(&v.Children[0].Value)
	}
	switch {
	case v.State != report.StateOK:
		return string(v.State) + ": " + v.Note
	case v.Nil:
		return "nil"
	case v.Kind == report.KindString, v.Kind == report.KindBytes:
		s, _ := v.Contents()
		return strconv.Quote(s)
	case v.Type == "time.Duration":
		return v.Children[0].Value.Text
	case v.Kind == report.KindUnsafePointer:
		return strconv.FormatUint(uint64(v.Target), 10)
	}
	return v.Text
}

// TestTruth compares what the fixtures printed before they died.
func TestTruth(t *testing.T) {
	for _, tt := range []struct {
		name string
		// missing is how many of a hundred values the compiler may have left
		// without a location, or out of its debug information, at their PC.
		missing int
	}{{"kinds", 8}, {"kinds.noopt", 0}, {"stdvalues", 8}, {"stdvalues.noopt", 0}, {"payment", 8}, {"payment.noopt", 0}, {"payment.pie", 8}} {
		t.Run(tt.name, func(t *testing.T) {
			rc := openReal(t, tt.name, Options{})
			equal, missing := 0, 0
			for _, tr := range coretest.Truths(t, tt.name) {
				got := rc.value(tr)
				switch {
				case got == tr.Want:
					equal++
				case strings.HasPrefix(got, absent):
					missing++
					t.Logf("%s: %s", tr, got)
				default:
					t.Errorf("%s: got %s", tr, got)
				}
			}
			t.Logf("%d values are as the program printed them, %d are not in the debug information", equal, missing)
			if equal == 0 || missing*100 > tt.missing*(equal+missing) {
				t.Errorf("%d of %d values are missing, want %d %% at most", missing, equal+missing, tt.missing)
			}
		})
	}
}

// absent begins what value returns for values that have no location.
const absent = "missing: "

// value is what a truth is about, in canonical form.
func (rc *realCore) value(tr coretest.Truth) string {
	root, rest, err := rc.root(tr)
	var v report.Value
	if err == nil {
		v, err = rc.reader.Eval(root, rest)
	}
	switch {
	case err != nil && (strings.Contains(err.Error(), string(report.StateOptimizedOut)) || strings.Contains(err.Error(), "has no variable")):
		return absent + err.Error()
	case err != nil:
		return err.Error()
	case v.State == report.StateOptimizedOut:
		return absent + v.Note
	}
	return canonical(&v)
}

// TestFramesOfRealCores decodes every frame of every goroutine and every
// package variable: all have a state, and few are unreadable.
func TestFramesOfRealCores(t *testing.T) {
	for _, name := range []string{"kinds", "payment", "payment.pie", "deadlock", "cgosegv"} {
		t.Run(name, func(t *testing.T) {
			rc := openReal(t, name, Options{})
			states := map[report.State]int{}
			for id, st := range rc.stacks {
				frames, problems := rc.reader.Frames(context.Background(), st)
				for _, p := range problems {
					if p.Missing {
						t.Errorf("goroutine %d: %+v", id, p)
					}
				}
				for i := range frames {
					for j := range frames[i].Vars {
						v := &frames[i].Vars[j]
						well(t, &v.Value)
						states[v.Value.State]++
						if v.Value.State == report.StateUnreadable {
							t.Logf("goroutine %d, %s, %s %s: %s", id, frames[i].Function, v.Name, v.Value.Type, v.Value.Note)
						}
					}
				}
			}
			t.Logf("variables of frames: %v", states)
			if states[report.StateOK] == 0 || states[report.StateUnreadable]*50 > states[report.StateOK] {
				t.Errorf("states of variables: %v", states)
			}
			globals, problems := rc.reader.Globals(context.Background(), nil)
			bad := 0
			for i := range globals {
				well(t, &globals[i].Value)
				if globals[i].Value.State == report.StateUnreadable || globals[i].Value.State == report.StateAbsent {
					bad++
					t.Logf("%s.%s %s: %s", globals[i].Package, globals[i].Name, globals[i].Value.Type, globals[i].Value.Note)
				}
			}
			t.Logf("%d package variables, %d can't be read", len(globals), bad)
			if len(problems) > 0 || len(globals) < 100 || bad > 0 {
				t.Errorf("%d package variables, %d can't be read, problems %v", len(globals), bad, problems)
			}
		})
	}
}

// BenchmarkFrames decodes all variables of all frames of a program with a
// thousand goroutines, to be kept and to be looked at once.
func BenchmarkFrames(b *testing.B) {
	rc := openReal(b, "manywait", Options{})
	for name, r := range map[string]*Reader{"reader": rc.reader, "clone": rc.reader.Clone()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = 0
				for _, st := range rc.stacks {
					frames, _ := r.Frames(context.Background(), st)
					for i := range frames {
						n += len(frames[i].Vars)
					}
				}
			}
			b.ReportMetric(float64(n), "variables")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/variable")
		})
	}
}

// damaged is memory in which many words are replaced, always the same ones.
type damaged struct {
	memory
	seed uint64
}

func (d damaged) View(addr uint64, n int) ([]byte, corefile.Provenance, bool) {
	b, p, ok := d.memory.View(addr, n)
	h := (addr ^ d.seed) * 0x9e3779b97f4a7c15
	if !ok || n == 0 || h>>60 > 1 {
		return b, p, ok
	}
	b = append([]byte(nil), b...)
	switch at := int(h>>8) & 0xffff % n; h >> 40 & 3 {
	case 0:
		b[at] ^= 1 << (h >> 32 & 7)
	case 1:
		b[at] = 0xff
	case 2:
		clear(b)
	default:
		return nil, corefile.Absent, false
	}
	return b, p, true
}

// TestDamagedCore decodes everything out of memory that lies.
func TestDamagedCore(t *testing.T) {
	for _, name := range []string{"kinds", "stdvalues"} {
		t.Run(name, func(t *testing.T) { damage(t, name) })
	}
}

func damage(t *testing.T, name string) {
	rc := openReal(t, name, Options{})
	whole := rc.reader.mem
	states := map[report.State]int{}
	check := func(v *report.Value) {
		well(t, v)
		if n, h := count(v), height(v); n > MaxNodes+1 || h > hardLevel+2 {
			t.Errorf("%d values, height %d", n, h)
		}
		walk(v, func(x *report.Value) { states[x.State]++ })
	}
	for seed := range uint64(4) {
		rc.reader.mem = damaged{whole, seed * 0x12345677}
		globals, _ := rc.reader.Globals(context.Background(), nil)
		for i := range globals {
			check(&globals[i].Value)
		}
		for _, st := range rc.stacks {
			frames, _ := rc.reader.Frames(context.Background(), st)
			for i := range frames {
				for j := range frames[i].Vars {
					check(&frames[i].Vars[j].Value)
				}
			}
		}
		for _, tr := range coretest.Truths(t, name) {
			rc.value(tr)
		}
	}
	t.Logf("%v", states)
	if states[report.StateUnreadable] == 0 || states[report.StateAbsent] == 0 {
		t.Errorf("nothing was damaged: %v", states)
	}
}

// TestSummariesOfRealValues compares the texts of values that people read as a
// whole with what the program that held them printed of them: beside each
// variable x it keeps a string xText.
func TestSummariesOfRealValues(t *testing.T) {
	for _, name := range []string{"stdvalues", "stdvalues.noopt"} {
		t.Run(name, func(t *testing.T) {
			rc := openReal(t, name, Options{})
			compared := map[string]bool{}
			for _, tr := range coretest.Truths(t, name) {
				variable, ok := strings.CutSuffix(tr.Path, "Text")
				if !ok || tr.Want == `""` {
					continue
				}
				at := tr
				at.Path = variable
				root, rest, err := rc.root(at)
				if err != nil {
					t.Error(err)
					continue
				}
				v, err := rc.reader.Eval(root, rest)
				for err == nil && v.Kind == report.KindPointer && len(v.Children) == 1 {
					v = v.Children[0].Value
				}
				if got := strconv.Quote(v.Text); err != nil || got != tr.Want || v.State != report.StateOK {
					t.Errorf("%s is %s (%s), the program printed %s: %v", variable, got, v.State, tr.Want, err)
				}
				compared[v.Type] = true
			}
			for _, typ := range []string{"net/url.URL", "net.IP", "net/netip.Addr", "net/netip.Prefix", "net/netip.AddrPort", "math/big.Int", "time.Duration", "time.Time"} {
				if !compared[typ] {
					t.Errorf("no %s was compared", typ)
				}
			}
			for variable, want := range map[string]string{"mu": "locked", "closed": "closed", "ready": "counter 0"} {
				v := rc.mainVariable(t, "main.waiting", variable)
				if v.Text != want {
					t.Errorf("%s is %q, want %q", variable, v.Text, want)
				}
			}
			if v := rc.mainVariable(t, "main.waiting", "*cond"); v.Text != "2 waiting" {
				t.Errorf("cond is %q, want that two wait", v.Text)
			}
		})
	}
}

// mainVariable is the value of a path in a function of goroutine 1.
func (rc *realCore) mainVariable(t *testing.T, function, path string) report.Value {
	t.Helper()
	root, rest, err := rc.root(coretest.Truth{G: 1, Func: function, Path: path})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	v, err := rc.reader.Eval(root, rest)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}
