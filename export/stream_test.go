package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// generated returns a report with random contents, some of them hostile.
func generated(seed uint64) *report.Report {
	var r report.Report
	fill(reflect.ValueOf(&r).Elem(), rand.New(rand.NewPCG(seed, 0)), 8)
	crashed := -1
	for i := range r.Goroutines {
		g := &r.Goroutines[i]
		g.ID, g.Status, g.Crashed = uint64(i+1), "s"+g.Status, g.Crashed && crashed < 0
		if g.Crashed {
			crashed = i
		}
	}
	r.Crash.Goroutine = 0
	return &r
}

// fill sets v and what is below it at random. A list is nil, or empty, or not.
func fill(v reflect.Value, r *rand.Rand, depth int) {
	if t, ok := v.Addr().Interface().(*time.Time); ok {
		*t = time.Unix(r.Int64N(4e11)-1e11, r.Int64N(1e9)) // years to 11000
		return
	}
	some := r.IntN(3) > 0
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), r, depth)
			}
		}
	case reflect.Pointer:
		if depth > 0 && some {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), r, depth-1)
		}
	case reflect.Slice:
		if depth > 0 && some {
			v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
			for i := range v.Len() {
				fill(v.Index(i), r, depth-1)
			}
		}
	case reflect.Map:
		if some {
			v.Set(reflect.ValueOf(map[string]int{"a\u2028": r.IntN(9), "b": 1}))
		}
	case reflect.String:
		if all := []string{"", "text", evil(), "\u2029\ufffd\n", `\u2028`, "\n      \"groups\": [", "],"}; some {
			v.SetString(all[r.IntN(len(all))])
		}
	case reflect.Bool:
		v.SetBool(some)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	}
}

// reports are those that the writers are compared on.
func reports() map[string]*report.Report {
	all := map[string]*report.Report{
		"pay": payReport(), "hostile": hostileReport(), "empty": {}, "thread": threadReport(), "deep": deepReport(5000), "crowd": crowd(200),
	}
	for seed := range uint64(150) {
		all[fmt.Sprint("generated ", seed)] = generated(seed)
	}
	return all
}

// TestJSONIsTheEncodedDocument: writing list by list is the same as encoding
// everything at once.
func TestJSONIsTheEncodedDocument(t *testing.T) {
	for name, r := range reports() {
		c := completed(r)
		c.Goroutines = slices.Clone(c.Goroutines)
		d := document(r)
		crashed := crashedGoroutine(r)
		for i := range c.Goroutines {
			c.Goroutines[i] = *completedGoroutine(&c.Goroutines[i])
		}
		for _, i := range crashedFirst(r) {
			d.Threads = append(d.Threads, docThread(&r.Goroutines[i], i == crashed))
		}
		var err error
		if d.Metadata, err = metadata(&c); err != nil {
			t.Fatal(err)
		}
		var want, got bytes.Buffer
		if err := report.Encode(&want, d); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(&got, r, Options{MaxSize: -1}); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Fatalf("%s: written\n%s\nencoded\n%s", name, got.String(), want.String())
		}
		if strings.Contains(got.String(), ":null") { // argv and ident have a blank there
			t.Fatalf("%s: something is null in\n%s", name, got.String())
		}
	}
}

// TestJSONLIsEncodedRecords: so it is with lines.
func TestJSONLIsEncodedRecords(t *testing.T) {
	for name, r := range reports() {
		var got, want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		line := func(x any) {
			if err := enc.Encode(x); err != nil {
				t.Fatal(err)
			}
		}
		c := completed(r)
		line(headRecord(&c))
		for _, i := range crashedFirst(r) {
			line(struct {
				Record string `json:"record"`
				*report.Goroutine
			}{"goroutine", completedGoroutine(&r.Goroutines[i])})
		}
		for i := range c.Globals {
			line(struct {
				Record string `json:"record"`
				*report.Global
			}{"global", &c.Globals[i]})
		}
		for i := range c.Problems {
			line(struct {
				Record string `json:"record"`
				*report.Problem
			}{"problem", &c.Problems[i]})
		}
		line(map[string]any{"record": "end", "goroutines": len(r.Goroutines), "redaction_counts": c.RedactionCounts})
		if err := writeJSONL(&got, r); err != nil {
			t.Fatal(err)
		}
		sorted := strings.Replace(want.String(), `{"goroutines":`+fmt.Sprint(len(r.Goroutines))+`,"record":"end",`, `{"record":"end","goroutines":`+fmt.Sprint(len(r.Goroutines))+`,`, 1)
		if got.String() != sorted {
			t.Fatalf("%s: written\n%s\nencoded\n%s", name, got.String(), sorted)
		}
	}
}

// TestGoroutinesJSONIsEncoded: so it is with goroutines alone.
func TestGoroutinesJSONIsEncoded(t *testing.T) {
	for name, r := range reports() {
		for _, o := range []GoroutineOptions{{}, {All: true}, {Locals: true}} {
			out := struct {
				Total      int                `json:"total"`
				Groups     []report.Group     `json:"groups"`
				Goroutines []report.Goroutine `json:"goroutines,omitempty"`
			}{Groups: completed(r).Groups}
			for i := range r.Groups {
				out.Total += r.Groups[i].Count
			}
			out.Total = max(out.Total, len(r.Goroutines))
			for i := range r.Goroutines {
				g := *completedGoroutine(&r.Goroutines[i])
				if !o.Locals {
					g.Frames = withoutVars(g.Frames)
				}
				if o.All || o.Locals {
					out.Goroutines = append(out.Goroutines, g)
				}
			}
			want, err := report.EncodeIndented(out, "")
			if err != nil {
				t.Fatal(err)
			}
			var got, lined, all bytes.Buffer
			if err := writeGoroutinesJSON(&got, r, o); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(json.Compact(&all, want), json.Compact(&lined, got.Bytes())); err != nil {
				t.Fatalf("%s: %v in\n%s", name, err, got.String())
			}
			if all.String() != lined.String() {
				t.Fatalf("%s: written\n%s\nencoded\n%s", name, got.String(), want)
			}
		}
	}
}

// crashedToFront moves the goroutine that crashed to the front.
func crashedToFront(r *report.Report) *report.Report {
	c := *r
	c.Goroutines = nil
	for _, i := range crashedFirst(r) {
		c.Goroutines = append(c.Goroutines, r.Goroutines[i])
	}
	return &c
}

// headOf is what a stream's head knows of r.
func headOf(r *report.Report) *report.Report {
	head := *r
	head.Goroutines, head.RedactionCounts = slices.Clone(r.Goroutines), map[string]int{"in the head": 1}
	crashed := crashedGoroutine(r)
	for i := range head.Goroutines {
		if i != crashed {
			head.Goroutines[i] = reference(&head.Goroutines[i])
		}
	}
	return &head
}

// stream writes r through s, pieces of some goroutines each.
func stream(s *Stream, r *report.Report, some int) error {
	if err := s.head(headOf(r)); err != nil {
		return err
	}
	var piece []byte
	for i := range r.Goroutines {
		if i == 0 && crashedGoroutine(r) == 0 {
			continue
		}
		piece = s.form.goroutine(piece, &r.Goroutines[i])
		if i%some == 0 {
			if err := s.Write(piece); err != nil {
				return err
			}
			piece = piece[:0]
		}
	}
	if err := s.Write(piece); err != nil {
		return err
	}
	return s.End(r.RedactionCounts)
}

// TestStreamIsWhole: a report that comes in pieces is written like a whole one.
func TestStreamIsWhole(t *testing.T) {
	for name, r := range reports() {
		r = crashedToFront(r)
		for _, some := range []int{1, 3} {
			for _, zip := range []bool{false, true} {
				if zip && name != "crowd" {
					continue // it takes long
				}
				o := Options{MaxSize: -1, Gzip: zip}
				var want, got bytes.Buffer
				if err := errors.Join(compressed(&want, zip, func(w io.Writer) error { return writeJSON(w, r, o) }), stream(NewJSONStream(&got, o), r, some)); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !bytes.Equal(got.Bytes(), want.Bytes()) {
					t.Fatalf("%s, %d at a time, as JSON:\n%s\nwant\n%s", name, some, got.String(), want.String())
				}
			}
			var want, got bytes.Buffer
			if err := errors.Join(writeJSONL(&want, r), stream(NewJSONLStream(&got, Options{}), r, some)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Fatalf("%s, %d at a time, as lines:\n%s\nwant\n%s", name, some, got.String(), want.String())
			}
			for _, locals := range []bool{false, true} {
				o := GoroutineOptions{All: true, Locals: locals}
				var want, got bytes.Buffer
				if err := errors.Join(writeGoroutinesJSON(&want, r, o), stream(NewGoroutinesJSONStream(&got, o), r, some)); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !bytes.Equal(got.Bytes(), want.Bytes()) {
					t.Fatalf("%s, %d at a time, as goroutines:\n%s\nwant\n%s", name, some, got.String(), want.String())
				}
			}
		}
	}
}

// TestStreamTellsMisuse: what would make a file that lies is an error.
func TestStreamTellsMisuse(t *testing.T) {
	var b bytes.Buffer
	if err := NewJSONStream(&b, Options{}).Head(redact.Result{}); !errors.Is(err, ErrNoReport) {
		t.Errorf("a result without report: %v", err)
	}
	r := payReport()
	slices.Reverse(r.Goroutines)
	if err := NewJSONLStream(&b, Options{}).head(r); err == nil {
		t.Error("took the goroutine that crashed at the end of the list")
	}
	s := NewJSONStream(&b, Options{})
	if err := errors.Join(s.head(headOf(payReport())), s.Write(s.form.goroutine(nil, &r.Goroutines[0]))); err != nil {
		t.Fatal(err)
	}
	if err := s.End(nil); err == nil || err.Error() != "export json: 5 goroutines are listed, 2 were written" {
		t.Errorf("took 2 of 5 goroutines: %v", err)
	}
}

// brokenWriter takes some bytes.
type brokenWriter struct{ left int }

var errBroken = errors.New("disk full")

func (w *brokenWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errBroken
	}
	return len(b), nil
}

func TestStreamTellsErrors(t *testing.T) {
	r := crowd(2000)
	for _, left := range []int{0, 1 << 17} {
		for _, zip := range []bool{false, true} {
			for _, s := range []*Stream{
				NewJSONStream(&brokenWriter{left}, Options{Gzip: zip}), NewJSONLStream(&brokenWriter{left}, Options{}),
			} {
				if err := stream(s, r, 10); left == 0 && !errors.Is(err, errBroken) || left > 0 && !zip && !errors.Is(err, errBroken) {
					t.Errorf("%s after %d bytes, compressed %v: %v", s.form.name(), left, zip, err)
				}
			}
		}
	}
}
