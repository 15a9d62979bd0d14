package redact

import (
	"fmt"
	"reflect"

	"github.com/safedump/sdcore/report"
)

// What walkGoroutine does, as the plan of a goroutine has to read. The plan
// decides: where it says something else, nothing is redacted by this code, and
// New fails.
const goroutinePlan = "status:code wait_reason:code creator{function:code file:path} start:code labels[key:name value:value] " +
	"frames[function:code package:code file:path within:code vars[name:name role:code value:tree] " +
	"defers[function:code wrapper:code file:path kind:safe vars[name:name role:code value:tree]] source{lines[]:text}] " +
	"stack_end:text redactions[location:code reason:safe rule:safe timestamp:safe]"

// walkDirectly lets walk do without reflection where there is much to walk.
func walkDirectly(plans map[reflect.Type]*structPlan) error {
	g := plans[reflect.TypeFor[report.Goroutine]()]
	if got := g.String(); got != goroutinePlan {
		return fmt.Errorf("a goroutine is %s, but it is walked as %s", got, goroutinePlan)
	}
	path, object, text := plans[reflect.TypeFor[report.HeapPath]()], plans[reflect.TypeFor[report.HeapObject]()], plans[reflect.TypeFor[report.HeapString]()]
	for plan, want := range map[*structPlan]string{path: heapPathPlan, object: heapObjectPlan, text: heapStringPlan} {
		if got := plan.String(); got != want {
			return fmt.Errorf("%s is %s, but it is walked as %s", plan.typ, got, want)
		}
	}
	path.direct = func(u *run, v reflect.Value, vis visitor) {
		u.walkHeapPath(v.Addr().Interface().(*report.HeapPath), vis)
	}
	object.direct = func(u *run, v reflect.Value, vis visitor) {
		u.walkHeapObject(v.Addr().Interface().(*report.HeapObject), vis)
	}
	text.direct = func(u *run, v reflect.Value, vis visitor) {
		u.walkHeapString(v.Addr().Interface().(*report.HeapString), vis)
	}
	g.direct = func(u *run, v reflect.Value, vis visitor) {
		u.walkGoroutine(v.Addr().Interface().(*report.Goroutine), vis)
	}
	plans[reflect.TypeFor[report.Frame]()].direct = func(u *run, v reflect.Value, vis visitor) {
		u.walkFrame(v.Addr().Interface().(*report.Frame), vis)
	}
	return nil
}

// walkGoroutine is walk over a goroutine.
func (u *run) walkGoroutine(g *report.Goroutine, vis visitor) {
	u.walkText("status", &g.Status, decideCode, vis)
	u.walkText("wait_reason", &g.WaitReason, decideCode, vis)
	if c := g.Creator; c != nil {
		u.loc.push("creator", noIndex)
		u.walkText("function", &c.Function, decideCode, vis)
		u.walkText("file", &c.File, decidePath, vis)
		u.loc.pop()
	}
	u.walkText("start", &g.Start, decideCode, vis)
	u.loc.push("labels", noIndex)
	for i := range g.Labels {
		u.walkLabel(&g.Labels[i], vis)
	}
	u.loc.pop()
	u.loc.push("frames", noIndex)
	at := len(u.loc.parts) - 1
	for i := range g.Frames {
		u.loc.parts[at].index = i
		u.walkFrame(&g.Frames[i], vis)
	}
	u.loc.pop()
	u.walkText("stack_end", &g.StackEnd, decideText, vis)
}

func (u *run) walkText(field string, s *string, d decision, vis visitor) {
	if *s != "" {
		u.loc.push(field, noIndex)
		vis.text(s, d)
		u.loc.pop()
	}
}

func (u *run) walkLabel(l *report.Label, vis visitor) {
	name := l.Key
	u.loc.push(name, noIndex)
	u.walkText("key", &l.Key, decideName, vis)
	if l.Value != "" {
		u.loc.push("value", noIndex)
		vis.named(&l.Value, name)
		u.loc.pop()
	}
	u.loc.pop()
}

func (u *run) walkFrame(f *report.Frame, vis visitor) {
	if !u.same.has(f.Constant()) {
		u.once(f, func() {
			u.walkText("function", &f.Function, decideCode, vis)
			u.walkText("package", &f.Package, decideCode, vis)
			u.walkText("file", &f.File, decidePath, vis)
			u.walkText("within", &f.Within, decideCode, vis)
		})
	}
	u.walkVars(f.Vars, vis)
	u.loc.push("defers", noIndex)
	at := len(u.loc.parts) - 1
	for i := range f.Defers {
		u.loc.parts[at].index = i
		d := &f.Defers[i]
		u.walkText("function", &d.Function, decideCode, vis)
		u.walkText("wrapper", &d.Wrapper, decideCode, vis)
		u.walkText("file", &d.File, decidePath, vis)
		u.walkText("kind", (*string)(&d.Kind), decideSafe, vis)
		u.walkVars(d.Vars, vis)
	}
	u.loc.pop()
	if f.Source != nil && len(f.Source.Lines) > 0 {
		u.loc.push("source", noIndex)
		u.loc.push("lines", noIndex)
		f.Source.Lines = vis.list(f.Source.Lines, decideText, "lines")
		u.loc.pop()
		u.loc.pop()
	}
}

func (u *run) walkVars(vars []report.Variable, vis visitor) {
	u.loc.push("vars", noIndex)
	for i := range vars {
		if v := &vars[i]; !u.same.has(v.Constant()) {
			u.once(v, func() { u.walkVar(v, vis) })
		}
	}
	u.loc.pop()
}

func (u *run) walkVar(v *report.Variable, vis visitor) {
	name := v.Name
	u.loc.push(name, noIndex)
	u.walkText("name", &v.Name, decideName, vis)
	u.walkText("role", (*string)(&v.Role), decideCode, vis)
	u.loc.push("value", noIndex)
	vis.root(&v.Value, name)
	u.loc.pop()
	u.loc.pop()
}
