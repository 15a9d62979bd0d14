package export

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// AnnotationOptions are for [Annotation].
type AnnotationOptions struct {
	// Report is where the report was saved, for the text.
	Report string
	// Dir is the directory that paths are told relative to: of files outside of
	// it no line is marked.
	Dir string
}

// Annotation writes a crash as a workflow command, which makes GitHub and what
// follows it show the crash at its line:
//
//	::error file=pay.go,line=8,title=panic::index out of range [5] with length 3
func Annotation(w io.Writer, res redact.Result, o AnnotationOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error {
		_, err := io.WriteString(p, annotation(r, o))
		return err
	})
}

func annotation(r *report.Report, o AnnotationOptions) string {
	place, function := "", ""
	frames := crashFrames(r, crashedGoroutine(r))
	for i := crashSite(frames); i < len(frames) && place == ""; i++ {
		f := &frames[i]
		if function == "" {
			function = f.Function
		}
		// The line in the repository is worth more than that in a library.
		if rel, err := filepath.Rel(o.Dir, f.File); err == nil && o.Dir != "" && filepath.IsLocal(rel) {
			place, function = fmt.Sprintf("file=%s,line=%d,", property(rel), f.Line), f.Function
		}
	}
	title := string(r.Crash.Kind)
	if function != "" {
		title += " in " + function
	}
	text := r.Crash.Exception.Message
	if o.Report != "" {
		text += " (report: " + o.Report + ")"
	}
	return "::error " + place + "title=" + property(title) + "::" + message(text) + "\n"
}

// message is a text on one line, without what a workflow command would undo.
// Source: actions/toolkit, packages/core/src/command.ts.
func message(s string) string { return strings.ReplaceAll(clip(plain(s), maxAnnotation), "%", "%25") }

// maxAnnotation bounds the text of an annotation, in runes.
const maxAnnotation = 2000

// property escapes what a property of a workflow command must not have.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(s))
}
