package waits

import (
	"reflect"

	"github.com/safedump/sdcore/report"
)

const (
	maxContextLooks = 2000 // goroutines whose contexts are looked at
	maxContextDepth = 32   // contexts in each other
)

// contexts finds goroutines that wait although a context in the frame that waits is
// cancelled already. None of them can be waiting for that context: its channel is
// closed. The wait may be a short one; that is why it is a candidate.
func (a *analysis) contexts() {
	places, members := a.byPlace()
	looks := 0
	for _, p := range places {
		switch p.kind {
		case report.WaitTimer, report.WaitSyscall, report.WaitRuntime, report.WaitNothing:
			continue
		}
		var found []int
		for _, i := range members[p] {
			if looks++; looks > maxContextLooks || a.ctx.Err() != nil {
				break
			}
			if a.cancelled(i) {
				found = append(found, i)
			}
		}
		if len(found) > 0 {
			a.find(a.at(report.FindCancelled, report.WaitCandidate, p, found), found)
		}
	}
}

// cancelled reports whether the frame in which a goroutine waits has a variable
// with a cancelled context.
func (a *analysis) cancelled(i int) bool {
	at := a.operation(i).at
	st, err := a.in.Stack(a.ctx, i)
	if err != nil || at < 0 || at >= len(st.Frames) {
		return false
	}
	for _, v := range a.variables(&st.Frames[at]) {
		if v.typ.Name == "context.Context" && v.typ.Kind == reflect.Interface && v.addr != 0 && !v.stale && a.cancelledContext(v.addr) {
			return true
		}
	}
	return false
}

// cancelledContext looks at the context.Context at an address: through those that
// only add a value to the one that can be cancelled (context/context.go, go1.21 to
// go1.27). Of contexts that others wrote nothing is known.
func (a *analysis) cancelledContext(at uint64) bool {
	for range maxContextDepth {
		tab, err1 := a.in.Memory.Uint64(at)
		data, err2 := a.in.Memory.Uint64(at + 8)
		if err1 != nil || err2 != nil || tab == 0 || data == 0 {
			return false
		}
		desc, err := a.in.Memory.Uint64(tab + 8)
		if err != nil {
			return false
		}
		t, err := a.in.Types.ByDescriptor(desc)
		if err != nil || t == nil || t.Kind != reflect.Pointer || t.Elem == nil {
			return false
		}
		field := "err"
		switch t.Name {
		case "*context.valueCtx":
			field = "Context"
		case "*context.cancelCtx", "*context.timerCtx":
		default:
			return false
		}
		f, ok := t.Elem.Field(field)
		if !ok || f.Offset < 0 || f.Type == nil || f.Type.Size < 8 {
			return false
		}
		if at = data + uint64(f.Offset); field == "err" { // an error, or an atomic.Value with one
			w, err := a.in.Memory.Uint64(at)
			return err == nil && w != 0
		}
	}
	return false
}
