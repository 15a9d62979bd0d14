package crashtext

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/safedump/sdcore/report"
)

// stage is the name of this package in problems.
const stage = "crashtext"

// Options say what a report is to record beside the text.
type Options struct {
	// Name is where the text is from: a path.
	Name string
	// Modified is when the text was last written to; zero when unknown.
	Modified time.Time
	// Version is that of the program that makes the report.
	Version string
	// Tier and Limits are recorded in the report; redact makes them true.
	Tier   int
	Limits report.Limits
}

// Report makes a report of the text: why the program died, every goroutine
// that Go printed, with functions, files and lines. Values are in no traceback;
// a problem says so.
func (t *Text) Report(o Options) *report.Report {
	r := &report.Report{
		Schema:    report.Schema,
		Generator: report.Generator{Name: "sdcore", Version: o.Version, Backend: report.BackendText},
		Tier:      o.Tier, Limits: o.Limits,
		CrashTime: o.Modified.UTC(), CrashTimeSource: "modification time of the crash text",
		Crash:    t.crash(),
		Identity: report.Identity{Match: report.MatchNoBinary, Evidence: []string{"read from a crash text: " + o.Name}},
	}
	b := builder{text: t, r: r, group: map[groupKey]int{}}
	b.goroutines()
	b.thread()
	b.sort()
	b.problems(path.Base(o.Name))
	r.Complete = !slices.ContainsFunc(r.Problems, func(p report.Problem) bool { return p.Missing })
	return r
}

// builder fills a report.
type builder struct {
	text  *Text
	r     *report.Report
	group map[groupKey]int // index of a group
	// unavailable counts goroutines of which Go printed no stack.
	unavailable int
}

// groupKey is what goroutines of a group have in common.
type groupKey struct {
	stack  int
	status string
	system bool
	elided int
	why    string
}

// maxGroupIDs is how many members of a group are listed by ID.
const maxGroupIDs = 64

func (b *builder) goroutines() {
	for i := range b.text.Goroutines {
		g := &b.text.Goroutines[i]
		if g.ID == 0 {
			continue
		}
		crashed := g.ID == b.r.Crash.Goroutine
		out := report.Goroutine{ID: g.ID, Crashed: crashed, Start: start(g), System: isSystem(g), Frames: []report.Frame{}, OmittedFrames: max(g.Elided, 0)}
		out.Status, out.WaitReason = state(g.Status)
		for _, l := range g.Labels {
			out.Labels = append(out.Labels, report.Label{Key: l.Key, Value: l.Value})
		}
		if g.CreatedBy != "" {
			out.Creator = &report.Creator{Goroutine: g.Creator, Function: g.CreatedBy, File: g.CreatedFile, Line: g.CreatedLine}
		}
		switch {
		case g.Unavailable != "":
			out.StackEnd = g.Unavailable
			b.unavailable++
		case g.Elided < 0:
			out.StackEnd = "further frames were not printed"
		}
		if crashed {
			out.Frames = frames(g.Frames, b.again())
		}
		out.Group = b.join(g, &out)
		b.r.Goroutines = append(b.r.Goroutines, out)
	}
}

// again is how many of the innermost panics had a value that was recovered
// before: Go says that it was, but not how often.
func (b *builder) again() int {
	c := &b.r.Crash
	if c.Kind == report.KindPanic && len(c.Exception.Sub) > 0 && c.Exception.Sub[0].Repanicked {
		return 1
	}
	return 0
}

// join puts a goroutine into its group and returns the group's ID.
func (b *builder) join(g *Goroutine, out *report.Goroutine) int {
	key := groupKey{g.stack, g.Status, out.System, g.Elided, g.Unavailable}
	at, ok := b.group[key]
	if !ok {
		at = len(b.r.Groups)
		b.group[key] = at
		group := report.Group{ID: at + 1, Status: out.Status, WaitReason: out.WaitReason, System: out.System, Creator: out.Creator}
		for i := range g.Frames {
			f := &g.Frames[i]
			group.Frames = append(group.Frames, report.FrameRef{Function: function(f), File: f.File, Line: f.Line, Inlined: f.Inlined})
		}
		b.r.Groups = append(b.r.Groups, group)
	}
	group := &b.r.Groups[at]
	group.Count++
	if len(group.IDs) < maxGroupIDs {
		group.IDs = append(group.IDs, g.ID)
	}
	if by := out.Creator; group.Creator != nil && (by == nil || group.Creator.File != by.File || group.Creator.Line != by.Line) {
		group.Creator = nil
	}
	return group.ID
}

// thread is the stack of a thread that died outside of a goroutine.
func (b *builder) thread() {
	if b.r.Crash.Goroutine != 0 || b.r.Crash.Kind == report.KindDeadlock {
		return
	}
	stack := b.text.System
	if len(stack) == 0 && len(b.text.Goroutines) > 0 && b.text.Goroutines[0].ID == 0 {
		stack = b.text.Goroutines[0].Frames
	}
	if len(stack) > 0 {
		b.r.Threads = append(b.r.Threads, report.Thread{Crashed: true, Frames: frames(stack, 0)})
	}
}

// sort puts groups and goroutines in the order of a report: large groups and
// the goroutine that crashed first, then one goroutine of each group, those of
// rare ones first; the runtime's own last.
func (b *builder) sort() {
	size := make([]int, len(b.r.Groups)+1)
	for i := range b.r.Groups {
		size[b.r.Groups[i].ID] = b.r.Groups[i].Count
	}
	seen := make([]bool, len(size))
	rank := make(map[uint64]int, len(b.r.Goroutines))
	for i := range b.r.Goroutines {
		g := &b.r.Goroutines[i]
		switch {
		case g.Crashed:
			rank[g.ID] = 0
		case g.System:
			rank[g.ID] = 1<<32 + 1
		case !seen[g.Group]:
			rank[g.ID] = size[g.Group]
		default:
			rank[g.ID] = 1 << 32
		}
		seen[g.Group] = true
	}
	slices.SortStableFunc(b.r.Goroutines, func(x, y report.Goroutine) int { return cmp.Compare(rank[x.ID], rank[y.ID]) })
	slices.SortStableFunc(b.r.Groups, func(x, y report.Group) int {
		if x.System != y.System {
			if x.System {
				return 1
			}
			return -1
		}
		return cmp.Compare(y.Count, x.Count)
	})
}

// problems tells what the text can't tell.
func (b *builder) problems(subject string) {
	t := b.text
	say := func(missing bool, format string, args ...any) {
		b.r.Problems = append(b.r.Problems, report.Problem{Stage: stage, Subject: subject, Message: fmt.Sprintf(format, args...), Missing: missing})
	}
	say(false, "a traceback has no values: there is no variable in this report, and the words in its parentheses are raw memory, which is not shown")
	if t.Cut {
		say(true, "the text ends in the middle of a stack")
	}
	if t.Dropped != "" {
		say(true, "left out: %s", t.Dropped)
	}
	if b.unavailable > 0 {
		say(true, "no stack of %d goroutines, which ran on other threads: Go prints it at traceback level crash only", b.unavailable)
	}
	switch len(b.r.Goroutines) {
	case 0:
		say(true, "Go printed no goroutine: the traceback level was none, or the text was cut")
	case 1:
		say(false, "Go printed one goroutine: at traceback level single it prints no other")
	}
	if b.r.Crash.Kind == report.KindUnknown {
		say(true, "no line says of what the program died")
	}
	if t.Strange > 0 {
		say(false, "%d lines within the stacks are not Go's and were skipped", t.Strange)
	}
	if t.Earlier > 0 {
		say(false, "the text holds %d earlier crashes: this is the last one", t.Earlier)
	}
}

// state splits what Go prints in brackets: a wait reason stands for "waiting".
func state(s string) (status, wait string) {
	s = strings.TrimSuffix(strings.TrimSuffix(s, " (scan)"), " (leaked)")
	switch s {
	case "idle", "runnable", "running", "syscall", "waiting", "dead", "copystack", "leaked", "preempted", "???":
		return s, ""
	}
	return "waiting", s
}

// frames makes the frames of a report. again is how many panics to leave out in
// looking for the crash site.
func frames(in []Frame, again int) []report.Frame {
	out := make([]report.Frame, 0, len(in))
	for i := range in {
		f := &in[i]
		name := function(f)
		pkg := report.PackageOf(name)
		out = append(out, report.Frame{
			Index: i, Function: name, Package: pkg, File: f.File, Line: f.Line, PC: report.Addr(f.PC),
			Inlined: f.Inlined, Runtime: !f.C && report.IsRuntime(pkg), Vars: []report.Variable{},
		})
	}
	if at := site(out, again); at >= 0 {
		out[at].CrashSite = true
	}
	return out
}

// site is the frame that people want to see first: the first one below the
// innermost panic that is not the runtime's, or below the one whose value was
// panicked with again.
func site(frames []report.Frame, again int) int {
	from := 0
	for i := range frames {
		if frames[i].Function == gopanic {
			if from = i + 1; again == 0 {
				break
			}
			again--
		}
	}
	for i := from; i < len(frames); i++ {
		if f := &frames[i]; !f.Runtime && !strings.HasSuffix(path.Dir(f.File), "/src/runtime") && path.Dir(f.File) != "runtime" {
			return i
		}
	}
	return -1
}

// gopanic is what Go prints as "panic".
const gopanic = "runtime.gopanic"

func function(f *Frame) string {
	if f.Func == "panic" && path.Base(f.File) == "panic.go" {
		return gopanic
	}
	return f.Func
}

// start is the function that a goroutine began with, where its stack reaches
// so far.
func start(g *Goroutine) string {
	n := len(g.Frames)
	if n > 0 && g.Frames[n-1].Func == "runtime.goexit" {
		n--
	}
	if n == 0 || g.Elided < 0 || g.Elided > 0 && g.ElidedAt >= n {
		return ""
	}
	return g.Frames[n-1].Func
}

// isSystem decides like runtime.isSystemGoroutine of Go 1.26 (traceback.go), by
// the start function; one that runs code of the program is not the runtime's.
func isSystem(g *Goroutine) bool {
	switch s := start(g); s {
	case "runtime.main", "runtime.corostart", "runtime.handleAsyncEvent":
		return false
	default:
		return strings.HasPrefix(s, "runtime.") && !slices.ContainsFunc(g.Frames, func(f Frame) bool {
			return !f.C && !report.IsRuntime(report.PackageOf(f.Func))
		})
	}
}
