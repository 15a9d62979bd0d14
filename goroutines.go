package sdcore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/waits"
)

// Filter selects goroutines. The zero value selects those that are not the
// runtime's own. Conditions that are set must all hold.
type Filter struct {
	// System includes the runtime's own goroutines.
	System bool
	// IDs selects by goroutine ID.
	IDs []uint64
	// State selects by status ("waiting", "running") or wait reason.
	State string
	// Wait selects by a part of the wait reason ("chan receive", "mutex"). Where no
	// goroutine has such a reason it selects by the name of what is waited for, as
	// Session.Waits has it ("main.srv.mu"), or its address.
	Wait string
	// Func selects by a part of the name of any function on the stack.
	Func string
	// Waits adds what the goroutines wait for, and who may hold it.
	Waits bool
	// Locals decodes arguments and locals of the selected goroutines.
	Locals bool
	// Frames gives each selected goroutine frames of its own.
	Frames bool
	// List lists each selected goroutine; its stack is that of its group, which
	// costs next to nothing for a hundred thousand of them.
	List bool
}

// Goroutines reports the selected goroutines and their groups.
func (s *Session) Goroutines(ctx context.Context, f Filter) (*report.Report, error) {
	v, err := s.selection(ctx, &f)
	if err != nil {
		return nil, err
	}
	if f.List || f.Frames || f.Locals {
		s.fill(ctx, v, f.detail())
		s.complete(ctx, v)
	}
	return v.rep, ctx.Err()
}

// selection looks at the goroutines that f selects. When each has frames of its
// own, the one that crashed is the first.
func (s *Session) selection(ctx context.Context, f *Filter) (*view, error) {
	e, err := s.open()
	if err != nil {
		return nil, err
	}
	v := &view{engine: e, rep: s.base()}
	all, err := s.stacks(ctx, e, v.rep)
	if err != nil {
		return nil, err
	}
	v.site = s.explain(ctx, e, v.rep, all)
	whole := all
	if f.Wait != "" || f.Waits {
		whole = slices.Clone(all) // selecting overwrites it
	}
	var named map[uint64]bool
	if f.Wait != "" && !slices.ContainsFunc(all, func(st stacked) bool { return f.reason(st.g) }) {
		named = s.waitFor(ctx, v, all, f.Wait)
	}
	found := len(all)
	v.all = slices.DeleteFunc(all, func(st stacked) bool { return !f.selects(&st, v.rep.Crash.Goroutine, named) })
	if n := found - len(v.all); n > 0 && f.everyone() {
		v.rep.Omitted = append(v.rep.Omitted, report.Omission{What: "goroutines of the runtime", Count: int64(n), Why: "--system"})
	}
	if n := len(f.IDs); n > 0 && len(v.all) < n {
		return nil, fmt.Errorf("no goroutine %v in this core", missingIDs(f.IDs, v.all))
	}
	v.rep.Groups = group(v.all)
	if f.Wait != "" || f.Waits {
		s.waits(ctx, v, whole, waits.Options{Brief: !f.Waits}, false)
	}
	if f.Frames || f.Locals {
		crashedFirst(v.all, v.rep.Crash.Goroutine)
	}
	return v, ctx.Err()
}

// crashedFirst moves the goroutine that crashed to the front.
func crashedFirst(all []stacked, crashed uint64) {
	i := slices.IndexFunc(all, func(st stacked) bool { return crashed != 0 && st.g.ID == crashed })
	if i > 0 {
		st := all[i]
		copy(all[1:], all[:i])
		all[0] = st
	}
}

func (f *Filter) detail() detail {
	switch {
	case f.Locals:
		return decoded
	case f.Frames:
		return framed
	}
	return listed
}

func missingIDs(ids []uint64, kept []stacked) []uint64 {
	var missing []uint64
	for _, id := range ids {
		if !slices.ContainsFunc(kept, func(st stacked) bool { return st.g.ID == id }) {
			missing = append(missing, id)
		}
	}
	return missing
}

// everyone reports whether f selects all goroutines of the program.
func (f *Filter) everyone() bool {
	return len(f.IDs) == 0 && f.State == "" && f.Wait == "" && f.Func == ""
}

// reason reports whether a goroutine waits for the reason that f.Wait is a part of.
func (f *Filter) reason(g *corefile.Goroutine) bool {
	return strings.Contains(strings.ToLower(g.WaitReason), strings.ToLower(f.Wait))
}

// selects reports whether f wants the goroutine. The one that crashed is
// wanted unless a condition is against it. named are those that wait for what f.Wait
// names, nil where that is a wait reason.
func (f *Filter) selects(st *stacked, crashed uint64, named map[uint64]bool) bool {
	g := st.g
	switch {
	case len(f.IDs) > 0:
		if !slices.Contains(f.IDs, g.ID) {
			return false
		}
	case g.System && !f.System && g.ID != crashed:
		return false
	}
	if f.State != "" && !strings.EqualFold(f.State, g.Status) && !strings.EqualFold(f.State, g.WaitReason) {
		return false
	}
	if f.Wait != "" && !f.reason(g) && !named[g.ID] {
		return false
	}
	if f.Func != "" && !st.shape.has(func(function string) bool { return strings.Contains(function, f.Func) }) {
		return false
	}
	return true
}
