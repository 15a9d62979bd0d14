package export

import (
	"fmt"
	"io"
	"strconv"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// GoroutineOptions are for the goroutines of a report.
type GoroutineOptions struct {
	TextOptions
	// All shows each goroutine with its stack instead of each group.
	All bool
	// Locals shows the variables of each frame; it implies All.
	Locals bool
	// Select chooses goroutines; nil means all of them.
	Select func(*report.Goroutine) bool
}

// GoroutinesText writes groups of equal stacks as a table, then the stack of
// each group, or with All of each goroutine.
func GoroutinesText(w io.Writer, res redact.Result, o GoroutineOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writeGoroutines(p, r, o) })
}

func writeGoroutines(p *paper, r *report.Report, o GoroutineOptions) error {
	chosen := selected(r, o.Select)
	part := report.Report{Identity: r.Identity, Goroutines: pick(r.Goroutines, chosen), Groups: groupsOf(r, chosen, o.Select), Waits: r.Waits}
	part.Crash.Goroutine, part.Crash.Kind = r.Crash.Goroutine, r.Crash.Kind
	s := newScreen(&part, o.TextOptions)
	s.o.Groups = -1
	s.goroutineTable(true)
	if o.All || o.Locals {
		if err := s.layStacks(p); err != nil {
			return err
		}
		if err := s.flush(p); err != nil {
			return err
		}
		return p.goroutines(chosen, r.Goroutines, func() pen {
			own := &screen{r: s.r, o: s.o, ink: s.ink, wide: s.wide, stacks: s.stacks}
			return pen{&own.b, func(g *report.Goroutine) { own.goroutine(g, o.Locals) }}
		})
	}
	for _, g := range sortedGroups(part.Groups) {
		s.group(g)
	}
	return s.flush(p)
}

// selected returns the indexes of the goroutines that the option chooses.
func selected(r *report.Report, choose func(*report.Goroutine) bool) []int {
	if choose == nil {
		return inOrder(len(r.Goroutines))
	}
	var out []int
	for i := range r.Goroutines {
		if choose(&r.Goroutines[i]) {
			out = append(out, i)
		}
	}
	return out
}

// pick returns the goroutines at the given indexes, which ascend.
func pick(all []report.Goroutine, order []int) []report.Goroutine {
	if len(order) == len(all) {
		return all
	}
	out := make([]report.Goroutine, 0, len(order))
	for _, i := range order {
		out = append(out, all[i])
	}
	return out
}

// groupsOf returns the groups of the chosen goroutines, counting only those.
func groupsOf(r *report.Report, chosen []int, choose func(*report.Goroutine) bool) []report.Group {
	if choose == nil {
		return r.Groups
	}
	ids := map[int][]uint64{}
	for _, i := range chosen {
		g := &r.Goroutines[i]
		ids[g.Group] = append(ids[g.Group], g.ID)
	}
	var out []report.Group
	for _, g := range r.Groups {
		if len(ids[g.ID]) > 0 {
			g.IDs, g.Count = ids[g.ID], len(ids[g.ID])
			out = append(out, g)
		}
	}
	return out
}

// groupMembers names the goroutines of a group.
func groupMembers(g *report.Group) string {
	if g.Count == 1 {
		return "goroutine " + idList(g)
	}
	return "goroutines " + idList(g)
}

// group shows the stack that a group has in common.
func (s *screen) group(g *report.Group) {
	s.line()
	s.line(s.bold(fmt.Sprintf("%d × [%s]", g.Count, name(stateText(g.Status, g.WaitReason)))), s.grey("  "+groupMembers(g)))
	s.b.WriteString(s.groupStack(g))
	s.groupWaits(g.ID)
	s.createdBy(g.Creator)
}

// groupStack is the stack of a group as text.
func (s *screen) groupStack(g *report.Group) string {
	lines := screen{o: s.o, ink: s.ink, wide: s.wide}
	for i := range g.Frames {
		f := &g.Frames[i]
		lines.b.WriteString("    ")
		lines.frameLine(&report.Frame{Function: f.Function, File: f.File, Line: f.Line, Inlined: f.Inlined, Repeat: f.Repeat}, false)
	}
	return lines.b.String()
}

// layStacks lays out the stacks of groups, once for all of their goroutines.
func (s *screen) layStacks(p *paper) error {
	s.stacks = map[int]string{}
	for i := range s.r.Groups {
		text := s.groupStack(&s.r.Groups[i])
		if err := p.check([]byte(text)); err != nil {
			return err
		}
		s.stacks[s.r.Groups[i].ID] = text
	}
	return nil
}

// goroutine shows one goroutine with its own stack.
func (s *screen) goroutine(g *report.Goroutine, locals bool) {
	s.line()
	head := "goroutine " + strconv.FormatUint(g.ID, 10) + " [" + name(stateText(g.Status, g.WaitReason)) + "]"
	if g.Crashed {
		head = s.red(head + " " + s.fate())
	} else {
		head = s.bold(head)
	}
	note := ""
	if g.System {
		note += "  system"
	}
	if g.Thread != 0 {
		note += fmt.Sprintf("  on thread %d", g.Thread)
	}
	for _, l := range g.Labels {
		note += "  " + name(l.Key) + "=" + name(l.Value)
	}
	s.line(head, s.grey(note))
	if len(g.Frames) == 0 {
		text := s.stacks[g.Group] // of one that has no frames of its own
		ok := text != ""
		if !ok {
			text = "    " + s.grey("its stack is not in the report") + "\n"
		}
		s.b.WriteString(text)
		if ok && locals {
			s.line("    ", s.grey("values left out"))
		}
	}
	for i := range g.Frames {
		s.b.WriteString("    ")
		s.frameLine(&g.Frames[i], g.Frames[i].CrashSite)
		if locals {
			s.vars(g.Frames[i].Vars, len(g.Frames[i].Vars))
		}
		s.defers(&g.Frames[i])
	}
	if g.OmittedFrames > 0 {
		s.line("    ", s.grey(fmt.Sprintf("… +%d frames left out", g.OmittedFrames)))
	}
	if g.StackEnd != "" {
		s.line("    ", s.grey("the stack ends here: "+name(g.StackEnd)))
	}
	s.createdBy(g.Creator)
}

func (s *screen) createdBy(c *report.Creator) {
	if c != nil {
		s.line("    ", s.grey("created by "+creatorText(c)+" in goroutine "+strconv.FormatUint(c.Goroutine, 10)))
	}
}
