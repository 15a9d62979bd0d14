package fingerprint_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// setFile holds the labelled set: what package fingerprint reads of the reports of real
// crashes, one line of JSON each, behind the frames that they refer to.
// scripts/fingerprint-set.sh writes it; no line of it is written by hand.
const setFile = "testdata/set.jsonl"

// build is how a program was built.
type build struct {
	Go      string `json:"go"`
	Mode    string `json:"mode"`    // "default", "no inlining", "no optimization"
	Variant string `json:"variant"` // "plain", "shifted"
}

func (b build) String() string { return b.Go + ", " + b.Mode + ", " + b.Variant }

// sample is a crash of the set.
type sample struct {
	Bug  int `json:"bug"` // the label
	Seed int `json:"seed"`
	build
	Kind      report.CrashKind `json:"kind"`
	Exception exceptionLine    `json:"exception"`
	Signal    *report.Signal   `json:"signal,omitempty"`
	Frames    []int            `json:"frames,omitempty"` // by number, of the goroutine that crashed
	Thread    []int            `json:"thread,omitempty"` // or of the thread
	Groups    []groupLine      `json:"groups,omitempty"` // in a hang
}

type exceptionLine struct {
	Type       string          `json:"type"`
	Message    string          `json:"message"`
	Relation   report.Relation `json:"relation,omitempty"`
	Recovered  bool            `json:"recovered,omitempty"`
	Repanicked bool            `json:"repanicked,omitempty"`
	Goexit     bool            `json:"goexit,omitempty"`
	Sub        []exceptionLine `json:"sub,omitempty"`
}

type groupLine struct {
	Count  int    `json:"count"`
	Status string `json:"status"`
	Wait   string `json:"wait,omitempty"`
	System bool   `json:"system,omitempty"`
	Frames []int  `json:"frames"`
}

// frameLine is a frame that several crashes may have.
type frameLine struct {
	Frame    int    `json:"frame"` // its number
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	FuncLine int    `json:"func_line,omitempty"`
	Within   string `json:"within,omitempty"`
	Inlined  bool   `json:"inlined,omitempty"`
	Runtime  bool   `json:"runtime,omitempty"`
	Site     bool   `json:"site,omitempty"`
	Repeat   int    `json:"repeat,omitempty"`
}

// Bounds of what is kept of a stack: nothing outside of them counts.
const (
	innerFrames = 40
	setGroups   = 16
)

// set is the labelled set, or a part of it that is being made.
type set struct {
	frames  []frameLine
	numbers map[frameLine]int
	samples []sample
}

func (s *set) number(f frameLine) int {
	n, ok := s.numbers[f]
	if !ok {
		if s.numbers == nil {
			s.numbers = map[frameLine]int{}
		}
		n = len(s.frames)
		s.numbers[f] = n
		f.Frame = n
		s.frames = append(s.frames, f)
	}
	return n
}

// add takes what counts from a redacted report.
func (s *set) add(bug, seed int, b build, r *report.Report) *sample {
	x := sample{Bug: bug, Seed: seed, build: b, Kind: r.Crash.Kind, Exception: exceptionOf(&r.Crash.Exception)}
	if sig := r.Crash.Signal; sig != nil {
		x.Signal = &report.Signal{Number: sig.Number, Name: sig.Name, Code: sig.Code}
	}
	for i := range r.Goroutines {
		if g := &r.Goroutines[i]; g.Crashed {
			x.Frames = s.stack(g.Frames)
		}
	}
	for i := range r.Threads {
		if th := &r.Threads[i]; th.Crashed {
			x.Thread = s.stack(th.Frames)
		}
	}
	if r.Crash.Kind == report.KindDeadlock || r.Crash.Kind == report.KindSignal || r.Crash.Kind == report.KindSnapshot {
		for i := range r.Groups {
			g := &r.Groups[i]
			if g.System || len(x.Groups) == setGroups {
				continue
			}
			line := groupLine{Count: g.Count, Status: g.Status, Wait: g.WaitReason, Frames: []int{}}
			for _, f := range g.Frames[:min(len(g.Frames), innerFrames)] {
				line.Frames = append(line.Frames, s.number(frameLine{
					Function: f.Function, File: fileOf(f.File), Line: f.Line, FuncLine: f.FuncLine, Within: f.Within, Inlined: f.Inlined, Repeat: f.Repeat,
				}))
			}
			x.Groups = append(x.Groups, line)
		}
	}
	s.samples = append(s.samples, x)
	return &s.samples[len(s.samples)-1]
}

// fileOf is what counts of a path: the file's name, and that it is of a module cache
// or vendor directory.
func fileOf(path string) string {
	if _, rest, ok := strings.Cut(path, "/vendor/"); ok {
		return "/vendor/" + rest
	}
	if strings.Contains(path, "@v") {
		if _, rest, ok := strings.Cut(path, "/pkg/mod/"); ok {
			return rest
		}
		return path
	}
	return filepath.Base(path)
}

func (s *set) stack(frames []report.Frame) []int {
	out := []int{}
	for i := range frames[:min(len(frames), innerFrames)] {
		f := &frames[i]
		out = append(out, s.number(frameLine{
			Function: f.Function, File: fileOf(f.File), Line: f.Line, FuncLine: f.FuncLine, Within: f.Within,
			Inlined: f.Inlined, Runtime: f.Runtime, Site: f.CrashSite, Repeat: f.Repeat,
		}))
	}
	return out
}

func exceptionOf(e *report.Exception) exceptionLine {
	l := exceptionLine{Type: e.Type, Message: redact.Unnumbered(e.Message), Relation: e.Relation, Recovered: e.Recovered, Repanicked: e.Repanicked, Goexit: e.Goexit}
	for i := range e.Sub {
		l.Sub = append(l.Sub, exceptionOf(&e.Sub[i]))
	}
	return l
}

// report is what add took it from, as far as it counts.
func (s *set) report(x *sample) *report.Report {
	r := &report.Report{
		Fingerprint: "redacted",
		Crash:       report.Crash{Kind: x.Kind, Exception: exceptionFrom(&x.Exception), Signal: x.Signal},
		Identity: report.Identity{
			MainPackage: "example.com/crashers", Main: report.Module{Path: "example.com/crashers"},
			Deps: []report.Module{{Path: "example.com/ours", Replaced: "./ours"}, {Path: "example.com/third", Version: "v1.0.0"}},
		},
	}
	if x.Frames != nil {
		r.Crash.Goroutine = 1
		r.Goroutines = []report.Goroutine{{ID: 1, Crashed: true, Frames: s.framesOf(x.Frames)}}
	}
	if x.Thread != nil {
		r.Threads = []report.Thread{{Crashed: true, Frames: s.framesOf(x.Thread)}}
	}
	for i, g := range x.Groups {
		group := report.Group{ID: i + 1, Count: g.Count, Status: g.Status, WaitReason: g.Wait, System: g.System}
		for _, n := range g.Frames {
			f := &s.frames[n]
			group.Frames = append(group.Frames, report.FrameRef{
				Function: f.Function, File: f.File, Line: f.Line, FuncLine: f.FuncLine, Within: f.Within, Inlined: f.Inlined, Repeat: f.Repeat,
			})
		}
		r.Groups = append(r.Groups, group)
	}
	return r
}

func (s *set) framesOf(numbers []int) []report.Frame {
	out := make([]report.Frame, 0, len(numbers))
	for i, n := range numbers {
		f := &s.frames[n]
		out = append(out, report.Frame{
			Index: i, Function: f.Function, Package: report.PackageOf(f.Function), File: f.File, Line: f.Line, FuncLine: f.FuncLine, Within: f.Within,
			Inlined: f.Inlined, Runtime: f.Runtime, CrashSite: f.Site, Repeat: f.Repeat,
		})
	}
	return out
}

func exceptionFrom(l *exceptionLine) report.Exception {
	e := report.Exception{Type: l.Type, Message: l.Message, Relation: l.Relation, Recovered: l.Recovered, Repanicked: l.Repanicked, Goexit: l.Goexit}
	for i := range l.Sub {
		e.Sub = append(e.Sub, exceptionFrom(&l.Sub[i]))
	}
	return e
}

// write writes the set: frames first, one line each.
func (s *set) write(path string) error {
	slices.SortStableFunc(s.samples, func(a, b sample) int {
		return strings.Compare(fmt.Sprintf("%s %04d", a.build, a.Bug), fmt.Sprintf("%s %04d", b.build, b.Bug))
	})
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, f := range s.frames {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	for _, x := range s.samples {
		if err := enc.Encode(x); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// readSet reads the set of the repository.
func readSet(t testing.TB) *set {
	t.Helper()
	f, err := os.Open(setFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &set{}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		var err error
		if bytes.HasPrefix(sc.Bytes(), []byte(`{"frame":`)) {
			var f frameLine
			if err = json.Unmarshal(sc.Bytes(), &f); err == nil && f.Frame != len(s.frames) {
				err = fmt.Errorf("frame %d", f.Frame)
			}
			s.frames = append(s.frames, f)
		} else {
			var x sample
			err = json.Unmarshal(sc.Bytes(), &x)
			s.samples = append(s.samples, x)
		}
		if err != nil {
			t.Fatal(setFile + ":" + strconv.Itoa(n) + ": " + err.Error())
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}
