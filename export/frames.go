package export

import (
	"fmt"
	"strings"
	"unicode/utf8"

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
	s.vars(g.Frames[first].Vars, crashVars)
	s.callers(g.Frames[first+1:])
	if g.StackEnd != "" {
		s.line("  ", s.grey("the stack ends here: "+name(g.StackEnd)))
	}
	if g.OmittedFrames > 0 {
		s.line("  ", s.grey(fmt.Sprintf("… +%d frames left out", g.OmittedFrames)))
	}
	if g.Creator != nil {
		s.line("  ", s.grey("created by "+creatorText(g.Creator)+" in goroutine "+fmt.Sprint(g.Creator.Goroutine)))
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
func (s *screen) crashThread() {
	for i := range s.r.Threads {
		t := &s.r.Threads[i]
		if !t.Crashed || len(t.Frames) == 0 {
			continue
		}
		s.line()
		s.line(s.grey(fmt.Sprintf("thread %d", t.TID)))
		s.frameLine(&t.Frames[0], true)
		s.callers(t.Frames[1:])
		return
	}
}

// callers shows the frames around the crash site: the program's own with
// their variables in short.
func (s *screen) callers(frames []report.Frame) {
	shown := 0
	if len(frames) > 0 {
		s.line()
	}
	for i := range frames {
		f := &frames[i]
		if f.Runtime && !s.o.Full {
			continue
		}
		if shown >= callerFrames && !s.o.Full {
			s.line("  ", s.grey(fmt.Sprintf("… +%d frames", len(frames)-i)))
			return
		}
		shown++
		s.frameLine(f, false)
		if s.o.Full {
			s.source(f.Source, f.Line)
			s.vars(f.Vars, len(f.Vars))
			continue
		}
		s.vars(known(f.Vars), callerVars)
	}
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
	if fn == "" {
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
	s.line(fn, note, "  ", s.grey(place(f.File, f.Line)))
}

// place is file and line.
func place(file string, line int) string {
	if file == "" {
		return "?"
	}
	if line <= 0 {
		return name(file)
	}
	return fmt.Sprintf("%s:%d", name(file), line)
}

func creatorText(c *report.Creator) string {
	return name(c.Function) + " " + place(c.File, c.Line)
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

// vars shows variables in columns: name, type, value.
func (s *screen) vars(vars []report.Variable, limit int) {
	if s.o.Full {
		limit = len(vars)
	}
	nameCol, typeCol := 0, 0
	for i := range vars[:min(len(vars), limit)] {
		nameCol = max(nameCol, min(utf8.RuneCountInString(name(vars[i].Name)), 16))
		typeCol = max(typeCol, min(utf8.RuneCountInString(name(vars[i].Value.Type)), 24))
	}
	for i := range vars {
		if i >= limit {
			s.line("      ", s.grey(fmt.Sprintf("… +%d variables", len(vars)-i)))
			return
		}
		v := &vars[i]
		label := pad(name(v.Name), nameCol)
		typ := pad(name(v.Value.Type), typeCol)
		column := 6 + utf8.RuneCountInString(label) + 2 + utf8.RuneCountInString(typ) + 2
		text := s.fold(&v.Value, column)
		s.line("      ", s.bold(label), "  ", s.grey(typ), "  ", text, s.grey(roleWord(v.Role)))
	}
}

// fold renders a value within the rest of the line, or whole where asked for.
func (s *screen) fold(v *report.Value, column int) string {
	if s.o.Full {
		return block(v, "      ", column, s.wide, s.ink)
	}
	text, _ := oneLine(v, max(s.wide-column, 32), s.ink)
	return text
}

// roleWord tells results and captured variables from arguments and locals.
func roleWord(r report.Role) string {
	switch r {
	case report.RoleResult:
		return "  (result)"
	case report.RoleCaptured:
		return "  (captured)"
	}
	return ""
}

// pad fills s with spaces to n columns.
func pad(s string, n int) string {
	if d := n - utf8.RuneCountInString(s); d > 0 {
		return s + strings.Repeat(" ", d)
	}
	return s
}
