package export

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Bounds of the standard part of a file: Safedump's max_string_length for the
// rendering of one local, and how deep exceptions nest.
const (
	maxLocalRunes     = 10_000
	maxExceptionDepth = 100
	contextLines      = 4
)

// document projects a report to the standard part of a file: what Safedump's
// own viewers show. Its metadata is empty, its threads are all goroutines.
func document(r *report.Report) *report.Document {
	crashed := crashedGoroutine(r)
	d := &report.Document{
		SchemaVersion:   report.SafedumpSchema,
		SafedumpVersion: report.SafedumpVersion,
		Fingerprint:     r.Fingerprint,
		OccurrenceCount: max(r.Seen.Count, 1),
		FirstSeen:       report.Stamp(r.Seen.First, r.CrashTime),
		LastSeen:        report.Stamp(r.Seen.Last, r.CrashTime),
		Timestamp:       report.Stamp(r.CrashTime),
		PythonVersion:   controlSafe(runtimeVersion(r)),
		Platform:        controlSafe(r.Identity.GOOS),
		Exception:       docException(&r.Crash.Exception, 0),
		Environment: report.DocEnvironment{
			OSName: "posix", OSVersion: controlSafe(r.Identity.GOOS), PythonImpl: "gc",
			Cwd:         controlSafe(r.Process.Dir),
			EnvVarNames: safeAll(r.Process.EnvNames),
		},
		Metadata: map[string]json.RawMessage{},
	}
	if d.Platform == "" { // the only system whose cores are read
		d.Platform, d.Environment.OSVersion = "linux", "linux"
	}
	if r.Process.Args != nil {
		d.Environment.Argv = safeAll(r.Process.Args)
	}
	frames := crashFrames(r, crashed)
	first := crashSite(frames)
	for i := first; i < len(frames); i++ {
		d.Frames = append(d.Frames, docFrame(&frames[i], i-first))
	}
	d.Redactions = docRedactions(r, crashed, first)
	return d
}

// crashFrames returns the stack that the crash is about: of the goroutine, or
// of a thread that crashed outside of goroutines. A thread on which only the
// runtime was at work, as in a deadlock, tells nothing about the program.
func crashFrames(r *report.Report, crashed int) []report.Frame {
	if crashed >= 0 {
		return r.Goroutines[crashed].Frames
	}
	for i := range r.Threads {
		frames := r.Threads[i].Frames
		own := func(f report.Frame) bool { return !f.Runtime && !strings.HasPrefix(f.Function, "runtime.") }
		if r.Threads[i].Crashed && slices.ContainsFunc(frames, own) {
			return frames
		}
	}
	return nil
}

// crashedGoroutine returns the index of the goroutine that the crash is about,
// -1 where there is none.
func crashedGoroutine(r *report.Report) int {
	for i := range r.Goroutines {
		if r.Goroutines[i].Crashed {
			return i
		}
	}
	for i := range r.Goroutines {
		if r.Crash.Goroutine != 0 && r.Goroutines[i].ID == r.Crash.Goroutine {
			return i
		}
	}
	return -1
}

// crashSite returns the index of the frame that people want to see first: the
// one marked, else the innermost that is not the runtime's, else 0.
func crashSite(frames []report.Frame) int {
	for i := range frames {
		if frames[i].CrashSite {
			return i
		}
	}
	for i := range frames {
		if !frames[i].Runtime {
			return i
		}
	}
	return 0
}

// runtimeVersion returns the Go version, or for a converted report of
// Safedump's own the version that it names.
func runtimeVersion(r *report.Report) string {
	if r.Identity.GoVersion != "" {
		return r.Identity.GoVersion
	}
	for _, s := range r.Identity.Settings {
		if s.Key == "python_version" {
			return s.Value
		}
	}
	return "go"
}

func safeAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = controlSafe(s)
	}
	return out
}

func docException(e *report.Exception, depth int) report.DocException {
	d := report.DocException{
		Type: controlSafe(e.Type), Module: controlSafe(e.Module), Message: controlSafe(e.Message),
		SubExceptions: []report.DocException{},
	}
	for i := range e.Sub {
		if e.Sub[i].Relation != report.RelationEarlier {
			d.IsExplicitlyChained = true
		}
		if depth < maxExceptionDepth {
			d.SubExceptions = append(d.SubExceptions, docException(&e.Sub[i], depth+1))
		}
	}
	return d
}

func docFrame(f *report.Frame, index int) report.DocFrame {
	return report.DocFrame{
		Index: index, File: controlSafe(f.File), Line: max(f.Line, 0), Function: controlSafe(f.Function),
		CodeContext: codeContext(f), Locals: docLocals(f.Vars), IsCrashSite: index == 0,
	}
}

// codeContext returns the lines that end at the frame's own: Safedump's viewer
// marks the last one.
func codeContext(f *report.Frame) []string {
	if f.Source == nil {
		return []string{}
	}
	lines := f.Source.Lines
	if f.Source.First > 0 {
		end := f.Line - f.Source.First + 1
		if end <= 0 || end > len(lines) {
			return []string{}
		}
		lines = lines[max(0, end-contextLines):end]
	}
	out := make([]string, 0, len(lines))
	for _, l := range lines {
		out = append(out, controlSafe(strings.TrimRight(l, " \t\r\n")))
	}
	return out
}

// docLocals renders the variables. Names that are not unique get a number:
// the object has room for one each.
func docLocals(vars []report.Variable) report.DocLocals {
	out := make(report.DocLocals, 0, len(vars))
	seen := make(map[string]int, len(vars))
	for i := range vars {
		v := &vars[i]
		base := controlSafe(v.Name)
		key := base
		for n := 2; ; n++ {
			if _, taken := seen[key]; !taken {
				break
			}
			key = fmt.Sprintf("%s#%d", base, n)
		}
		seen[key] = i
		out = append(out, report.NamedLocal{Name: key, Local: docLocal(&v.Value)})
	}
	return out
}

func docLocal(v *report.Value) report.DocLocal {
	if v.State == report.StateRedacted {
		return report.DocLocal{Type: controlSafe(v.Type), Value: redact.Placeholder}
	}
	p := printer{limit: maxLocalRunes, markup: true}
	p.value(v, v.Kind == report.KindInterface, 0)
	d := report.DocLocal{Type: controlSafe(v.Type), Value: redact.Unnumbered(p.b.String())}
	d.IsTruncated = p.cut || shortened(v, 0)
	if d.IsTruncated && v.Len > 0 {
		d.OriginalLength = v.Len
	}
	return d
}

// shortened reports whether a limit left out a part of v.
func shortened(v *report.Value, depth int) bool {
	if v.State == report.StateTruncated || v.State == report.StateBudget || depth > maxValueDepth {
		return true
	}
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key != nil && shortened(c.Key, depth+1) || shortened(&c.Value, depth+1) {
			return true
		}
	}
	return false
}

// docRedactions returns the audit records of what the standard part shows, in
// Safedump's words for the places. The others stay in the metadata.
func docRedactions(r *report.Report, crashed, first int) []report.DocRedaction {
	records := r.Redactions
	if crashed >= 0 {
		records = append(append([]report.Redaction{}, records...), r.Goroutines[crashed].Redactions...)
	}
	out := []report.DocRedaction{}
	for _, x := range records {
		place, ok := redact.SafedumpLocation(x.Location, crashed, first)
		if !ok {
			continue
		}
		out = append(out, report.DocRedaction{
			Location: controlSafe(place), Reason: controlSafe(x.Reason), Rule: controlSafe(x.Rule), Timestamp: x.Timestamp,
		})
	}
	return out
}

// docThread is a goroutine in the words of Safedump's threads. It refers to g.
func docThread(g *report.Goroutine, crashed bool) report.DocThread {
	t := report.DocThread{Ident: &g.ID, Daemon: g.System, Crashed: crashed}
	t.Name = "goroutine " + strconv.FormatUint(g.ID, 10) + " [" + controlSafe(stateText(g.Status, g.WaitReason)) + "]"
	if g.Status == "" { // a thread of a converted report
		for _, l := range g.Labels {
			if l.Key == "name" {
				t.Name = controlSafe(l.Value)
			}
		}
	}
	return t
}

// stateText is what a goroutine does in the words of a Go traceback.
func stateText(status, wait string) string {
	if wait != "" {
		return wait
	}
	if status == "" {
		return "unknown"
	}
	return status
}
