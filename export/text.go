package export

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Bounds of the crash screen.
const (
	messageLines  = 12 // of a panic's text
	callerFrames  = 8  // below the crash site, unless Full
	callerVars    = 6  // of each of them
	crashVars     = 40 // of the crash site
	shownProblems = 10
	defaultGroups = 12
	waitingGroups = 4 // shown with their stacks in a deadlock
)

// Text writes the crash report for a terminal, in the order of the questions
// that it is read with: what died, where, with which values, what the other
// goroutines did, and how far the report can be trusted.
func Text(w io.Writer, res redact.Result, o TextOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writeText(p, r, o) })
}

func writeText(w io.Writer, r *report.Report, o TextOptions) error {
	s := newScreen(r, o)
	s.headline()
	s.exceptions(&r.Crash.Exception, "  ", 0)
	s.waitSummary()
	s.crashStack()
	s.goroutineTable(s.o.Full)
	s.heapSummary()
	s.problems()
	s.trust()
	s.identity()
	return s.flush(w)
}

// screen collects the text of a report.
type screen struct {
	r *report.Report
	o TextOptions
	ink
	wide  int
	names paths
	b     bytes.Buffer
	// runtime shows the runtime's frames around the program's.
	runtime bool
	// site is set for variables that are what somebody looks for: two lines each.
	site bool
	// above holds the variables that inner frames have shown.
	above map[string]bool
	// stacks are the texts of groups' stacks by ID, see layStacks.
	stacks map[int]string
}

func newScreen(r *report.Report, o TextOptions) *screen {
	s := &screen{r: r, o: o, ink: ink(o.Color), wide: o.width()}
	if !o.Full {
		s.names = newPaths(r)
	}
	return s
}

func (s *screen) line(parts ...string) {
	for _, p := range parts {
		s.b.WriteString(p)
	}
	s.b.WriteByte('\n')
}

// gap separates parts by an empty line, but for the first.
func (s *screen) gap() {
	if s.b.Len() > 0 {
		s.line()
	}
}

func (s *screen) flush(w io.Writer) error {
	if _, err := w.Write(s.b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	s.b.Reset()
	return nil
}

// headline says what died, in the words in which Go prints it.
func (s *screen) headline() {
	lines := plainLines(deathText(&s.r.Crash), messageLines)
	for i, l := range lines {
		if i == 0 {
			s.line(s.red(l))
			continue
		}
		s.line(s.red("    " + l))
	}
	if sig := s.r.Crash.Signal; sig != nil {
		s.line(s.red(signalText(sig)))
	}
	var facts []string
	if e := &s.r.Crash.Exception; e.Type != "" && s.r.Crash.Kind == report.KindPanic {
		facts = append(facts, "type "+name(e.Type))
	}
	if i := crashedGoroutine(s.r); i >= 0 {
		g := &s.r.Goroutines[i]
		facts = append(facts, fmt.Sprintf("goroutine %d [%s]", g.ID, name(stateText(g.Status, g.WaitReason))))
	} else if s.r.Crash.Kind != report.KindSnapshot {
		facts = append(facts, "no goroutine was running")
	}
	if t := writable(s.r.CrashTime); !t.IsZero() {
		facts = append(facts, t.Format("2006-01-02 15:04:05 UTC"))
	}
	s.line("  ", s.grey(strings.Join(facts, " · ")))
}

// deathText is the first line of a Go traceback for the crash.
func deathText(c *report.Crash) string {
	e := &c.Exception
	switch c.Kind {
	case report.KindPanic:
		return "panic: " + unindented(e.Message)
	case report.KindFatal, report.KindDeadlock:
		if strings.HasPrefix(e.Message, "fatal error: ") {
			return e.Message
		}
		return "fatal error: " + e.Message
	case report.KindSnapshot:
		const alive = "snapshot of a process that did not die"
		if e.Message == "" {
			return alive
		}
		return alive + ": " + e.Message
	}
	switch {
	case e.Type == "" && e.Message == "":
		return "the reason of the crash is not known"
	case e.Message == "" || e.Message == e.Type:
		return e.Type
	case e.Type == "" || strings.HasPrefix(e.Message, e.Type):
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// unindented takes the tabs off with which the runtime prints further lines of a
// panic's text.
func unindented(message string) string { return strings.ReplaceAll(message, "\n\t", "\n") }

// signalText is the line that the runtime prints for a signal.
func signalText(sig *report.Signal) string {
	text := "[signal " + name(sig.Name)
	if words := signalWords(sig.Number); words != "" {
		text += ": " + words
	}
	text += " code=0x" + strconv.FormatInt(int64(sig.Code), 16)
	if sig.Code < 0 {
		text = strings.Replace(text, "code=0x-", "code=-0x", 1)
	}
	if sig.HasAddr {
		text += " addr=" + sig.Addr.String()
	}
	if sig.PC != 0 {
		text += " pc=" + sig.PC.String()
	}
	return text + "]"
}

// signalWords returns the runtime's words for a signal of Linux. Source: Go
// 1.26, src/runtime/sigtab_linux_generic.go.
func signalWords(n int) string {
	switch n {
	case 1:
		return "terminal line hangup"
	case 2:
		return "interrupt"
	case 3:
		return "quit"
	case 4:
		return "illegal instruction"
	case 5:
		return "trace trap"
	case 6:
		return "abort"
	case 7:
		return "bus error"
	case 8:
		return "floating-point exception"
	case 11:
		return "segmentation violation"
	case 15:
		return "termination"
	case 31:
		return "bad system call"
	}
	return ""
}

// exceptions lists earlier panics and wrapped or joined errors.
func (s *screen) exceptions(e *report.Exception, indent string, depth int) {
	for i := range e.Sub {
		if depth >= 8 || !s.o.Full && i >= 8 {
			s.line(indent, s.grey(fmt.Sprintf("… +%d more", len(e.Sub)-i)))
			return
		}
		x := &e.Sub[i]
		word := string(x.Relation)
		if word == "" {
			word = "wrapped"
		}
		lines := plainLines(x.Message, 4)
		head := indent + s.yellow(name(word)+": ") + clip(lines[0], 4*s.wide)
		if x.Message != "" {
			head += "  "
		}
		head += s.grey(name(x.Type))
		s.line(head, s.grey(panicFlags(x)))
		for _, l := range lines[1:] {
			s.line(indent, "    ", clip(l, 4*s.wide))
		}
		s.exceptions(x, indent+"  ", depth+1)
	}
}

// panicFlags says what became of an earlier panic, as Go prints it.
func panicFlags(x *report.Exception) string {
	text := ""
	for _, f := range []struct {
		set  bool
		word string
	}{{x.Recovered, " [recovered]"}, {x.Repanicked, " [repanicked]"}, {x.Goexit, " [goexit]"}} {
		if f.set {
			text += f.word
		}
	}
	return text
}

// problems lists what went wrong while the report was made.
func (s *screen) problems() {
	if len(s.r.Problems) == 0 {
		return
	}
	s.line()
	s.line(s.bold(fmt.Sprintf("problems: %d", len(s.r.Problems))))
	for i := range s.r.Problems {
		if i >= shownProblems && !s.o.Full {
			s.line("  ", s.grey(fmt.Sprintf("… +%d more", len(s.r.Problems)-i)))
			return
		}
		s.line("  ", problemText(&s.r.Problems[i]))
	}
}

func problemText(p *report.Problem) string {
	text := name(p.Stage)
	if p.Subject != "" {
		text += ": " + name(p.Subject)
	}
	if p.Addr != 0 {
		text += " at " + p.Addr.String()
	}
	return text + ": " + name(p.Message)
}

// trust says what is missing and what was removed.
func (s *screen) trust() {
	s.line()
	if !s.r.Complete {
		s.line(s.yellow("partial report: "), "something that belongs in it could not be read (see problems)")
	}
	s.omitted()
	total, rules := redactionSummary(s.r)
	if total == 0 {
		s.line("redacted: nothing", s.grey(fmt.Sprintf(" (tier %d)", s.r.Tier)))
		return
	}
	s.line(fmt.Sprintf("redacted: %d", total), s.grey(fmt.Sprintf(" (%s; tier %d)", strings.Join(rules, ", "), s.r.Tier)))
}

// omitted says what was left out, and which flag would keep it.
func (s *screen) omitted() {
	var flags []string
	items := map[string]string{}
	for _, o := range s.r.Omitted {
		if _, ok := items[o.Why]; !ok {
			flags = append(flags, o.Why)
		} else {
			items[o.Why] += ", "
		}
		items[o.Why] += counted(int(o.Count), name(o.What))
	}
	line := "left out:"
	for i, flag := range flags {
		item := " " + items[flag] + " (" + name(flag) + " shows more)"
		if i < len(flags)-1 {
			item += ","
		}
		if i > 0 && utf8.RuneCountInString(line)+utf8.RuneCountInString(item) > s.wide {
			s.line(line)
			line = "         "
		}
		line += item
	}
	if len(flags) > 0 {
		s.line(line)
	}
}

// counted is a number of things, which plural names.
func counted(n int, plural string) string {
	if n == 1 {
		plural = strings.TrimSuffix(plural, "s")
	}
	return strconv.Itoa(n) + " " + plural
}

// redactionSummary counts removed values in all and per rule.
func redactionSummary(r *report.Report) (total int, rules []string) {
	for _, rule := range sortedKeys(r.RedactionCounts) {
		total += r.RedactionCounts[rule]
		rules = append(rules, fmt.Sprintf("%s %d", name(rule), r.RedactionCounts[rule]))
	}
	return total, rules
}

// identity says which build this was.
func (s *screen) identity() {
	for _, l := range identityLines(s.r) {
		s.line(s.grey(l))
	}
}

// identityLines are the lines about build, core and module.
func identityLines(r *report.Report) []string {
	id := &r.Identity
	var lines []string
	if r.Generator.Backend == report.BackendText {
		for _, e := range id.Evidence {
			lines = append(lines, name(e))
		}
		if id.GoVersion == "" { // no sidecar told the build
			return lines
		}
	}
	version := id.GoVersion
	if version == "" {
		version = "unknown Go version"
	}
	build := strings.TrimSpace(version + " " + strings.Trim(id.GOOS+"/"+id.GOARCH, "/"))
	lines = append(lines, "build: "+name(build)+buildID(id))
	if id.Main.Path != "" {
		module := "module: " + name(id.Main.Path)
		if id.Main.Version != "" {
			module += " " + name(id.Main.Version)
		}
		lines = append(lines, module+revision(id))
	}
	if id.Core != "" {
		lines = append(lines, "core: "+name(id.Core))
	}
	if id.Match == report.MatchMismatch {
		lines = append(lines, "the binary is of another build than the core: values may be wrong")
	}
	return lines
}

func buildID(id *report.Identity) string {
	for _, x := range []string{id.BinaryBuildID, id.CoreBuildID, id.BinaryGoID, id.CoreGoID} {
		if x != "" {
			return ", build ID " + clip(plain(x), 90)
		}
	}
	return ""
}

// revision returns the commit that the binary was built from.
func revision(id *report.Identity) string {
	text := ""
	for _, set := range id.Settings {
		switch {
		case set.Key == "vcs.revision" && set.Value != "":
			text = ", revision " + clip(plain(set.Value), 40) + text
		case set.Key == "vcs.modified" && set.Value == "true":
			text += " (modified)"
		}
	}
	return text
}
