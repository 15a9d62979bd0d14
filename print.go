package sdcore

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/vars"
)

// Globals reports the package variables whose qualified name matches pattern:
// a shell pattern ("main.*", "net/http.Default*"), or a part of the name when
// it has no wildcard. An empty pattern selects those of the main module.
func (s *Session) Globals(ctx context.Context, pattern string) (*report.Report, error) {
	e, err := s.open()
	if err != nil {
		return nil, err
	}
	rep := s.base()
	globals, problems := e.reader.Globals(ctx, s.globalMatcher(pattern))
	rep.Globals = globals
	addProblems(rep, problems)
	addProblems(rep, s.damage)
	return rep, ctx.Err()
}

func (s *Session) globalMatcher(pattern string) func(pkg, name string) bool {
	if pattern == "" {
		main := s.core.Identity().Main.Path
		return func(pkg, _ string) bool {
			return pkg == "main" || main != "" && (pkg == main || strings.HasPrefix(pkg, main+"/"))
		}
	}
	if !strings.ContainsAny(pattern, "*?[") {
		return func(pkg, name string) bool { return strings.Contains(pkg+"."+name, pattern) }
	}
	return func(pkg, name string) bool {
		ok, err := path.Match(pattern, pkg+"."+name)
		return ok && err == nil
	}
}

// Place says where Print looks for a variable.
type Place struct {
	// Goroutine is the goroutine's ID, 0 for the one that crashed.
	Goroutine uint64
	// Frame picks among several calls of the same function, 0 is the innermost.
	Frame int
}

// Print reports one value by its path: a variable of a function on the stack
// of a goroutine ("main.handle.req.User.Tier"), a bare name in the frame where
// it crashed, or a package variable.
//
// The report holds the variable, and in it, one inside the other, the values
// on the way, the next as the last part of each: redact judges the value that was
// asked for by all that it is part of. depth counts them: the value lies
// that many children deep, or above it a redacted one. It is the first global,
// or the first variable of the first goroutine. What else the report holds,
// the variables of the goroutine that was looked in, is there for redact to
// learn from: what is secret there is secret in the answer too.
func (s *Session) Print(ctx context.Context, expr string, at Place) (rep *report.Report, depth int, err error) {
	p, err := report.ParsePath(expr)
	if err != nil {
		return nil, 0, err
	}
	e, err := s.open()
	if err != nil {
		return nil, 0, err
	}
	rep = s.base()
	stack, err := s.placeStack(ctx, e, rep, &at)
	if err != nil {
		return nil, 0, err
	}
	root, rest, frame, err := s.resolve(e, stack, p, &at)
	if err != nil {
		return nil, 0, err
	}
	v, err := e.reader.Eval(root.root, rest)
	if err != nil {
		return nil, 0, err
	}
	for i := len(rest.Steps) - 1; i >= 0; i-- {
		v = s.enclose(e, root.root, rest, i, v)
	}
	v.Protected = v.Protected || root.secret
	if frame != nil {
		frame.Vars = []report.Variable{{Name: root.name, Role: report.RoleLocal, Value: v}}
		rep.Goroutines = []report.Goroutine{{ID: at.Goroutine, Frames: []report.Frame{*frame}}}
	} else {
		pkg, name := splitGlobal(root.name)
		rep.Globals = []report.Global{{Package: pkg, Name: name, Value: v}}
	}
	if len(stack.Frames) > 0 {
		rep.Goroutines = append(rep.Goroutines, report.Goroutine{ID: at.Goroutine, Frames: s.around(ctx, e, at.Goroutine, stack)})
	}
	return rep, len(rest.Steps), ctx.Err()
}

// around decodes the variables on a stack, once for each goroutine. What is
// wrong with them is no problem of the answer.
func (s *Session) around(ctx context.Context, e *engine, goroutine uint64, stack corefile.Stack) []report.Frame {
	frames, ok := s.decoded[goroutine]
	if !ok {
		frames, _ = e.reader.FramesWhere(ctx, stack, func(fr *report.Frame) bool { return !fr.Runtime })
		if s.decoded == nil {
			s.decoded = map[uint64][]report.Frame{}
		}
		s.decoded[goroutine] = frames
	}
	return frames
}

// enclose makes the value before step i of the path, with the value that the
// step leads to as its last part. Of the other parts it has only what may make
// a secret of that one: the text that a byte is of, the element in front
// ("--password", "x").
func (s *Session) enclose(e *engine, root vars.Root, path report.Path, i int, inner report.Value) report.Value {
	outer, err := e.outline.Eval(root, report.Path{Steps: path.Steps[:i]})
	if err != nil {
		outer = report.Value{State: report.StateOK, Kind: report.KindInvalid}
	}
	step := path.Steps[i]
	child := report.Child{Value: inner}
	out := report.Value{State: report.StateOK, Kind: outer.Kind, Type: outer.Type, Protected: outer.Protected}
	switch step.Op {
	case report.StepName:
		child.Name = step.Name
		child.Tag = e.reader.Tag(root, report.Path{Steps: path.Steps[:i+1]})
	case report.StepIndex:
		switch outer.Kind {
		case report.KindMap:
			kind := report.KindInt
			if step.KeyIsString {
				kind = report.KindString
			}
			child.Key = &report.Value{State: report.StateOK, Kind: kind, Text: step.Key}
		case report.KindString, report.KindBytes:
			if whole, err := e.reader.Eval(root, report.Path{Steps: path.Steps[:i]}); err == nil {
				out.Text, out.Quoted, out.Len, out.State = whole.Text, whole.Quoted, whole.Len, whole.State
				out.Protected = out.Protected || whole.Protected
			}
		case report.KindSlice, report.KindArray:
			if before, ok := previous(step); ok {
				at := append(slices.Clone(path.Steps[:i]), before)
				if v, err := e.reader.Eval(root, report.Path{Steps: at}); err == nil {
					out.Children = append(out.Children, report.Child{Value: v})
				}
			}
		}
	}
	out.Children = append(out.Children, child)
	return out
}

// previous is the step to the element in front.
func previous(step report.Step) (report.Step, bool) {
	n, err := strconv.ParseUint(step.Key, 10, 63)
	if err != nil || n == 0 {
		return step, false
	}
	step.Key = strconv.FormatUint(n-1, 10)
	return step, true
}

// named is where a path starts.
type named struct {
	name   string
	root   vars.Root
	secret bool // of a call in secret mode
}

// resolve finds the variable that a path starts with. frame is nil for a
// package variable.
func (s *Session) resolve(e *engine, stack corefile.Stack, p report.Path, at *Place) (named, report.Path, *report.Frame, error) {
	fn, rest, ok := p.Resolve(func(name string) bool {
		return slices.ContainsFunc(stack.Frames, func(fr corefile.Frame) bool { return fr.Function == name })
	})
	if ok && len(rest.Steps) > 0 && rest.Steps[0].Op == report.StepName {
		n := at.Frame
		for i := range stack.Frames {
			if stack.Frames[i].Function != fn {
				continue
			}
			if n--; n >= 0 {
				continue
			}
			return s.inFrame(e, stack, i, rest)
		}
		return named{}, p, nil, fmt.Errorf("%w: %s is on this stack fewer than %d times", report.ErrPath, fn, at.Frame+1)
	}
	if name, rest, ok := p.Resolve(func(name string) bool { _, err := e.reader.GlobalRoot(name); return err == nil }); ok {
		root, err := e.reader.GlobalRoot(name)
		return named{name: name, root: root}, rest, nil, err
	}
	for i := range stack.Frames {
		if len(p.Steps) == 0 || goruntimeFrame(stack.Frames[i].Function) {
			continue
		}
		if n, rest, fr, err := s.inFrame(e, stack, i, p); err == nil {
			return n, rest, fr, nil
		}
		break
	}
	return named{}, p, nil, fmt.Errorf("%w %s: no such function on the stack of goroutine %d, no such variable in its first frame, no such package variable",
		report.ErrPath, p, at.Goroutine)
}

// inFrame starts a path at a variable of a frame of a stack.
func (s *Session) inFrame(e *engine, stack corefile.Stack, i int, p report.Path) (named, report.Path, *report.Frame, error) {
	fr := &stack.Frames[i]
	name := p.Steps[0].Name
	root, err := e.reader.FrameRoot(fr, name)
	if err != nil {
		return named{}, p, nil, err
	}
	refs := e.reader.FrameRefs(corefile.Stack{Frames: []corefile.Frame{*fr}})
	if len(refs) == 0 {
		refs = []report.Frame{{Function: fr.Function}}
	}
	return named{name, root, i < vars.SecretFrames(stack)}, report.Path{Steps: p.Steps[1:]}, &refs[0], nil
}

// placeStack unwinds the goroutine that at means, and fills in its ID.
func (s *Session) placeStack(ctx context.Context, e *engine, rep *report.Report, at *Place) (corefile.Stack, error) {
	all, err := s.stacks(ctx, e, rep)
	if err != nil {
		return corefile.Stack{}, err
	}
	if at.Goroutine == 0 {
		s.explain(ctx, e, rep, all)
		at.Goroutine = rep.Crash.Goroutine
	}
	for i := range all {
		if all[i].g.ID == at.Goroutine {
			return s.stackOf(ctx, e, &all[i])
		}
	}
	if at.Goroutine == 0 { // no goroutine crashed: package variables only
		return corefile.Stack{}, nil
	}
	return corefile.Stack{}, fmt.Errorf("no goroutine %d in this core", at.Goroutine)
}

func splitGlobal(name string) (pkg, rest string) {
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return "", name
	}
	return name[:slash+1+dot], name[slash+2+dot:]
}

func goruntimeFrame(fn string) bool {
	return strings.HasPrefix(fn, "runtime.") || strings.HasPrefix(fn, "internal/runtime/")
}
