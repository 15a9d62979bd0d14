package export

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// sourceBefore and sourceAfter are the lines shown around the crash's.
const (
	sourceBefore = 3
	sourceAfter  = 1
)

// crashStack shows the crashing goroutine from the crash site outwards.
func (s *screen) crashStack() {
	i := crashedGoroutine(s.r)
	if i < 0 {
		s.crashThread()
		return
	}
	g := &s.r.Goroutines[i]
	first := crashSite(g.Frames)
	s.line()
	if len(g.Frames) == 0 {
		s.line(s.grey("its stack is not known" + because(g.StackEnd)))
		return
	}
	if s.o.Full {
		for j := range g.Frames[:first] {
			s.frameLine(&g.Frames[j], false)
		}
	}
	s.frameLine(&g.Frames[first], true)
	s.source(g.Frames[first].Source, g.Frames[first].Line)
	if g.Frames[first].Source != nil && len(g.Frames[first].Vars) > 0 {
		s.line()
	}
	s.site = true
	s.vars(g.Frames[first].Vars, crashVars)
	s.site = false
	s.defers(&g.Frames[first])
	s.above = map[string]bool{}
	for j := range g.Frames[first].Vars {
		s.remember(&g.Frames[first].Vars[j])
	}
	if first+1 < len(g.Frames) {
		s.line()
	}
	s.callers(g.Frames[first+1:])
	if g.StackEnd != "" {
		s.line("  ", s.grey("the stack ends here: "+name(g.StackEnd)))
	}
	if g.OmittedFrames > 0 {
		s.line("  ", s.grey(fmt.Sprintf("… +%d frames left out", g.OmittedFrames)))
	}
	if g.Creator != nil {
		s.line("  ", s.grey("created by "+s.creator(g.Creator)+" in goroutine "+fmt.Sprint(g.Creator.Goroutine)))
	}
}

// because adds a reason where there is one.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + name(reason)
}

// crashThread shows the stack of a thread that crashed outside of goroutines.
// In a deadlock, and where a signal from outside found no goroutine running,
// every goroutine is as interesting as the other: it shows where they are.
func (s *screen) crashThread() {
	frames := crashFrames(s.r, -1)
	if len(frames) == 0 {
		switch s.r.Crash.Kind {
		case report.KindDeadlock, report.KindSignal: // what did they wait for; what did it do when it was asked
			s.waiting()
		}
		return
	}
	s.line()
	s.line(s.grey(fmt.Sprintf("thread %d", s.r.Crash.Thread)))
	first := crashSite(frames)
	s.frameLine(&frames[first], true)
	s.callers(frames[first+1:])
}

// waiting shows one goroutine of each of the program's own groups.
func (s *screen) waiting() {
	seen := map[int]bool{}
	for _, i := range interest(s.r, -1) {
		g := &s.r.Goroutines[i]
		if g.System || seen[g.Group] || len(g.Frames) == 0 {
			continue
		}
		if len(seen) >= waitingGroups && !s.o.Full {
			s.line()
			s.line(s.grey("… and others"))
			return
		}
		seen[g.Group] = true
		s.line()
		s.line(s.bold(fmt.Sprintf("goroutine %d [%s]", g.ID, name(stateText(g.Status, g.WaitReason)))))
		s.above = nil
		own := slices.IndexFunc(g.Frames, func(f report.Frame) bool { return !s.standard(f.Function) })
		s.callers(g.Frames[max(own, 0):])
	}
}

// callers shows the frames around the crash site: the program's own with
// their variables in short.
func (s *screen) callers(frames []report.Frame) {
	shown := 0
	for i := 0; i < len(frames); i++ {
		f := &frames[i]
		if f.Runtime && !s.o.Full {
			continue
		}
		if shown >= callerFrames && !s.o.Full {
			s.line("  ", s.grey(fmt.Sprintf("… +%d frames", len(frames)-i)))
			return
		}
		shown++
		again := 0
		for !s.o.Full && i+1 < len(frames) && sameCall(f, &frames[i+1]) {
			again += max(frames[i+1].Repeat, 1)
			i++
		}
		s.frameLine(f, false)
		if s.o.Full {
			s.source(f.Source, f.Line)
			s.vars(f.Vars, len(f.Vars))
			s.defers(f)
			continue
		}
		s.callerVars(f)
		s.defers(f)
		if again > 0 {
			s.line("  ", s.grey(fmt.Sprintf("… and %d more calls from the same line", again)))
		}
	}
}

// sameCall reports whether two frames are at the same place: recursion.
func sameCall(a, b *report.Frame) bool {
	return a.Function == b.Function && a.File == b.File && a.Line == b.Line
}

// callerVars shows what a caller's variables add to those of inner frames:
// what is handed down is shown once.
func (s *screen) callerVars(f *report.Frame) {
	if s.standard(f.Function) {
		return
	}
	var fresh []report.Variable
	var above []string
	for _, v := range known(f.Vars) {
		if s.remember(&v) {
			above = append(above, name(v.Name))
			continue
		}
		fresh = append(fresh, v)
	}
	s.vars(fresh, callerVars)
	if len(above) > 0 {
		s.line("      ", s.grey(clip(strings.Join(above, ", "), s.wide-16)+" as above"))
	}
}

// remember reports whether the variable was shown before, and notes that it
// is now.
func (s *screen) remember(v *report.Variable) bool {
	text, _ := oneLine(&v.Value, 4*s.wide, false)
	key := v.Name + "\x00" + v.Value.Type + "\x00" + text + "\x00" + v.Value.Target.String()
	if s.above[key] {
		return true
	}
	if s.above == nil {
		s.above = map[string]bool{}
	}
	s.above[key] = true
	return false
}

// known leaves out variables that have no value at this point: for a caller
// they are noise.
func known(vars []report.Variable) []report.Variable {
	var out []report.Variable
	for i := range vars {
		if st := vars[i].Value.State; st != report.StateOptimizedOut {
			out = append(out, vars[i])
		}
	}
	return out
}

// frameLine shows function and position.
func (s *screen) frameLine(f *report.Frame, crash bool) {
	fn := name(f.Function)
	switch {
	case fn == "" && f.PC == 0:
		fn = "code without a name" // of a group: its goroutines may stand at several places there
	case fn == "":
		fn = "function at " + f.PC.String()
	}
	if crash {
		fn = s.bold(fn)
	}
	note := ""
	if f.Inlined {
		note = s.grey(" (inlined)")
	}
	if f.Repeat > 1 {
		note += s.grey(fmt.Sprintf(" (%d times in a row)", f.Repeat))
	}
	s.line(fn, note, "  ", s.grey(s.place(f.File, f.Line)))
}

// place is file and line, the file's name shortened unless all is wanted.
func (s *screen) place(file string, line int) string { return place(s.names.short(file), line) }

// creator is the function and place of a go statement.
func (s *screen) creator(c *report.Creator) string {
	return name(c.Function) + " " + s.place(c.File, c.Line)
}

// place is file and line.
func place(file string, line int) string {
	if file == "" {
		return "?"
	}
	if line <= 0 {
		return name(file)
	}
	return name(file) + ":" + strconv.Itoa(line)
}

// source shows the lines around the one in question.
func (s *screen) source(src *report.Source, line int) {
	if src == nil {
		return
	}
	for i, l := range src.Lines {
		n := src.First + i
		text := clip(plain(strings.ReplaceAll(strings.TrimRight(l, " \t\r\n"), "\t", "    ")), s.wide-10)
		switch {
		case src.First <= 0: // numbers are not known
			s.line("         | ", s.grey(text))
		case n == line:
			s.line(s.bold(fmt.Sprintf("  > %4d | %s", n, text)))
		case n >= line-sourceBefore && n <= line+sourceAfter:
			s.line(s.grey(fmt.Sprintf("    %4d | ", n)), text)
		}
	}
}
