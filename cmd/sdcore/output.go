package main

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
)

// rendering is how a report is to be shown.
type rendering struct {
	format   string
	full     bool             // of text
	literals export.GoOptions // of go
}

// print renders a report to stdout.
func (a *app) print(res redact.Result, r rendering) error { return a.render(a.stdout, res, r) }

func (a *app) render(w io.Writer, res redact.Result, r rendering) error {
	switch r.format {
	case "text":
		return export.Text(w, res, a.textOptions(r.full))
	case "json":
		return export.JSON(w, res, export.Options{MaxSize: sizeLimit(res)})
	case "jsonl":
		return export.JSONL(w, res)
	case "markdown":
		return export.Markdown(w, res)
	case "html":
		return export.HTML(w, res)
	case "go":
		return export.GoLiterals(w, res, r.literals)
	}
	return usagef("unknown format %q", r.format)
}

func (a *app) textOptions(full bool) export.TextOptions {
	return export.TextOptions{Width: a.textWidth(), Color: a.color, Full: full}
}

// keep saves the report where the flags say and returns the path, "" when
// nothing is to be saved. A format that is asked for on stdout is not saved
// besides.
func (a *app) keep(res redact.Result, f *analyzeFlags) (string, error) {
	if f.output != "" {
		format := outputFormat(f.output, &f.format)
		gzip := f.gzip || strings.HasSuffix(f.output, ".gz")
		if format == "json" {
			return f.output, writeFile(f.output, func(w io.Writer) error {
				return export.JSON(w, res, export.Options{MaxSize: sizeLimit(res), Gzip: gzip})
			})
		}
		if gzip {
			return "", usagef("--compress is for JSON, not for %s", format)
		}
		return f.output, writeFile(f.output, func(w io.Writer) error {
			plain := *a // a file has no colour and no terminal
			plain.color, plain.width = false, 0
			return plain.render(w, res, rendering{format, f.full, f.literals.options})
		})
	}
	if f.noSave || f.format.name != "text" {
		return "", nil
	}
	name, err := export.FileName(res)
	if err != nil {
		return "", err
	}
	if f.gzip {
		name += ".gz"
	}
	return a.saveReport(name, func(w io.Writer) error {
		return export.JSON(w, res, export.Options{MaxSize: sizeLimit(res), Gzip: f.gzip})
	})
}

// outputFormat is the format of -o FILE: --format where it was given, else by
// suffix, else JSON.
func outputFormat(path string, f *formatFlag) string {
	if f.set {
		return f.name
	}
	switch filepath.Ext(path) {
	case ".txt":
		return "text"
	case ".md":
		return "markdown"
	case ".html":
		return "html"
	case ".jsonl":
		return "jsonl"
	case ".go":
		return "go"
	}
	return "json"
}

// sizeLimit is --max-size as the report records it.
func sizeLimit(res redact.Result) int64 { return res.Report().Limits.MaxSize }

// exporter writes a redacted report in the format that a command was asked for.
type exporter func(w io.Writer, res redact.Result, format string) error

// answer prints the answer to a question about a core.
func (a *app) answer(res redact.Result, format string, write exporter) error {
	a.progress.clear()
	if err := write(a.stdout, res, format); err != nil {
		return err
	}
	return a.partial(res)
}
