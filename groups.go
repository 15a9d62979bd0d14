package sdcore

import (
	"cmp"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// maxGroupIDs is how many members of a group are listed by ID.
const maxGroupIDs = 64

// group puts goroutines with equal stacks and states together and returns the
// groups, largest first; each shape learns its group.
func group(all []stacked) []report.Group {
	for i := range all {
		all[i].shape.group = 0 // of an earlier selection
	}
	var groups []report.Group
	for i := range all {
		st := &all[i]
		if st.shape.group == 0 {
			st.shape.group = len(groups) + 1
			groups = append(groups, newGroup(st.shape.group, st))
		}
		g := &groups[st.shape.group-1]
		g.Count++
		if len(g.IDs) < maxGroupIDs {
			g.IDs = append(g.IDs, st.g.ID)
		}
		if by := st.g.Creator; g.Creator != nil && (by == nil || g.Creator.File != by.File || g.Creator.Line != by.Line) {
			g.Creator = nil
		}
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

func newGroup(id int, st *stacked) report.Group {
	g := report.Group{ID: id, Status: st.g.Status, WaitReason: st.g.WaitReason, System: st.g.System, Creator: creator(st.g)}
	for i := range st.shape.stack.Frames {
		fr := &st.shape.stack.Frames[i]
		g.Frames = append(g.Frames, report.FrameRef{
			Function: fr.Function, File: fr.File, Line: fr.Line, FuncLine: fr.FuncLine, Within: fr.Within, Inlined: fr.Inlined, Repeat: fr.Repeat,
		})
	}
	return g
}

func creator(g *corefile.Goroutine) *report.Creator {
	if g.Creator == nil {
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
		if !seen[all[i].shape.group] {
			seen[all[i].shape.group] = true
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
			return cmp.Compare(size[a.shape.group], size[b.shape.group])
		}
		return cmp.Compare(ra, rb)
	})
}
