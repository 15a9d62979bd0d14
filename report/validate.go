package report

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// MaxValueDepth is how many values may be nested in a report: deeper trees
// can't be written, because JSON readers end there (Python's near 1000 levels,
// of which a value takes three).
const MaxValueDepth = 256

// maxExceptionDepth bounds the chain of exceptions in the same way.
const maxExceptionDepth = 128

// maxComplaints is how many violations Validate tells before it stops.
const maxComplaints = 20

// Validate checks that the report keeps the rules that its types state:
// versions, known enumerations, indexes, and that no value has contents in a
// state that says there are none. Errors name places, never values. A nil
// error does not mean that the contents are true.
func (r *Report) Validate() error {
	v := &validator{}
	if r.Schema != Schema {
		v.add("schema", "is not %d", Schema)
	}
	if r.Tier < 0 || r.Tier > 4 {
		v.add("tier", "is not between 0 and 4")
	}
	for _, t := range []time.Time{r.CrashTime, r.Seen.First, r.Seen.Last} {
		if y := t.Year(); y < 0 || y > 9999 {
			v.add("crash_time or seen", "has a year that can't be written")
		}
	}
	v.exception("crash.exception", &r.Crash.Exception, 0)
	for i := range r.Goroutines {
		v.goroutine(fmt.Sprintf("goroutines[%d]", i), &r.Goroutines[i])
	}
	for i := range r.Threads {
		v.frames(fmt.Sprintf("threads[%d]", i), r.Threads[i].Frames)
	}
	for i := range r.Globals {
		v.value(fmt.Sprintf("globals[%d].value", i), &r.Globals[i].Value, 0)
	}
	for i := range r.Groups {
		if r.Groups[i].Count < len(r.Groups[i].IDs) {
			v.add(fmt.Sprintf("groups[%d]", i), "counts fewer goroutines than it lists")
		}
	}
	v.waits(r.Waits)
	if r.Heap != nil {
		v.heap(r.Heap)
	}
	return errors.Join(v.errs...)
}

// validator collects violations.
type validator struct{ errs []error }

func (v *validator) add(where, format string, args ...any) {
	if len(v.errs) < maxComplaints {
		v.errs = append(v.errs, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
	}
}

func (v *validator) full() bool { return len(v.errs) >= maxComplaints }

func (v *validator) exception(where string, e *Exception, depth int) {
	if depth > maxExceptionDepth {
		v.add(where, "is nested too deeply")
		return
	}
	switch e.Relation {
	case "", RelationWrapped, RelationJoined, RelationEarlier:
	default:
		v.add(where, "has an unknown relation")
	}
	if e.Value != nil {
		v.value(where+".value", e.Value, 0)
	}
	for i := range e.Sub {
		v.exception(fmt.Sprintf("%s.sub[%d]", where, i), &e.Sub[i], depth+1)
	}
}

func (v *validator) goroutine(where string, g *Goroutine) {
	v.frames(where, g.Frames)
	if g.OmittedFrames < 0 || g.OmittedDefers < 0 {
		v.add(where, "omits a negative number of frames or deferred calls")
	}
}

func (v *validator) frames(where string, frames []Frame) {
	for i := range frames {
		f := &frames[i]
		if f.Line < 0 || f.Repeat < 0 {
			v.add(fmt.Sprintf("%s.frames[%d]", where, i), "has a negative line or repeat")
		}
		if f.Source != nil && f.Source.First < 0 {
			v.add(fmt.Sprintf("%s.frames[%d].source", where, i), "starts at a negative line")
		}
		at := fmt.Sprintf("%s.frames[%d]", where, i)
		v.vars(at, f.Vars)
		if f.OmittedDefers < 0 {
			v.add(at, "omits a negative number of deferred calls")
		}
		for j := range f.Defers {
			d := &f.Defers[j]
			if d.Line < 0 || d.Kind != DeferOpenCoded && d.Kind != DeferRecord {
				v.add(fmt.Sprintf("%s.defers[%d]", at, j), "has a negative line or an unknown kind")
			}
			v.vars(fmt.Sprintf("%s.defers[%d]", at, j), d.Vars)
		}
	}
}

func (v *validator) vars(where string, vars []Variable) {
	for i := range vars {
		if v.full() {
			return
		}
		v.value(fmt.Sprintf("%s.vars[%d].value", where, i), &vars[i].Value, 0)
	}
}

// value checks one value and those below it. Where is built up only on the
// way to a violation: trees are large and violations rare.
func (v *validator) value(where string, x *Value, depth int) {
	if trouble := x.trouble(); trouble != "" {
		v.add(where, "%s", trouble)
	}
	if len(x.Children) > 0 && depth >= MaxValueDepth {
		v.add(where, "is nested more than %d values deep", MaxValueDepth)
		return
	}
	for i := range x.Children {
		if v.full() {
			return
		}
		before := len(v.errs)
		c := &x.Children[i]
		if c.Key != nil {
			v.value("key", c.Key, depth+1)
		}
		v.value("value", &c.Value, depth+1)
		for j := before; j < len(v.errs); j++ {
			v.errs[j] = fmt.Errorf("%s.children[%d].%w", where, i, v.errs[j])
		}
	}
}

// trouble says which rule the value itself breaks, "" for none.
func (v *Value) trouble() string {
	if !slices.Contains(kinds(), v.Kind) {
		return "has an unknown kind"
	}
	switch v.State {
	case StateOK, StateTruncated, StateStale, StateUnreadable, StateAbsent, StateBudget:
	case StateOptimizedOut, StateCycle, StateRedacted:
		if v.Text != "" || len(v.Children) > 0 {
			return "has contents in the state " + string(v.State)
		}
	default:
		return "has an unknown state"
	}
	if v.Secret != 0 && (v.State != StateRedacted || v.Secret < 0) {
		return "has the number of a secret without having been removed, or a negative one"
	}
	if v.Len < 0 || v.Cap < 0 {
		return "has a negative length or capacity"
	}
	if !utf8.ValidString(v.Text) {
		return "has a text that is not valid UTF-8"
	}
	if _, ok := v.Contents(); !ok {
		return "has a quoted text that can't be unquoted"
	}
	for i := range v.Children {
		if (v.Kind == KindMap) != (v.Children[i].Key != nil) {
			return "has a key where it is no map, or none where it is"
		}
	}
	return ""
}

// kinds lists the kinds of values.
func kinds() []Kind {
	return []Kind{
		KindBool, KindInt, KindUint, KindFloat, KindComplex, KindString, KindBytes,
		KindArray, KindSlice, KindMap, KindStruct, KindPointer, KindInterface,
		KindFunc, KindChan, KindUnsafePointer, KindText, KindInvalid,
	}
}
