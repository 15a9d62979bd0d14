package batch

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
	"github.com/safedump/sdcore/triage/index"
)

// occurrence is what the index remembers of a report.
func occurrence(res redact.Result, j *job) (*index.Occurrence, error) {
	r := res.Report()
	fp := fingerprint.Of(res)
	o := &index.Occurrence{
		Key: j.Key, Seen: r.CrashTime, Host: j.Host,
		Program: program(r), Version: version(r), GoVersion: r.Identity.GoVersion,
		BuildID: cmp.Or(r.Identity.BinaryBuildID, r.Identity.CoreBuildID), PID: r.Process.PID,
		Type: r.Crash.Exception.Type, Message: r.Crash.Exception.Message,
		Group: fp.Levels[fingerprint.Group], Narrow: fp.Levels[fingerprint.Narrow], Wide: fp.Levels[fingerprint.Wide],
		Kind: fp.Kind, Title: fp.Title,
	}
	frames, site := crashed(r)
	if site < len(frames) {
		f := &frames[site]
		o.Site = fmt.Sprintf("%s (%s:%d)", f.Function, path.Base(f.File), f.Line)
		for i := site; i < len(frames); i++ {
			o.Functions = append(o.Functions, frames[i].Function)
		}
	}
	o.Title = cmp.Or(o.Title, strings.TrimSpace(o.Type+" in "+o.Site))
	o.Variables = variables(frames, site)
	if !r.Complete {
		text, err := export.MissingText(res)
		if err != nil {
			return nil, err
		}
		o.Missing = text
	}
	o.Clean()
	return checked(res, o)
}

// program is the name of the program: its main package's, else the process's.
func program(r *report.Report) string {
	if r.Process.Name != "" {
		return r.Process.Name
	}
	if p := r.Identity.MainPackage; p != "" {
		return path.Base(p)
	}
	if r.Identity.Binary == "" {
		return ""
	}
	return filepath.Base(r.Identity.Binary)
}

// version is that of the main module, else the revision that it was built from.
func version(r *report.Report) string {
	if v := r.Identity.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range r.Identity.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(len(s.Value), 12)]
		}
	}
	return r.Identity.Main.Version
}

// crashed returns the stack that crashed and the index of the crash site.
func crashed(r *report.Report) ([]report.Frame, int) {
	var frames []report.Frame
	for i := range r.Goroutines {
		if r.Goroutines[i].Crashed {
			frames = r.Goroutines[i].Frames
			break
		}
	}
	for i := range r.Threads {
		// A thread on which only the runtime was at work, as in a deadlock, tells
		// nothing about the program.
		own := func(f report.Frame) bool { return !f.Runtime && !report.IsRuntime(report.PackageOf(f.Function)) }
		if frames == nil && r.Threads[i].Crashed && slices.ContainsFunc(r.Threads[i].Frames, own) {
			frames = r.Threads[i].Frames
		}
	}
	for i := range frames {
		if frames[i].CrashSite {
			return frames, i
		}
	}
	for i := range frames {
		if !frames[i].Runtime {
			return frames, i
		}
	}
	return frames, 0
}

// Bounds of what is compared between occurrences.
const (
	maxFrames = 3 // the crash site and its callers
	maxLeaves = 48
	maxLevels = 4
)

// variables are the plain values at the crash site and in its callers, each by
// its path. Addresses differ always and are left out, as is what was redacted
// and what is not known.
func variables(frames []report.Frame, site int) []index.Variable {
	l := leaves{}
	for i, n := site, 0; i < len(frames) && n < maxFrames; i++ {
		f := &frames[i]
		if f.Runtime {
			continue
		}
		n++
		for v := range f.Vars {
			l.add(f.Function+"."+f.Vars[v].Name, &f.Vars[v].Value, maxLevels)
		}
	}
	return l.found
}

type leaves struct{ found []index.Variable }

func (l *leaves) add(path string, v *report.Value, levels int) {
	if len(l.found) >= maxLeaves || levels == 0 || v.State != report.StateOK && v.State != report.StateTruncated {
		return
	}
	leaf := func(path, text string) { l.found = append(l.found, index.Variable{Path: path, Value: text}) }
	switch v.Kind {
	case report.KindBool, report.KindInt, report.KindUint, report.KindFloat, report.KindComplex:
		leaf(path, v.Text)
		return
	case report.KindString:
		if v.State == report.StateOK && !v.Quoted {
			leaf(path, strconv.Quote(v.Text))
		}
		return
	case report.KindSlice, report.KindMap, report.KindChan:
		if v.Nil {
			leaf(path, "nil")
		} else {
			leaf("len("+path+")", strconv.FormatInt(v.Len, 10))
		}
		return
	case report.KindPointer, report.KindInterface:
		if v.Nil {
			leaf(path, "nil")
			return
		}
	case report.KindStruct:
		if v.Text != "" { // a time, a duration: people read it as a whole
			leaf(path, v.Text)
			return
		}
	default:
		return
	}
	for i := range v.Children {
		c := &v.Children[i]
		below := path
		if c.Name != "" {
			below += "." + c.Name
		}
		l.add(below, &c.Value, levels-1)
	}
}
