package export

import (
	"io"
	"maps"
	"sync"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// planted is a secret that is left in a redacted report. It is a word of a file's
// name, too.
const planted = "Zq7xLw2yXv9kTr4"

var tierFour = sync.OnceValues(func() (*redact.Redactor, error) { return redact.New(redact.Policy{Tier: 4}) })

// redacted is payReport, redacted. With known, a variable has made known that the
// texts are secret.
func redacted(t testing.TB, known ...string) redact.Result {
	t.Helper()
	r := payReport()
	r.Tier, r.Process.Args, r.Process.Dir, r.Fingerprint = 4, []string{"pay", "serve"}, "/srv", ""
	r.Process.Env = []report.EnvVar{{Name: "HOME", Value: "/root"}}
	r.Crash.Exception.Value = &report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "typed"}
	r.Heap = sampleHeap()
	g := &r.Goroutines[1]
	g.StackEnd = "end"
	g.Frames[1].Defers = []report.Defer{{Function: "main.unlock", File: "/src/pay/lock.go", Vars: []report.Variable{local("mu", strVal("held"))}}}
	r.Waits = sampleWaits()
	for i := range known {
		g.Frames[1].Vars = append(g.Frames[1].Vars, local("password", strVal(known[i])))
	}
	if len(known) == 0 { // so that both have the same values
		g.Frames[1].Vars = append(g.Frames[1].Vars, local("password", stateVal("string", report.KindString, report.StateRedacted, "")))
	}
	x, err := tierFour()
	if err != nil {
		t.Fatal(err)
	}
	res, err := x.Apply(r)
	if err != nil {
		t.Fatal(err)
	}
	if known := len(known) > 0; (res.LastScan() != nil) != known {
		t.Fatalf("secrets to look for: %v, want %v", !known, known)
	}
	return res
}

// leaks are places of a report, each filled with a text.
func leaks() map[string]func(r *report.Report, s string) {
	return map[string]func(r *report.Report, s string){
		"text": func(r *report.Report, s string) {
			r.Goroutines[0].Frames[1].Vars[8].Value.SetContents(s)
		},
		"field": func(r *report.Report, s string) {
			r.Goroutines[0].Frames[1].Vars[4].Value.Children[0].Value.Children[1].Value.SetContents("of " + s)
		},
		"map key": func(r *report.Report, s string) {
			r.Globals[0].Value.Children[0].Key.SetContents(s)
		},
		"field's name": func(r *report.Report, s string) {
			r.Goroutines[0].Frames[1].Vars[4].Value.Children[0].Value.Children[1].Name = s
		},
		"variable":       func(r *report.Report, s string) { r.Goroutines[0].Frames[1].Vars[8].Name = s },
		"type":           func(r *report.Report, s string) { r.Goroutines[0].Frames[1].Vars[8].Value.Type = s },
		"note":           func(r *report.Report, s string) { r.Goroutines[0].Frames[1].Vars[9].Value.Note = s },
		"function":       func(r *report.Report, s string) { r.Goroutines[0].Frames[1].Function = "main." + s },
		"file":           func(r *report.Report, s string) { r.Goroutines[0].Frames[1].File = "/src/" + s + ".go" },
		"source line":    func(r *report.Report, s string) { r.Goroutines[0].Frames[1].Source.Lines[2] = "x := " + s },
		"message":        func(r *report.Report, s string) { r.Crash.Exception.Message = "failed: " + s },
		"exception type": func(r *report.Report, s string) { r.Crash.Exception.Type = s },
		"earlier panic":  func(r *report.Report, s string) { r.Crash.Exception.Sub[0].Message = s },
		"panic's value":  func(r *report.Report, s string) { r.Crash.Exception.Value.SetContents(s) },
		"label":          func(r *report.Report, s string) { r.Goroutines[1].Labels[0].Value = s },
		"label's key":    func(r *report.Report, s string) { r.Goroutines[1].Labels[0].Key = s },
		"stack end":      func(r *report.Report, s string) { r.Goroutines[1].StackEnd = s },
		"wait reason":    func(r *report.Report, s string) { r.Goroutines[1].WaitReason = s },
		"creator":        func(r *report.Report, s string) { r.Goroutines[1].Creator = &report.Creator{Function: "f", File: s} },
		"deferred call":  func(r *report.Report, s string) { r.Goroutines[1].Frames[1].Defers[0].Vars[0].Value.SetContents(s) },
		"another frame":  func(r *report.Report, s string) { r.Goroutines[1].Frames[1].File = s },
		"group's frame":  func(r *report.Report, s string) { r.Groups[1].Frames[1].File = "/src/" + s },
		"group's state":  func(r *report.Report, s string) { r.Groups[1].WaitReason = s },
		"stack of group": func(r *report.Report, s string) {
			r.Groups[1].Frames[0].File, r.Goroutines[2].Frames, r.Goroutines[3].Frames = s, nil, nil
		},
		"waited for":  func(r *report.Report, s string) { r.Waits.Objects[0].Names[0].Variable = s },
		"waiter":      func(r *report.Report, s string) { r.Waits.Objects[0].Waiters[0].Function = "main." + s },
		"argument":    func(r *report.Report, s string) { r.Process.Args[1] = "--" + s },
		"directory":   func(r *report.Report, s string) { r.Process.Dir = "/srv/" + s },
		"environment": func(r *report.Report, s string) { r.Process.EnvNames[0] = s },
		"variable of the environment": func(r *report.Report, s string) {
			r.Process.Env[0].Value = s
		},
		"thread name":     func(r *report.Report, s string) { r.Process.Name = s },
		"thread":          func(r *report.Report, s string) { r.Threads[1].Function = s },
		"problem":         func(r *report.Report, s string) { r.Problems[0].Message = s },
		"problem's place": func(r *report.Report, s string) { r.Problems[0].Subject = s },
		"global":          func(r *report.Report, s string) { r.Globals[1].Value.Text = s },
		"global's name":   func(r *report.Report, s string) { r.Globals[1].Name = s },
		"evidence":        func(r *report.Report, s string) { r.Identity.Evidence[0] = s },
		"core":            func(r *report.Report, s string) { r.Identity.Core = "/var/" + s },
		"setting":         func(r *report.Report, s string) { r.Identity.Settings[0].Value = s },
		"module":          func(r *report.Report, s string) { r.Identity.Main.Version = s },
		"heap's key":      func(r *report.Report, s string) { r.Heap.Paths[0].Steps[2].Key.SetContents(s) },
		"heap's string":   func(r *report.Report, s string) { r.Heap.Strings[0].Value.SetContents("of " + s) },
		"heap's type":     func(r *report.Report, s string) { r.Heap.Types[0].Type = s },
		"heap's field":    func(r *report.Report, s string) { r.Heap.Suspects[0].Object.Path.Steps[1].Name = s },
		"heap's sample":   func(r *report.Report, s string) { r.Heap.Samples[0].Stack[1] = "." + s },
		"heap's site":     func(r *report.Report, s string) { r.Heap.Sites[0].Frames[0].File = "/src/" + s },
		"audit record":    func(r *report.Report, s string) { r.Goroutines[0].Redactions[0].Location = s },
	}
}

// ways are all ways out: the exporters, and the streams with goroutines that are
// redacted one by one.
func ways() map[string]func(io.Writer, redact.Result) error {
	all := exporters()
	maps.Copy(all, map[string]func(io.Writer, redact.Result) error{
		"RedactionsText":   func(w io.Writer, r redact.Result) error { return RedactionsText(w, r, TextOptions{}) },
		"RedactionsJSON":   RedactionsJSON,
		"GitHubAnnotation": func(w io.Writer, r redact.Result) error { return GitHubAnnotation(w, r, "/src") },
		"GoLiterals":       func(w io.Writer, r redact.Result) error { return GoLiterals(w, r, GoOptions{All: true}) },
		"PrintedText": func(w io.Writer, r redact.Result) error {
			return PrintedText(w, printable(r), PrintedOptions{Path: "dir"})
		},
		"PrintedJSON": func(w io.Writer, r redact.Result) error {
			return PrintedJSON(w, printable(r), PrintedOptions{Path: "dir"})
		},
		"PrintedGo": func(w io.Writer, r redact.Result) error {
			return PrintedGo(w, printable(r), PrintedOptions{Path: "dir"})
		},
		"IssueEither": func(w io.Writer, r redact.Result) error {
			return Issue(w, r, IssueOptions{Markup: IssueEither, Reserved: "planted"})
		},
		"FileName":    said(FileName),
		"MissingText": said(MissingText),
		"ValueText": func(w io.Writer, r redact.Result) error {
			return ValueText(w, r, ValueOptions{Path: "main.charge.user"})
		},
		"ValueJSON": func(w io.Writer, r redact.Result) error {
			return ValueJSON(w, r, ValueOptions{Path: "main.charge.user"})
		},
		"HeapText":      func(w io.Writer, r redact.Result) error { return HeapText(w, r, HeapOptions{Part: HeapPaths}) },
		"NewJSONStream": func(w io.Writer, r redact.Result) error { return streamResult(NewJSONStream(w, Options{}), r) },
		"NewJSONLStream": func(w io.Writer, r redact.Result) error {
			return streamResult(NewJSONLStream(w, Options{Gzip: true}), r)
		},
		"NewGoroutinesJSONStream": func(w io.Writer, r redact.Result) error {
			return streamResult(NewGoroutinesJSONStream(w, GoroutineOptions{Locals: true}), r)
		},
	})
	return all
}

func said(f func(redact.Result) (string, error)) func(io.Writer, redact.Result) error {
	return func(w io.Writer, r redact.Result) error {
		s, err := f(r)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, s)
		return err
	}
}

// printable makes of a report the answer of a print: its variable "dir".
func printable(res redact.Result) redact.Result {
	r := res.Report()
	if r == nil {
		return res
	}
	g := &r.Goroutines[0]
	g.Frames = []report.Frame{g.Frames[1]}
	g.Frames[0].Vars = g.Frames[0].Vars[8:9]
	r.Globals = nil
	return res
}

// streamResult writes the goroutines of a result one by one.
func streamResult(s *Stream, res redact.Result) error {
	if err := s.Head(res); err != nil {
		return err
	}
	for i := range res.Report().Goroutines {
		if i == crashedGoroutine(res.Report()) {
			continue
		}
		text, err := s.Append(nil, res.Goroutine(i))
		if err != nil {
			return err
		}
		if err := s.Write(text); err != nil {
			return err
		}
	}
	return s.End(res.Report().RedactionCounts)
}
