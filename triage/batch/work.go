package batch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/discover"
	"github.com/safedump/sdcore/triage/index"
)

// WorkOptions say how a worker makes its report.
type WorkOptions struct {
	// Analysis has limits, tier and backend; where to look for what is in the job.
	Analysis sdcore.Options
	// Policy redacts.
	Policy redact.Policy
	// Fail is a hook of the tests, see writeFile.
	Fail func(at string)
}

// Work does one job, which it reads from in, in a process of its own: what that
// may do is restricted, and how it collects its garbage. Whatever is wrong with the
// input is in its answer; an error means that there is none.
func Work(ctx context.Context, in io.Reader, o WorkOptions) error {
	relaxCollector()
	j, err := readJob(in)
	if err != nil {
		return err
	}
	if err := restrict(j); err != nil { // before anything of the input is read
		return err
	}
	w := worker{job: j, options: o, fail: o.Fail}
	a, err := w.do(ctx)
	if err != nil {
		a = &answer{State: index.Failed, Reason: w.reason(err)}
	}
	return writeFile(filepath.Join(j.Dir, answerFile), "answer", w.fail, func(out io.Writer) error {
		data, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if len(data) > maxAnswer {
			return errors.New("the answer is too long")
		}
		_, err = out.Write(data)
		return err
	})
}

// reason is the text of an error, redacted like what a report says of problems.
// It holds no memory, but names and paths of the process.
func (w *worker) reason(err error) string {
	rep := &report.Report{Schema: report.Schema, Problems: []report.Problem{{Stage: "batch", Subject: "crash", Message: err.Error()}}}
	res, failed := redact.Apply(rep, w.options.Policy)
	if failed != nil {
		return "it can't be reported, and why can't be told: " + failed.Error()
	}
	return res.Report().Problems[0].Message
}

type worker struct {
	job     *job
	options WorkOptions
	fail    failures
}

func (w *worker) do(ctx context.Context) (*answer, error) {
	j := w.job
	o := w.options.Analysis
	o.TempDir, o.DebugDirs, o.SourceDirs, o.MaxUnpacked = j.Dir, j.DebugDirs, j.SourceDirs, j.Bounds.Unpacked
	o.BinaryDirs, o.CrashTime = nil, j.Time
	o.CrashTimeSource = "the name or the head of the file that " + j.Origin + " wrote"
	o.Candidates = func(gnu, goID string) []string { return discover.Lookup(j.Binaries, gnu, goID) }
	x, err := redact.New(w.options.Policy)
	if err != nil {
		return nil, err
	}
	switch discover.Kind(j.Kind) {
	case discover.Text:
		rep, err := sdcore.AnalyzeText(j.Path, o)
		if err != nil {
			return nil, err
		}
		res, err := x.Apply(rep)
		if err != nil {
			return nil, err
		}
		return w.deliver(res)
	case discover.Apport:
		path, err := w.unpackApport()
		if err != nil {
			return nil, err
		}
		defer os.Remove(path)
		return w.core(ctx, path, x, o)
	case discover.Core:
		return w.core(ctx, j.Path, x, o)
	}
	return nil, fmt.Errorf("unknown kind %q", j.Kind)
}

// unpackApport copies the core in an apport file to a file of its own.
func (w *worker) unpackApport() (string, error) {
	path := filepath.Join(w.job.Dir, "apport.core")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	limit := cmp.Or(w.job.Bounds.Unpacked, 1<<40)
	return path, errors.Join(discover.UnpackApport(f, w.job.Path, limit), f.Close())
}

// core reports a core, or says what it waits for.
func (w *worker) core(ctx context.Context, path string, x *redact.Redactor, o sdcore.Options) (*answer, error) {
	s, err := sdcore.Open(ctx, path, "", o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if !s.HasBinary() {
		return w.waiting(ctx, s, x, sdcore.ErrNoBinary)
	}
	res, err := s.RedactedReport(ctx, x, sdcore.Whole)
	switch {
	case errors.Is(err, corefile.ErrNoDWARF), errors.Is(err, sdcore.ErrNoBinary):
		return w.waiting(ctx, s, x, err)
	case err != nil:
		return nil, err
	}
	return w.deliver(res)
}

// waiting says which binary is missing. Where the core says that it was is
// redacted like every path.
func (w *worker) waiting(ctx context.Context, s *sdcore.Session, x *redact.Redactor, why error) (*answer, error) {
	rep, err := s.Info(ctx)
	if err != nil {
		return nil, err
	}
	paths := s.ExecutablePaths()
	if len(paths) > 0 {
		rep.Identity.Binary = paths[0]
	}
	res, err := x.Apply(rep)
	if err != nil {
		return nil, err
	}
	id := &res.Report().Identity
	if id.CoreBuildID == "" && id.CoreGoID == "" {
		return nil, errors.New("it holds no build ID to find its binary by")
	}
	a := &answer{State: index.Waiting, BuildID: id.CoreBuildID, GoID: id.CoreGoID, Executable: id.Binary}
	what := "the binary"
	if errors.Is(why, corefile.ErrNoDWARF) {
		what = "debug information"
	}
	a.Reason = what + " of build " + cmp.Or(id.CoreBuildID, id.CoreGoID)
	if len(paths) > 0 {
		a.Reason += " (" + id.Binary + ")"
	}
	return a, nil
}

// deliver writes the report and makes the answer.
func (w *worker) deliver(res redact.Result) (*answer, error) {
	path := filepath.Join(w.job.Dir, reportFile)
	err := writeFile(path, "report", w.fail, func(out io.Writer) error {
		bounded := &boundedWriter{w: out, left: w.job.Bounds.Output}
		return export.JSON(bounded, res, export.Options{MaxSize: res.Report().Limits.MaxSize, Gzip: true})
	})
	if err != nil {
		return nil, err
	}
	o, err := occurrence(res, w.job)
	if err != nil {
		return nil, err
	}
	return &answer{State: index.Done, Occurrence: o}, nil
}

// boundedWriter refuses more than so many bytes.
type boundedWriter struct {
	w    io.Writer
	left int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("the report is larger than a worker may write")
	}
	return b.w.Write(p)
}

// checked is an occurrence that the last scan of the report's secrets passes:
// its texts are made of redacted ones, and this makes sure.
func checked(res redact.Result, o *index.Occurrence) (*index.Occurrence, error) {
	scan := res.LastScan()
	if scan == nil {
		return o, nil
	}
	leaks := func(v any) bool {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return true
		}
		found, _ := scan.Find(b.Bytes())
		return found
	}
	kept := o.Variables[:0]
	for _, v := range o.Variables {
		if !leaks(v) {
			kept = append(kept, v)
		}
	}
	if o.Variables = kept; leaks(o) {
		return nil, fmt.Errorf("%w: no row for the index could be made", export.ErrSecret)
	}
	return o, nil
}
