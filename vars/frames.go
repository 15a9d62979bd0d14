package vars

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// stage is the name of this package in problems.
const stage = "vars"

// Frames decodes every frame of a stack with its variables. Of a stack with
// more than MaxFrames frames the innermost three quarters of the limit and the
// outermost quarter are kept; Index counts all, so that the gap shows.
// Variables of the runtime's own frames are decoded one pointer deep.
// The problems name functions whose variables can't be found.
func (r *Reader) Frames(ctx context.Context, st corefile.Stack) ([]report.Frame, []report.Problem) {
	return r.FramesWhere(ctx, st, nil)
}

// FramesWhere is Frames with variables only in the frames that want selects;
// a nil want selects all.
func (r *Reader) FramesWhere(ctx context.Context, st corefile.Stack, want func(*report.Frame) bool) ([]report.Frame, []report.Problem) {
	r.room.reset()
	out := r.frameRefs(st)
	var problems []report.Problem
	var told map[string]bool
	secret := SecretFrames(st)
	for i := range out {
		if want != nil && !want(&out[i]) {
			continue
		}
		if err := ctx.Err(); err != nil {
			problems = append(problems, report.Problem{Stage: stage, Subject: "frames",
				Message: fmt.Sprintf("stopped before frame %d: %v", out[i].Index, err), Missing: true})
			return out[:i], problems
		}
		fr, p := &st.Frames[out[i].Index], r.at[i]
		err := p.open(r)
		// C functions have no variables that belong into a report of a Go program.
		foreign := out[i].Package == "" && errors.Is(err, goscope.ErrNoFunction)
		if err != nil && !foreign && !told[fr.Function] {
			if told == nil {
				told = map[string]bool{}
			}
			told[fr.Function] = true
			problems = append(problems, report.Problem{Stage: stage, Subject: "variables of " + fr.Function,
				Addr: report.Addr(fr.PC), Message: err.Error(), Missing: !out[i].Runtime})
		}
		out[i].Vars = p.variables(r, fr)
		if out[i].Index < secret {
			MarkSecret(out[i].Vars)
		}
	}
	return out, problems
}

// FrameRefs is Frames without variables. Functions are named as Go prints them:
// "main.Map[...]".
func (r *Reader) FrameRefs(st corefile.Stack) []report.Frame {
	r.room.reset()
	return r.frameRefs(st)
}

// frameRefs is FrameRefs, and puts the plans of the frames into r.at.
func (r *Reader) frameRefs(st corefile.Stack) []report.Frame {
	n := len(st.Frames)
	skipFrom, skipTo := n, n
	if n > r.lim.frames {
		outer := r.lim.frames / 4
		skipFrom, skipTo = r.lim.frames-outer, n-outer
	}
	out := r.room.frames(n - (skipTo - skipFrom))
	r.at = r.at[:0]
	for i := range out {
		index := i
		if i >= skipFrom {
			index += skipTo - skipFrom
		}
		fr := &st.Frames[index]
		p := r.plan(fr)
		r.at = append(r.at, p)
		out[i] = p.ref
		out[i].Index, out[i].CFA, out[i].Repeat = index, report.Addr(fr.CFA), fr.Repeat
	}
	return out
}

// frameRef is a frame without variables, and without what depends on its place
// on the stack.
func frameRef(fr *corefile.Frame) report.Frame {
	pkg := report.PackageOf(fr.Function)
	return report.Frame{
		Function: printedName(fr.Function),
		Package:  pkg,
		File:     fr.File,
		Line:     fr.Line,
		FuncLine: fr.FuncLine,
		Within:   fr.Within,
		PC:       report.Addr(fr.PC),
		Inlined:  fr.Inlined,
		Runtime:  report.IsRuntime(pkg),
		Vars:     []report.Variable{},
	}
}

// Variable decodes one variable of a frame, under its name in the source.
func (r *Reader) Variable(v *goscope.Var, fr *corefile.Frame) report.Variable {
	return r.variable(v, fr, r.lim)
}

func (r *Reader) variable(v *goscope.Var, fr *corefile.Frame, lim bounds) report.Variable {
	out := report.Variable{Name: v.Name, Role: v.Role, DeclLine: v.DeclLine}
	t, src, isStale := r.locateVar(v, fr)
	out.Value = r.decodeWithin(t, src, lim)
	if isStale {
		stale(&out.Value)
	}
	return out
}

// locateVar finds a variable's type and where its bytes are in a frame.
func (r *Reader) locateVar(v *goscope.Var, fr *corefile.Frame) (t *gotype.Type, src region, isStale bool) {
	t, loc, err := r.find(v, fr)
	size := max(sizeOf(t), 1)
	if err != nil {
		return t, lost(size, fault{report.StateUnreadable, err.Error()}), false
	}
	if !v.Escaped {
		return t, place(t, loc, fr.Regs), loc.Stale
	}
	if len(loc.Pieces) == 0 {
		return t, lost(size, noLocation()), false
	}
	b, f := locate(loc, 8, fr.Regs).read(r.mem, 0, 8)
	if f.bad() {
		return t, lost(size, f), false
	}
	return t, at(unsigned(b), sizeOf(t)), loc.Stale
}

// find asks for a variable's type and location in a frame.
func (r *Reader) find(v *goscope.Var, fr *corefile.Frame) (*gotype.Type, corefile.Location, error) {
	r.shared.Lock()
	defer r.shared.Unlock()
	loc, err := v.Locate(fr)
	return v.TypeIn(fr), loc, err
}

// ordered is a variable of a scope in its place.
type ordered struct {
	index int
	name  string
}

// order puts the variables of a scope in order - arguments, results, captured
// variables, locals, each by line - and tells shadowed ones apart.
func order(sc *goscope.Scope) []ordered {
	out := make([]ordered, len(sc.Vars))
	for i := range out {
		out[i] = ordered{index: i, name: sc.Vars[i].Name}
	}
	// From the innermost outwards, the first of a name keeps it.
	sort.SliceStable(out, func(i, j int) bool {
		a, b := &sc.Vars[out[i].index], &sc.Vars[out[j].index]
		if a.Block != b.Block {
			return a.Block > b.Block
		}
		return a.DeclLine > b.DeclLine
	})
	seen := make(map[string]int, len(out))
	for i := range out {
		n := seen[out[i].name] + 1
		seen[out[i].name] = n
		if n > 1 && out[i].name != "_" {
			out[i].name += "#" + strconv.Itoa(n)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := &sc.Vars[out[i].index], &sc.Vars[out[j].index]
		if ra, rb := rank(a.Role), rank(b.Role); ra != rb {
			return ra < rb
		}
		if a.DeclLine != b.DeclLine && a.Role != report.RoleArg && a.Role != report.RoleResult {
			return a.DeclLine < b.DeclLine
		}
		return out[i].index < out[j].index
	})
	return out
}

// rank orders roles.
func rank(r report.Role) int {
	switch r {
	case report.RoleArg:
		return 0
	case report.RoleResult:
		return 1
	case report.RoleCaptured:
		return 2
	}
	return 3
}

// inRuntime reports whether a source file is of package runtime: functions such
// as time.Sleep are there under another package's name. With -trimpath the path
// begins with the package.
func inRuntime(file string) bool {
	dir := path.Dir(file)
	return dir == "runtime" || strings.HasSuffix(dir, "/src/runtime")
}
