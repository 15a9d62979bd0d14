package sdcore

import (
	"context"
	"fmt"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/vars"
)

// The heap shows texts and keys from anywhere in the program's memory, and not
// only what the limits of a report leave of its variables. So what is secret is
// learned in two rounds: from all variables as a report has them, and from those
// of which that is only a part once more, with limits of their own.
//
// maxLearned bounds the values of the second round of all variables together,
// learnLimits those of one.
const maxLearned = 1 << 21

func learnLimits() report.Limits {
	return report.Limits{MaxItems: 1 << 16, MaxDepth: 64, MaxNodes: 1 << 17}
}

// learner learns what is secret in the variables of a program.
type learner struct {
	h    *heapEngine
	to   *redact.Stream
	seen map[learned]bool
	cut  []cutVariable
	left int // values that may still be decoded in the second round
	next int // index of the next goroutine that is made up
}

// learned is a value that was to be decoded whole: many goroutines have a variable
// that points to the same server.
type learned struct {
	typ  string
	addr report.Addr
}

// cutVariable is a variable that the limits of a report cut: of a frame of a
// goroutine, or with pkg set of a package.
type cutVariable struct {
	pkg, name        string
	goroutine, frame int
}

// learn shows the redactor all goroutines, and package variables as if they were
// those of one more.
func (h *heapEngine) learn(ctx context.Context, rep *report.Report, to *redact.Stream) error {
	l := learner{h: h, to: to, seen: map[learned]bool{}, left: maxLearned, next: len(h.all)}
	l.globals(ctx)
	t := streamer{s: h.s, view: &view{engine: h.e, rep: &report.Report{}, all: h.all}, detail: decoded, redact: to}
	if err := t.ahead(ctx, func(i int, g *report.Goroutine, _ *reading) bool {
		for f := range g.Frames {
			if fr := &g.Frames[f]; !fr.Runtime {
				l.note(fr.Vars, cutVariable{goroutine: i, frame: fr.Index})
			}
		}
		to.Learn(0, i, g)
		return true
	}); err != nil {
		return err
	}
	if left := l.again(ctx); left > 0 {
		addProblems(rep, []report.Problem{{Stage: "heap", Subject: "secrets", Message: fmt.Sprintf(
			"%d large variables were looked at for secrets in part only: a text or key that a name in the rest of them tells to be secret may be shown", left)}})
	}
	return ctx.Err()
}

// globals learns from package variables.
func (l *learner) globals(ctx context.Context) {
	l.h.s.progress("reading package variables", 0, 0)
	globals, _ := l.h.e.reader.Globals(ctx, nil)
	all := make([]report.Variable, len(globals))
	for i := range globals {
		g := &globals[i]
		all[i] = report.Variable{Name: g.Name, Value: g.Value}
		if !report.IsRuntime(g.Package) {
			l.note(all[i:i+1], cutVariable{pkg: g.Package})
		}
	}
	l.show(all)
}

// show learns from variables of no goroutine.
func (l *learner) show(all []report.Variable) {
	l.to.Learn(0, l.next, &report.Goroutine{Frames: []report.Frame{{Vars: all}}})
	l.next++
}

// note remembers the variables that are not whole.
func (l *learner) note(all []report.Variable, of cutVariable) {
	for i := range all {
		v := &all[i].Value
		key := learned{v.Type, v.Target}
		if key.addr == 0 {
			key.addr = v.Addr
		}
		if _, whole := measure(v); whole || key.addr != 0 && l.seen[key] {
			continue
		}
		l.seen[key] = true
		of.name = all[i].Name
		l.cut = append(l.cut, of)
	}
}

// measure counts the values in a tree; whole is false when a limit left some out.
func measure(v *report.Value) (n int, whole bool) {
	whole = true
	for queue := []*report.Value{v}; len(queue) > 0; n++ {
		v, queue = queue[len(queue)-1], queue[:len(queue)-1]
		if v.State == report.StateBudget || v.State == report.StateTruncated && v.Kind != report.KindString {
			whole = false
		}
		for i := range v.Children {
			c := &v.Children[i]
			if queue = append(queue, &c.Value); c.Key != nil {
				queue = append(queue, c.Key)
			}
		}
	}
	return n, whole
}

// again learns from the variables that were noted, whole, and returns how many had
// to be left out.
func (l *learner) again(ctx context.Context) (left int) {
	e := l.h.e
	secret, _ := e.runtime.SecretMemory() // its problems are those of the session
	reader := vars.New(l.h.s.core, e.types, e.finder, vars.Options{Limits: learnLimits(), Secret: secret})
	for i := range l.cut {
		if ctx.Err() != nil {
			return 0
		}
		l.h.s.progress("reading large variables", i, len(l.cut))
		if l.left <= 0 {
			return len(l.cut) - i
		}
		if v, ok := l.whole(ctx, reader, &l.cut[i]); ok {
			n, _ := measure(&v.Value)
			l.left -= n
			l.show([]report.Variable{v})
		}
	}
	return 0
}

// whole decodes a variable with the limits of a reader. ok is false when it can't
// be found any more.
func (l *learner) whole(ctx context.Context, reader *vars.Reader, c *cutVariable) (v report.Variable, ok bool) {
	e := l.h.e
	v.Name = c.name
	if c.pkg != "" {
		root, err := reader.GlobalRoot(c.pkg + "." + c.name)
		if err != nil {
			return v, false
		}
		v.Value, err = reader.Eval(root, report.Path{})
		return v, err == nil
	}
	stack, err := l.h.s.stackOf(ctx, e, &l.h.all[c.goroutine])
	if err != nil || c.frame >= len(stack.Frames) {
		return v, false
	}
	root, err := reader.FrameRoot(&stack.Frames[c.frame], c.name)
	if err != nil {
		return v, false
	}
	if v.Value, err = reader.Eval(root, report.Path{}); err != nil {
		return v, false
	}
	if c.frame < vars.SecretFrames(stack) {
		one := []report.Variable{v}
		vars.MarkSecret(one)
		v = one[0]
	}
	return v, true
}
