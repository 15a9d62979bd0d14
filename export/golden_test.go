package export

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/safedump/sdcore/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGolden(t *testing.T) {
	text := TextOptions{Width: 100}
	full := TextOptions{Width: 100, Full: true}
	for file, write := range map[string]func(io.Writer, *report.Report) error{
		"pay.safedump.json": func(w io.Writer, r *report.Report) error { return writeJSON(w, r, Options{}) },
		"pay.jsonl":         writeJSONL,
		"pay.txt":           func(w io.Writer, r *report.Report) error { return writeText(w, r, text) },
		"pay-full.txt":      func(w io.Writer, r *report.Report) error { return writeText(w, r, full) },
		"pay-color.txt": func(w io.Writer, r *report.Report) error {
			return writeText(w, r, TextOptions{Width: 100, Color: true})
		},
		"pay.md":        writeMarkdown,
		"pay.html":      writeHTML,
		"pay.go.txt":    func(w io.Writer, r *report.Report) error { return writeGo(w, r, GoOptions{All: true}) },
		"pay.traceback": func(w io.Writer, r *report.Report) error { return writeTraceback(onPaper(w), r) },
		"pay-info.txt":  func(w io.Writer, r *report.Report) error { return writeInfo(w, r, text) },
		"pay-goroutines.txt": func(w io.Writer, r *report.Report) error {
			return writeGoroutines(onPaper(w), r, GoroutineOptions{TextOptions: text})
		},
		"pay-goroutines-locals.txt": func(w io.Writer, r *report.Report) error {
			return writeGoroutines(onPaper(w), r, GoroutineOptions{TextOptions: text, All: true, Locals: true})
		},
		"pay-globals.txt": func(w io.Writer, r *report.Report) error {
			s := newScreen(r, text)
			s.globals(r.Globals)
			return s.flush(w)
		},
		"pay-print.txt": func(w io.Writer, r *report.Report) error {
			for _, path := range []string{"main.charge.req", "user.Tier", "len(ids)", `main.gateways["basic"].URL`, "cause.(type)", "main.handle.ids[1]", "attempt"} {
				if err := writeValue(onPaper(w), r, ValueOptions{TextOptions: text, Path: path}); err != nil {
					return err
				}
			}
			return nil
		},
		"pay.pprof.txt": func(w io.Writer, r *report.Report) error {
			_, err := io.WriteString(w, goroutineProfile(r).String())
			return err
		},
	} {
		t.Run(file, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b, payReport()); err != nil {
				t.Fatal(err)
			}
			golden(t, file, b.Bytes())
		})
	}
	t.Run("thread.txt", func(t *testing.T) {
		var b bytes.Buffer
		if err := writeText(&b, threadReport(), text); err != nil {
			t.Fatal(err)
		}
		golden(t, "thread.txt", b.Bytes())
	})
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (accept with -update):\n%s", path, firstDifference(want, got))
	}
}

// firstDifference shows the first lines that differ.
func firstDifference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range min(len(w), len(g)) {
		if !bytes.Equal(w[i], g[i]) {
			return "want: " + string(w[i]) + "\ngot:  " + string(g[i])
		}
	}
	return "one is longer than the other"
}
