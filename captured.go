package sdcore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/crash"
	"github.com/safedump/sdcore/report"
)

// helperPackage is the runtime helper, which takes cores of programs that go
// on living.
const helperPackage = "github.com/safedump/sdcore/safedump"

// sidecar is what sdcore reads of the file beside a core, docs/helper.md.
type sidecar struct {
	Version int `json:"sidecar_version"`
	PID     int `json:"pid"`
	Capture *struct {
		Reason     string         `json:"reason"`
		Panic      bool           `json:"panic"`
		Error      *sidecarError  `json:"error"`
		Caller     *sidecarCaller `json:"caller"`
		Suppressed int            `json:"suppressed"`
	} `json:"capture"`
}

type sidecarError struct {
	Type    string         `json:"type"`
	Package string         `json:"package"`
	Message string         `json:"message"`
	Wraps   []sidecarError `json:"wraps"`
}

type sidecarCaller struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

// Bounds of a sidecar: it is as little to be trusted as the core.
const (
	sidecarVersion   = 1
	maxSidecar       = 1 << 20
	maxSidecarErrors = 64
)

// sidecarNames are where the sidecar of a core may be: the helper puts
// NAME.sidecar.json beside NAME.core, people rename.
func sidecarNames(core string) []string {
	const suffix = ".sidecar.json"
	names := []string{core + suffix}
	if base, ok := strings.CutSuffix(core, ".core"); ok {
		names = append(names, base+suffix)
	}
	return names
}

// readSidecar reads the sidecar of a core; it is nil when there is none.
func readSidecar(core string, pid int) (sc *sidecar, path string, err error) {
	for _, path = range sidecarNames(core) {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !info.Mode().IsRegular() {
			return nil, path, errors.Join(err, errors.New("the sidecar is not a file"))
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, path, err
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxSidecar+1))
		if err != nil {
			return nil, path, err
		}
		sc, err = parseSidecar(b, pid)
		return sc, path, err
	}
	return nil, "", nil
}

// parseSidecar refuses what is not of this process. Errors hold none of the
// text.
func parseSidecar(b []byte, pid int) (*sidecar, error) {
	if len(b) > maxSidecar {
		return nil, fmt.Errorf("the sidecar has more than %d bytes", maxSidecar)
	}
	sc := &sidecar{}
	if err := json.Unmarshal(b, sc); err != nil {
		return nil, errors.New("the sidecar is not valid JSON of its kind")
	}
	switch {
	case sc.Version != sidecarVersion:
		return nil, fmt.Errorf("the sidecar has version %d, this is sdcore for version %d", sc.Version, sidecarVersion)
	case sc.PID != pid:
		return nil, fmt.Errorf("the sidecar is of process %d, the core of process %d", sc.PID, pid)
	}
	return sc, nil
}

// explainCapture adds to a crash that is none what the helper wrote beside the
// core: for what the program took a core of itself.
func (s *Session) explainCapture(c *report.Crash, site *crash.Site) []report.Problem {
	site.Frame = asker(site.Stack.Frames)
	sc, path, err := readSidecar(s.core.Path(), s.core.Process().PID)
	if err != nil {
		return []report.Problem{{Stage: "sdcore", Subject: path, Message: err.Error()}}
	}
	if sc == nil || sc.Capture == nil {
		return nil
	}
	what := sc.Capture
	c.Evidence = append(c.Evidence, "the reason of the capture: "+path)
	if what.Reason != "" {
		c.Evidence = append(c.Evidence, "reason: "+what.Reason)
	}
	if f := what.Caller; f != nil {
		c.Evidence = append(c.Evidence, fmt.Sprintf("asked for by %s at %s:%d", f.Function, f.File, f.Line))
	}
	if what.Suppressed > 0 {
		c.Evidence = append(c.Evidence, fmt.Sprintf("%d captures of this call site were refused by its limit before", what.Suppressed))
	}
	budget := maxSidecarErrors
	switch {
	case what.Error != nil:
		c.Exception = what.Error.exception(&budget)
	case what.Reason != "":
		c.Exception = report.Exception{Type: "capture", Module: helperPackage, Message: what.Reason, Sub: []report.Exception{}}
	}
	return nil
}

// exception converts an error and what it wraps.
func (e *sidecarError) exception(budget *int) report.Exception {
	*budget--
	x := report.Exception{Type: e.Type, Module: e.Package, Message: e.Message, Sub: []report.Exception{}}
	for i := range e.Wraps {
		if *budget <= 0 {
			break
		}
		sub := e.Wraps[i].exception(budget)
		sub.Relation = report.RelationWrapped
		if len(e.Wraps) > 1 {
			sub.Relation = report.RelationJoined
		}
		x.Sub = append(x.Sub, sub)
	}
	return x
}

// asker is the index of the frame that called the helper: the innermost one
// that is neither the helper's nor, where a deferred call captures a panic, the
// runtime's; -1 when the helper is not on top.
func asker(frames []corefile.Frame) int {
	for i := range frames {
		f := frames[i].Function
		if strings.HasPrefix(f, helperPackage+".") || strings.HasPrefix(f, helperPackage+"/") || strings.HasPrefix(f, "runtime.") && i > 0 {
			continue
		}
		if i == 0 {
			return -1
		}
		return i
	}
	return -1
}
