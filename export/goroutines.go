package export

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

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
	// Runtime shows the runtime's frames too, which lie above where a goroutine waits
	// and below its first function. Full implies it.
	Runtime bool
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
	s.runtime = o.Runtime || o.Full
	s.goroutineTable(true)
	if o.All || o.Locals {
		if err := s.layStacks(p); err != nil {
			return err
		}
		if err := s.flush(p); err != nil {
			return err
		}
		return p.goroutines(chosen, r.Goroutines, func() pen {
			own := &screen{r: s.r, o: s.o, ink: s.ink, wide: s.wide, names: s.names, stacks: s.stacks, runtime: s.runtime, site: o.Locals}
			return pen{&own.b, func(g *report.Goroutine) { own.goroutine(g, o.Locals) }}
		})
	}
	for _, g := range sortedGroups(part.Groups) {
		s.group(g)
	}
	part.Omitted = slices.DeleteFunc(slices.Clone(r.Omitted), func(o report.Omission) bool { return strings.HasPrefix(o.Why, "--tier") })
	if len(part.Omitted) > 0 {
		s.line()
		s.omitted()
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
	head := fmt.Sprintf("%d × [%s]", g.Count, name(stateText(g.Status, g.WaitReason)))
	if crashed := s.crashedGroup(); crashed != 0 && crashed == g.ID {
		head = s.red(head + " " + s.fate())
	} else {
		head = s.bold(head)
	}
	s.line(head, s.grey("  "+groupMembers(g)))
	s.groupWaits(g.ID)
	s.b.WriteString(s.groupStack(g))
	s.createdBy(g.Creator)
}

// own is the part of a stack that is the program's, between the runtime's frames in
// which a goroutine waits or dies and those that called its first function; all of it
// where none is, or they are wanted.
func own[F any](s *screen, frames []F, function func(*F) string) []F {
	if s.runtime {
		return frames
	}
	from, to := 0, len(frames)
	for from < to && plumbing(function(&frames[from])) {
		from++
	}
	for to > from && plumbing(function(&frames[to-1])) {
		to--
	}
	if from == to {
		return frames
	}
	return frames[from:to]
}

// plumbing reports whether a function is the runtime's, or what other packages of the
// standard library have it under.
func plumbing(fn string) bool {
	pkg := packageOf(fn)
	return pkg == "runtime" || pkg == "internal/sync" || strings.HasPrefix(pkg, "internal/runtime/") || strings.HasPrefix(fn, pkg+".runtime_")
}

// groupStack is the stack of a group as text.
func (s *screen) groupStack(g *report.Group) string {
	lines := screen{o: s.o, ink: s.ink, wide: s.wide, names: s.names}
	frames := own(s, g.Frames, func(f *report.FrameRef) string { return f.Function })
	for i := range frames {
		f := &frames[i]
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
	frames := own(s, g.Frames, func(f *report.Frame) string { return f.Function })
	for i := range frames {
		f := &frames[i]
		s.b.WriteString("    ")
		s.frameLine(f, f.CrashSite)
		if locals {
			s.vars(f.Vars, len(f.Vars))
		}
		s.defers(f)
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
		s.line("    ", s.grey("created by "+s.creator(c)+" in goroutine "+strconv.FormatUint(c.Goroutine, 10)))
	}
}
