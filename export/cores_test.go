package export_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// TestStreamsOfRealCores redacts and writes the reports of real cores as a
// whole and as streams, which must be the same bytes.
func TestStreamsOfRealCores(t *testing.T) {
	for _, name := range []string{"payment", "manywait", "deadlock", "cgosegv", "stdvalues"} {
		t.Run(name, func(t *testing.T) {
			core := coretest.Core(t, name)
			analyzed := func() *report.Report { // a report may be changed when it is redacted as a stream
				rep, err := sdcore.Analyze(context.Background(), core.Core, core.Bin, sdcore.Options{Limits: report.Limits{MaxSize: -1}})
				if err != nil {
					t.Fatal(err)
				}
				return rep
			}
			res, err := redact.Apply(analyzed(), redact.Default())
			if err != nil {
				t.Fatal(err)
			}
			var json, lines, streamedJSON, streamedLines bytes.Buffer
			if err := export.JSON(&json, res, export.Options{MaxSize: -1}); err != nil {
				t.Fatal(err)
			}
			if err := export.JSONL(&lines, res); err != nil {
				t.Fatal(err)
			}
			streamed(t, export.NewJSONStream(&streamedJSON, export.Options{}), analyzed)
			streamed(t, export.NewJSONLStream(&streamedLines, export.Options{}), analyzed)
			if !bytes.Equal(streamedJSON.Bytes(), json.Bytes()) {
				t.Errorf("JSON in pieces:\n%s\nas a whole:\n%s", &streamedJSON, &json)
			}
			if !bytes.Equal(streamedLines.Bytes(), lines.Bytes()) {
				t.Errorf("lines in pieces:\n%s\nas a whole:\n%s", &streamedLines, &lines)
			}
		})
	}
}

// streamed redacts a report as a stream and writes it to s.
func streamed(t *testing.T, s *export.Stream, analyzed func() *report.Report) {
	t.Helper()
	x, err := redact.New(redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	rs := x.Stream(1)
	head, again := analyzed(), analyzed()
	for i := range head.Goroutines {
		if g := &head.Goroutines[i]; !g.Crashed {
			first := *g
			rs.Learn(0, i, &first)
			g.Frames, g.Labels = []report.Frame{}, nil
		}
	}
	res, err := rs.Seal(head)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Head(res); err != nil {
		t.Fatal(err)
	}
	for i := range again.Goroutines {
		if again.Goroutines[i].Crashed {
			continue
		}
		g, err := rs.Redact(0, i, &again.Goroutines[i])
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.Append(nil, g)
		if err == nil {
			err = s.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.End(rs.Counts()); err != nil {
		t.Fatal(err)
	}
}
