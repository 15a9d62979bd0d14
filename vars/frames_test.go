package vars

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/report"
)

// fakeScopes has the same scopes at every PC.
type fakeScopes struct {
	scopes  []goscope.Scope
	globals []goscope.Global
	err     error
}

func (f *fakeScopes) Scopes(pc, callPC uint64) ([]goscope.Scope, error) { return f.scopes, f.err }
func (f *fakeScopes) Globals() ([]goscope.Global, error)                { return f.globals, f.err }

func names(vs []report.Variable) string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Name)
	}
	return strings.Join(out, " ")
}

func TestOrderAndShadows(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	r.scopes = &fakeScopes{scopes: []goscope.Scope{
		{Function: "main.f", Depth: 0, Vars: []goscope.Var{
			{Name: "x", Role: report.RoleLocal, Type: intType, DeclLine: 12, Block: 0},
			{Name: "held", Role: report.RoleCaptured, Type: intType, DeclLine: 3},
			{Name: "x", Role: report.RoleLocal, Type: intType, DeclLine: 15, Block: 2},
			{Name: "x", Role: report.RoleLocal, Type: intType, DeclLine: 13, Block: 1},
			{Name: "a", Role: report.RoleLocal, Type: intType, DeclLine: 11},
			{Name: "~r0", Role: report.RoleResult, Type: intType, DeclLine: 10},
			{Name: "b", Role: report.RoleArg, Type: intType, DeclLine: 10},
			{Name: "a", Role: report.RoleArg, Type: intType, DeclLine: 10},
		}},
		{Function: "main.g", Depth: 1, Vars: []goscope.Var{{Name: "inner", Role: report.RoleArg, Type: intType}}},
	}}
	st := corefile.Stack{Frames: []corefile.Frame{
		{Function: "main.g", Depth: 1, Inlined: true, PC: 5},
		{Function: "main.f", Depth: 0, PC: 5, Repeat: 3},
		{Function: "main.h", Depth: 7, PC: 6},
	}}
	frames, problems := r.Frames(context.Background(), st)
	if len(problems) > 0 || len(frames) != 3 {
		t.Fatalf("%v", problems)
	}
	for i, want := range []string{"inner", "b a#2 ~r0 held a x#3 x#2 x", ""} {
		if got := names(frames[i].Vars); got != want {
			t.Errorf("frame %d: %q, want %q", i, got, want)
		}
	}
	if !frames[0].Inlined || frames[1].Repeat != 3 || frames[2].Vars == nil {
		t.Errorf("%+v", frames)
	}
	for _, v := range frames[1].Vars {
		if v.Value.State != report.StateOptimizedOut || v.Value.Note == "" || v.Value.Nil {
			t.Errorf("%+v", v)
		}
	}
	if _, err := r.FrameRoot(&st.Frames[1], "x#2"); err != nil {
		t.Error(err)
	}
	if _, err := r.FrameRoot(&st.Frames[1], "y"); !errors.Is(err, report.ErrPath) {
		t.Errorf("y: %v", err)
	}
}

func TestFrameProblems(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	r.scopes = &fakeScopes{err: errors.New("no entry")}
	st := corefile.Stack{Frames: []corefile.Frame{{Function: "runtime.main"}, {Function: "main.f", PC: 1}, {Function: "main.f", PC: 2}}}
	frames, problems := r.Frames(context.Background(), st)
	if len(frames) != 3 || len(problems) != 2 || problems[0].Missing || !problems[1].Missing {
		t.Errorf("%+v", problems)
	}
	r.scopes = &fakeScopes{err: goscope.ErrNoFunction}
	st.Frames = append(st.Frames, corefile.Frame{Function: "average"})
	if _, problems = r.Frames(context.Background(), st); len(problems) != 2 {
		t.Errorf("a C function: %+v", problems)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	frames, problems = r.Frames(ctx, st)
	if len(frames) != 0 || len(problems) != 1 || !problems[0].Missing {
		t.Errorf("%d frames, %+v", len(frames), problems)
	}
	if gs, problems := r.Globals(context.Background(), nil); len(gs) != 0 || len(problems) != 1 {
		t.Errorf("%+v, %+v", gs, problems)
	}
}

func TestFrameLimit(t *testing.T) {
	r := newWorld().reader(Options{Limits: report.Limits{MaxFrames: 8}})
	frames := r.FrameRefs(corefile.Stack{Frames: make([]corefile.Frame, 100)})
	var got []int
	for _, f := range frames {
		got = append(got, f.Index)
	}
	if len(got) != 8 || got[5] != 5 || got[6] != 98 || got[7] != 99 {
		t.Errorf("%v", got)
	}
}

func TestGlobals(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	r.scopes = &fakeScopes{globals: []goscope.Global{
		{Package: "main", Name: "a", Addr: w.words(1), Type: intType},
		{Package: "main", Name: "b", Addr: w.words(2), Type: intType},
		{Package: "x/y.z", Name: "c", Addr: w.words(3), Type: intType},
	}}
	gs, problems := r.Globals(context.Background(), func(pkg, name string) bool { return name != "b" })
	if len(problems) > 0 || len(gs) != 2 || gs[1].Package != "x/y.z" || gs[1].Value.Text != "3" {
		t.Errorf("%+v %v", gs, problems)
	}
	root, err := r.GlobalRoot("x/y.z.c")
	if v, err2 := r.Eval(root, report.Path{}); err != nil || err2 != nil || v.Text != "3" {
		t.Errorf("%+v, %v, %v", v, err, err2)
	}
	if _, err := r.GlobalRoot("main.c"); !errors.Is(err, report.ErrPath) {
		t.Errorf("main.c: %v", err)
	}
}

func TestFunctionNames(t *testing.T) {
	for _, tt := range []struct {
		function, pkg, printed string
		runtime                bool
	}{
		{"main.main", "main", "", false},
		{"main.(*Server).handle", "main", "", false},
		{"runtime.gopanic", "runtime", "", true},
		{"internal/runtime/maps.(*Map).Get", "internal/runtime/maps", "", true},
		{"runtime/pprof.Do", "runtime/pprof", "", false},
		{"github.com/a/b.v2.F.func1", "github.com/a/b", "", false},
		{"gopkg.in/yaml%2ev3.(*Decoder).Decode", "gopkg.in/yaml.v3", "", false},
		{"example.com/x.Map[go.shape.int,example.com/y/z.T]", "example.com/x", "example.com/x.Map[...]", false},
		{"main.(*stack[go.shape.struct { X [2]int }]).push", "main", "main.(*stack[...]).push", false},
		{"crosscall2", "", "", false},
		{"", "", "", false},
		{"a%zz/b%2.c", "a%zz/b%2", "", false},
	} {
		if got := report.PackageOf(tt.function); got != tt.pkg || report.IsRuntime(got) != tt.runtime {
			t.Errorf("%s: package %q, want %q", tt.function, got, tt.pkg)
		}
		want := tt.printed
		if want == "" {
			want = tt.function
		}
		if got := printedName(tt.function); got != want {
			t.Errorf("%s: printed %q, want %q", tt.function, got, want)
		}
	}
}

func TestFilesOfTheRuntime(t *testing.T) {
	for file, want := range map[string]bool{
		"/usr/local/go/src/runtime/time.go": true, "runtime/time.go": true, "/usr/local/go/src/runtime/pprof/label.go": false,
		"/home/u/runtime/main.go": false, "": false,
	} {
		if inRuntime(file) != want {
			t.Errorf("%q: %v", file, !want)
		}
	}
}
