package report

import (
	"encoding/json"
	"strconv"
	"strings"
)

// rebuild makes a report of a file that has none under metadata.sdcore: one
// that Safedump wrote. Values are texts of KindText, their structure is not
// known. The result shares slices with d.
func (d *Document) rebuild(top map[string]json.RawMessage) *Report {
	r := &Report{
		Schema:          Schema,
		Generator:       Generator{Name: "safedump", Version: d.SafedumpVersion},
		Complete:        true,
		Tier:            d.tier(),
		Fingerprint:     d.Fingerprint,
		CrashTime:       parseTime(d.Timestamp),
		CrashTimeSource: "timestamp of the report",
		Crash:           Crash{Kind: KindUnknown, Exception: d.Exception.rebuild(), Evidence: []string{}},
		Identity: Identity{
			Match: MatchNoBinary, GOOS: d.Platform, Evidence: []string{}, Deps: []Module{}, Settings: []Setting{},
		},
		Process: Process{
			Args: d.Environment.Argv, EnvNames: d.Environment.EnvVarNames, Dir: d.Environment.Cwd,
		},
		Threads: []Thread{}, Globals: []Global{}, Omitted: []Omission{}, Problems: []Problem{},
		Redactions: []Redaction{}, RedactionCounts: map[string]int{},
	}
	if strings.HasPrefix(d.PythonVersion, "go1") {
		r.Identity.GoVersion = d.PythonVersion
	} else if d.PythonVersion != "" {
		r.Identity.Settings = append(r.Identity.Settings, Setting{Key: "python_version", Value: d.PythonVersion})
	}
	if top["exception_type"] != nil && top["exception"] == nil { // Safedump's own fallback document
		r.Crash.Exception.Type = looseString(top["exception_type"])
		r.Crash.Exception.Message = looseString(top["exception_message"])
	}
	d.rebuildGoroutines(r)
	for _, x := range d.Redactions {
		r.Redactions = append(r.Redactions, Redaction(x))
		r.RedactionCounts[x.Rule]++
	}
	return r
}

// tier is the lowest privacy tier that shows all that the document holds:
// Safedump does not record the one that it was made with.
func (d *Document) tier() int {
	switch {
	case d.Environment.Argv != nil:
		return 4
	case len(d.Environment.EnvVarNames) > 0 || d.Environment.Cwd != "":
		return 3
	}
	return 1
}

// rebuild keeps the message and type of each exception of the chain.
func (e *DocException) rebuild() Exception {
	x := Exception{Type: e.Type, Module: e.Module, Message: e.Message, Sub: []Exception{}}
	for i := range e.SubExceptions {
		sub := e.SubExceptions[i].rebuild()
		sub.Relation = RelationWrapped
		x.Sub = append(x.Sub, sub)
	}
	return x
}

// rebuildGoroutines gives each thread of the document a goroutine, and the
// frames to the one that crashed.
func (d *Document) rebuildGoroutines(r *Report) {
	frames := make([]Frame, 0, len(d.Frames))
	for i := range d.Frames {
		frames = append(frames, d.Frames[i].rebuild(i, strings.HasPrefix(d.PythonVersion, "go1")))
	}
	placed := false
	for _, t := range d.Threads {
		g := Goroutine{System: t.Daemon, Frames: []Frame{}}
		if t.Ident != nil {
			g.ID = *t.Ident
		}
		g.Status, g.WaitReason = statusWords(t.Name)
		if g.Status == "" && t.Name != "" {
			g.Labels = []Label{{Key: "name", Value: t.Name}}
		}
		if t.Crashed && !placed {
			g.Crashed, g.Frames, placed = true, frames, true
			r.Crash.Goroutine = g.ID
		}
		r.Goroutines = append(r.Goroutines, g)
	}
	if !placed && len(frames) > 0 {
		r.Goroutines = append([]Goroutine{{Crashed: true, Frames: frames}}, r.Goroutines...)
	}
	r.Goroutines = orEmpty(r.Goroutines)
	r.Groups = []Group{}
	for i := range r.Goroutines {
		g := &r.Goroutines[i]
		g.Group = i + 1
		group := Group{
			ID: g.Group, Count: 1, Status: g.Status, WaitReason: g.WaitReason,
			System: g.System, IDs: []uint64{g.ID}, Frames: []FrameRef{},
		}
		for _, f := range g.Frames {
			group.Frames = append(group.Frames, FrameRef{Function: f.Function, File: f.File, Line: f.Line})
		}
		r.Groups = append(r.Groups, group)
	}
}

// statusWords reads the name that sdcore gives a goroutine in the standard
// part, "goroutine 7 [chan receive]". Both are empty for other names.
func statusWords(name string) (status, reason string) {
	rest, ok := strings.CutPrefix(name, "goroutine ")
	id, rest, ok2 := strings.Cut(rest, " [")
	words, ok3 := strings.CutSuffix(rest, "]")
	if _, err := strconv.ParseUint(id, 10, 64); err != nil || !ok || !ok2 || !ok3 {
		return "", ""
	}
	switch words {
	case "running", "runnable", "syscall", "dead", "preempted", "waiting":
		return words, ""
	}
	return "waiting", words
}

// rebuild makes a frame with texts for values. Only a Go report's source lines
// are known to end at the line of the frame.
func (f *DocFrame) rebuild(index int, fromGo bool) Frame {
	n := Frame{
		Index: index, Function: f.Function, File: f.File, Line: f.Line,
		CrashSite: f.IsCrashSite, Vars: []Variable{},
	}
	if len(f.CodeContext) > 0 {
		n.Source = &Source{Lines: f.CodeContext}
		if fromGo {
			n.Source.First = max(f.Line-len(f.CodeContext)+1, 0)
		}
	}
	for _, l := range f.Locals {
		v := Value{State: StateOK, Kind: KindText, Type: l.Local.Type, Text: l.Local.Value}
		switch {
		case l.Local.Value == "[REDACTED]":
			v.State, v.Text = StateRedacted, ""
		case l.Local.IsTruncated:
			v.State, v.Len = StateTruncated, l.Local.OriginalLength
		}
		n.Vars = append(n.Vars, Variable{Name: l.Name, Role: RoleLocal, Value: v})
	}
	return n
}
