package sdcore

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// maxGroupIDs is how many members of a group are listed by ID.
const maxGroupIDs = 64

// Filter selects goroutines. The zero value selects those that are not the
// runtime's own. Conditions that are set must all hold.
type Filter struct {
	// System includes the runtime's own goroutines.
	System bool
	// IDs selects by goroutine ID.
	IDs []uint64
	// State selects by status ("waiting", "running") or wait reason.
	State string
	// Wait selects by a part of the wait reason ("chan receive", "mutex").
	Wait string
	// Func selects by a part of the name of any function on the stack.
	Func string
	// Locals decodes arguments and locals of the selected goroutines.
	Locals bool
	// Frames keeps the frames of each selected goroutine beside its group.
	Frames bool
}

// stacked is a goroutine with its unwound stack.
type stacked struct {
	g     corefile.Goroutine
	stack corefile.Stack
	group int // index into groups
}

// Goroutines reports the selected goroutines and their groups.
func (s *Session) Goroutines(ctx context.Context, f Filter) (*report.Report, error) {
	e, err := s.open()
	if err != nil {
		return nil, err
	}
	rep := s.base()
	all, err := s.stacks(ctx, e, rep)
	if err != nil {
		return nil, err
	}
	site := s.explain(ctx, e, rep, all)
	kept := slices.DeleteFunc(all, func(st stacked) bool { return !f.selects(&st, rep.Crash.Goroutine) })
	rep.Groups = group(kept)
	if f.Frames || f.Locals {
		s.fill(ctx, e, rep, kept, f.Locals)
		s.showSite(ctx, e, rep, site)
	}
	if n := len(f.IDs); n > 0 && len(kept) < n {
		missing := missingIDs(f.IDs, kept)
		return nil, fmt.Errorf("no goroutine %v in this core", missing)
	}
	return rep, ctx.Err()
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

// selects reports whether f wants the goroutine. The one that crashed is
// wanted unless a condition is against it.
func (f *Filter) selects(st *stacked, crashed uint64) bool {
	g := &st.g
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
	if f.Wait != "" && !strings.Contains(strings.ToLower(g.WaitReason), strings.ToLower(f.Wait)) {
		return false
	}
	if f.Func != "" && !slices.ContainsFunc(st.stack.Frames, func(fr corefile.Frame) bool {
		return strings.Contains(fr.Function, f.Func)
	}) {
		return false
	}
	return true
}

// stacks lists and unwinds every goroutine, and completes the threads.
func (s *Session) stacks(ctx context.Context, e *engine, rep *report.Report) ([]stacked, error) {
	gs, problems, err := e.backend.Goroutines(ctx)
	if err != nil {
		return nil, fmt.Errorf("goroutines of %s: %w", s.core.Path(), err)
	}
	addProblems(rep, problems)
	addProblems(rep, s.damage)
	all := make([]stacked, 0, len(gs))
	byThread := map[int]uint64{}
	for i := range gs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.progress("unwinding goroutines", i, len(gs))
		st := stacked{g: gs[i]}
		if gs[i].TID != 0 {
			byThread[gs[i].TID] = gs[i].ID
		}
		st.stack, err = e.backend.Unwind(ctx, &gs[i], s.options.Limits.MaxFrames)
		if err != nil {
			addProblems(rep, []report.Problem{{
				Stage: "unwind", Subject: fmt.Sprintf("goroutine %d", gs[i].ID),
				Addr: report.Addr(gs[i].Addr), Message: err.Error(), Missing: true,
			}})
		}
		all = append(all, st)
	}
	for i := range rep.Threads {
		th := &rep.Threads[i]
		th.Goroutine = byThread[th.TID]
		th.Function, _ = e.runtime.FuncName(uint64(th.PC))
	}
	return all, nil
}

// group puts goroutines with equal stacks and states together and returns the
// groups, largest first; each goroutine learns its group.
func group(all []stacked) []report.Group {
	index := map[string]int{}
	var groups []report.Group
	for i := range all {
		st := &all[i]
		key := groupKey(st)
		n, ok := index[key]
		if !ok {
			n = len(groups)
			index[key] = n
			groups = append(groups, newGroup(n+1, st))
		}
		g := &groups[n]
		g.Count++
		if len(g.IDs) < maxGroupIDs {
			g.IDs = append(g.IDs, st.g.ID)
		}
		if g.Creator != nil && (g.Creator.File != st.g.Creator.File || g.Creator.Line != st.g.Creator.Line) {
			g.Creator = nil
		}
		st.group = g.ID
	}
	slices.SortStableFunc(groups, func(a, b report.Group) int {
		return cmp.Or(boolRank(a.System)-boolRank(b.System), cmp.Compare(b.Count, a.Count), cmp.Compare(a.ID, b.ID))
	})
	return groups
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// groupKey identifies a stack by its PCs, which say more than function names
// and need no symbolizing.
func groupKey(st *stacked) string {
	b := make([]byte, 0, 8*len(st.stack.Frames)+32)
	b = append(b, st.g.Status...)
	b = append(b, 0)
	b = append(b, st.g.WaitReason...)
	b = append(b, 0)
	for i := range st.stack.Frames {
		if fr := &st.stack.Frames[i]; !fr.Inlined {
			b = binary.LittleEndian.AppendUint64(b, fr.PC)
		}
	}
	return string(b)
}

func newGroup(id int, st *stacked) report.Group {
	g := report.Group{ID: id, Status: st.g.Status, WaitReason: st.g.WaitReason, System: st.g.System, Creator: creator(&st.g)}
	for i := range st.stack.Frames {
		fr := &st.stack.Frames[i]
		g.Frames = append(g.Frames, report.FrameRef{Function: fr.Function, File: fr.File, Line: fr.Line, Inlined: fr.Inlined})
	}
	return g
}

func creator(g *corefile.Goroutine) *report.Creator {
	if g.Creator.Function == "" {
		return nil
	}
	return &report.Creator{Goroutine: g.ParentID, Function: g.Creator.Function, File: g.Creator.File, Line: g.Creator.Line}
}

// byInterest orders goroutines as a reader wants them: the one that crashed,
// then one of each group, rare groups first, then the rest by ID; the
// runtime's own last.
func byInterest(all []stacked, groups []report.Group, crashed uint64) {
	size := map[int]int{}
	for i := range groups {
		size[groups[i].ID] = groups[i].Count
	}
	seen := map[int]bool{}
	first := map[uint64]bool{}
	slices.SortFunc(all, func(a, b stacked) int { return cmp.Compare(a.g.ID, b.g.ID) })
	for i := range all {
		if !seen[all[i].group] {
			seen[all[i].group] = true
			first[all[i].g.ID] = true
		}
	}
	rank := func(st *stacked) int {
		switch {
		case crashed != 0 && st.g.ID == crashed:
			return 0
		case st.g.System:
			return 3
		case first[st.g.ID]:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b stacked) int {
		ra, rb := rank(&a), rank(&b)
		if ra == 1 && rb == 1 {
			return cmp.Compare(size[a.group], size[b.group])
		}
		return cmp.Compare(ra, rb)
	})
}
