package sdcore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestRedactedReport: what is redacted while it is read is written as the
// report that is read whole and redacted then.
func TestRedactedReport(t *testing.T) {
	for _, name := range coretest.Names(t) {
		t.Run(name, func(t *testing.T) {
			o := unbounded(0)
			f := coretest.Core(t, name)
			s, x := openSession(t, f.Core, f.Bin, o), redactor(t, o)
			ctx := context.Background()
			rep, err := s.Report(ctx)
			if errors.Is(err, corefile.ErrNoDWARF) {
				t.Skip(err)
			}
			whole := applied(t, x, rep, err)
			res, err := s.RedactedReport(ctx, x, sdcore.Whole)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil { // the result outlives the session
				t.Fatal(err)
			}
			made := export.Options{MaxSize: -1}
			sameOutput(t, "JSON",
				func(w io.Writer) error { return export.JSON(w, res, made) },
				func(w io.Writer) error { return export.JSON(w, whole, made) })
		})
	}
}

// counted are the lines of a text that say how much there is in the report.
var countedLines = regexp.MustCompile(`(?m)^(left out|redacted|\*\*Redacted|Redacted).*\n`)

// TestCrashOnly: who wants to see the crash sees the same without the frames of
// the others in the report.
func TestCrashOnly(t *testing.T) {
	for _, name := range []string{"payment", "deadlock", "manywait", "sigquit", "goexit"} {
		t.Run(name, func(t *testing.T) {
			o := sdcore.Options{}
			f := coretest.Core(t, name)
			s, x := openSession(t, f.Core, f.Bin, o), redactor(t, o)
			var texts [2][2]string
			for i, extent := range []sdcore.Extent{sdcore.Whole, sdcore.CrashOnly} {
				res, err := s.RedactedReport(context.Background(), x, extent)
				if err != nil {
					t.Fatal(err)
				}
				rep, framed := res.Report(), 0
				for j := range rep.Goroutines {
					if len(rep.Goroutines[j].Frames) > 0 {
						framed++
					}
				}
				if extent == sdcore.CrashOnly && rep.Crash.Goroutine != 0 && framed != 1 {
					t.Errorf("%d goroutines have frames, want the one that crashed", framed)
				}
				if extent == sdcore.Whole && framed < 2 {
					t.Errorf("%d goroutines have frames", framed)
				}
				var text, md bytes.Buffer
				if err := errors.Join(export.Text(&text, res, export.TextOptions{}), export.Markdown(&md, res)); err != nil {
					t.Fatal(err)
				}
				for j, b := range [][]byte{text.Bytes(), md.Bytes()} {
					texts[i][j] = string(countedLines.ReplaceAll(b, nil))
				}
			}
			for j, what := range []string{"text", "markdown"} {
				if texts[0][j] != texts[1][j] {
					t.Errorf("%s differs:\n%s\n--- crash only:\n%s", what, texts[0][j], texts[1][j])
				}
			}
		})
	}
}

// TestRoom: a report of a certain size has frames for as many goroutines as fit,
// counts the others, and is the same each time.
func TestRoom(t *testing.T) {
	o := sdcore.Options{Limits: report.Limits{MaxSize: 100_000}}
	f := coretest.Core(t, "manywait")
	s, x := openSession(t, f.Core, f.Bin, o), redactor(t, o)
	var first []byte
	for range 2 {
		res, err := s.RedactedReport(context.Background(), x, sdcore.Whole)
		if err != nil {
			t.Fatal(err)
		}
		rep, framed, left := res.Report(), 0, int64(0)
		for i := range rep.Goroutines {
			if len(rep.Goroutines[i].Frames) > 0 {
				framed++
			}
		}
		for _, om := range rep.Omitted {
			if om.What == "frames of goroutines" {
				left += om.Count
			}
		}
		if framed < 10 || left < 10 || framed+int(left) != len(rep.Goroutines) {
			t.Errorf("%d of %d goroutines have frames, %d are counted as left out", framed, len(rep.Goroutines), left)
		}
		var b bytes.Buffer
		if err := export.JSON(&b, res, export.Options{MaxSize: o.Limits.MaxSize}); err != nil {
			t.Fatal(err)
		}
		if int64(b.Len()) > o.Limits.MaxSize || first != nil && !bytes.Equal(first, b.Bytes()) {
			t.Errorf("%d bytes, another report than before", b.Len())
		}
		first = b.Bytes()
	}
}
