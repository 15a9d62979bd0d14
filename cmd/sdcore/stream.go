package main

import (
	"context"
	"io"
	"strings"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
)

// newSink returns the sink that writes a format, nil where it needs the whole
// report at once.
func newSink(w io.Writer, format string, gzip bool) sdcore.Sink {
	switch format {
	case "json":
		return export.NewJSONStream(w, export.Options{Gzip: gzip})
	case "jsonl":
		return export.NewJSONLStream(w, export.Options{Gzip: gzip})
	}
	return nil
}

// streamed reports whether a report goes out as it is read: it may have any
// size, and nobody wants to see it besides as text.
func (f *analyzeFlags) streamed() bool {
	return f.maxSize == 0 && newSink(nil, f.format.name, false) != nil
}

// streamReport is analyze for a report that is never held as a whole.
func (a *app) streamReport(ctx context.Context, core, binary string, f *analyzeFlags) error {
	gzip := f.output != "" && (f.gzip || strings.HasSuffix(f.output, ".gz"))
	if gzip && f.format.name != "json" {
		return usagef("--compress is for JSON, not for %s", f.format.name)
	}
	var res redact.Result
	write := func(w io.Writer) (err error) {
		res, err = a.redacted(ctx, core, binary, f.options, f.redaction(), func(s *sdcore.Session, x *redact.Redactor) (redact.Result, error) {
			return s.StreamReport(ctx, x, newSink(w, f.format.name, gzip))
		})
		return err
	}
	if f.output == "" {
		if err := write(quiet{a.stdout, a.progress}); err != nil {
			return err
		}
		return a.partial(res)
	}
	if err := writeFile(f.output, write); err != nil {
		return err
	}
	if f.exec != "" {
		if err := a.runHook(ctx, f.exec, f.output); err != nil {
			return err
		}
	}
	return a.partial(res)
}

// redacted opens a session for one question whose answer is redacted on the
// way.
func (a *app) redacted(ctx context.Context, core, binary string, o sdcore.Options, p redact.Policy,
	question func(*sdcore.Session, *redact.Redactor) (redact.Result, error)) (redact.Result, error) {
	x, err := redact.New(p)
	if err != nil {
		return redact.Result{}, err
	}
	o.Progress = a.progress.update
	s, err := sdcore.Open(ctx, core, binary, o)
	if err != nil {
		return redact.Result{}, err
	}
	defer s.Close()
	defer a.progress.clear()
	return question(s, x)
}

// quiet removes the line of the progress from a terminal before each write.
type quiet struct {
	io.Writer
	progress *progress
}

func (q quiet) Write(b []byte) (int, error) {
	q.progress.clear()
	return q.Writer.Write(b)
}
