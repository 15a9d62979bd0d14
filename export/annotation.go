package export

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// annotationLines bounds an annotation: what a reviewer sees beside the line.
const annotationLines = 20

// GitHubAnnotation writes the workflow command that shows a crash beside the
// source line where it happened: of the frames of the goroutine that crashed the
// first whose file is below root, an absolute path. Without one the annotation
// belongs to no line. It is one line of text, whatever the report holds.
// Source: GitHub Actions, "Workflow commands"; actions/toolkit,
// packages/core/src/command.ts for what is escaped.
func GitHubAnnotation(w io.Writer, res redact.Result, root string) error {
	return scanned(w, res, "annotation", func(p *paper, r *report.Report) error {
		line := gitHubError(stable(r), root)
		// What is looked for is not escaped as a command is.
		if err := p.check([]byte(unescaped(line))); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p, line)
		return err
	})
}

func gitHubError(r *report.Report, root string) string {
	m := &markdown{r: r}
	var properties []string
	f := frameBelow(r, root)
	if f != nil {
		file, _ := filepath.Rel(root, f.File) // it is below
		properties = append(properties, "file="+escapeProperty(name(file)), fmt.Sprintf("line=%d", f.Line))
	}
	properties = append(properties, "title="+escapeProperty(name(crashTitle(&r.Crash))))
	text := m.screenText(func(s *screen) {
		for _, l := range plainLines(deathText(&r.Crash), messageLines) {
			s.line(l)
		}
		if f != nil {
			s.line("in ", name(f.Function))
			s.vars(f.Vars, crashVars)
		}
	})
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > annotationLines {
		lines = append(lines[:annotationLines], "...")
	}
	return "::error " + strings.Join(properties, ",") + "::" + escapeData(strings.Join(lines, "\n"))
}

// frameBelow is the innermost frame of the goroutine that crashed whose file is
// below a directory.
func frameBelow(r *report.Report, root string) *report.Frame {
	i := crashedGoroutine(r)
	if i < 0 || root == "" {
		return nil
	}
	frames := r.Goroutines[i].Frames
	for j := range frames {
		f := &frames[j]
		if strings.HasPrefix(f.File, strings.TrimSuffix(root, "/")+"/") && f.Line > 0 {
			return f
		}
	}
	return nil
}

func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// unescaped undoes escapeData and escapeProperty.
func unescaped(s string) string {
	return strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
