package export

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// crowd is payReport with n more goroutines in groups of ten, globals and
// values that take room.
func crowd(n int) *report.Report {
	r := payReport()
	for i := range n {
		id := uint64(1000 + i)
		g := report.Goroutine{ID: id, Status: "waiting", WaitReason: "chan receive", Group: 10 + i/10, Start: "main.worker",
			Redactions: []report.Redaction{{Location: fmt.Sprintf("goroutines[%d].frames[0].vars.key", i), Rule: "r", Reason: "x"}}}
		g.Frames = []report.Frame{
			{Function: "main.worker", File: "/src/pay/worker.go", Line: i, PC: 0x480000, Vars: []report.Variable{local("buf", strVal(strings.Repeat("x", i%700)))}},
		}
		r.Goroutines = append(r.Goroutines, g)
		if i%10 == 0 {
			r.Groups = append(r.Groups, report.Group{ID: 10 + i/10, Count: 10, Status: "waiting", WaitReason: "chan receive", IDs: []uint64{id},
				Frames: []report.FrameRef{{Function: "main.worker", File: "/src/pay/worker.go", Line: i}}})
		}
		if i%5 == 0 {
			r.Globals = append(r.Globals, report.Global{Package: "main", Name: fmt.Sprint("g", i), Value: strVal(strings.Repeat("y", 100))})
		}
	}
	return r
}

func TestFilesKeepToTheirSize(t *testing.T) {
	r := crowd(1500)
	s := compiled(t)
	for _, size := range []int64{40 << 10, 100 << 10, 500 << 10, 2 << 20, -1} {
		var b bytes.Buffer
		if err := writeJSON(&b, r, Options{MaxSize: size}); err != nil {
			t.Fatal(err)
		}
		if size > 0 && int64(b.Len()) > size {
			t.Errorf("%d bytes written, allowed are %d", b.Len(), size)
		}
		if size > 100<<10 && int64(b.Len()) < size/2 {
			t.Errorf("only %d bytes used of %d", b.Len(), size)
		}
		written := b.Len()
		f, err := report.Decode(&b, report.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := report.Encode(&again, &f.Document); err != nil || again.Len() != written {
			t.Errorf("%d bytes: not stable: %d, %v", written, again.Len(), err)
		}
		checkAccounts(t, r, f.Report)
		if !reflect.DeepEqual(f.Report.Goroutines[0].Frames[1].Vars, r.Goroutines[0].Frames[1].Vars) {
			t.Error("the crashing goroutine was shortened")
		}
		if len(f.Document.Threads) != len(f.Report.Goroutines) || !f.Document.Threads[0].Crashed {
			t.Errorf("%d threads for %d goroutines", len(f.Document.Threads), len(f.Report.Goroutines))
		}
		if size == 500<<10 {
			if err := s.Validate(tree(t, f.Report)); err != nil {
				t.Error(err)
			}
		}
	}
	if len(r.Omitted) != 1 {
		t.Error("the report was changed")
	}
}

// checkAccounts compares what is missing with what is said to be.
func checkAccounts(t *testing.T, all, kept *report.Report) {
	t.Helper()
	said := map[string]int64{}
	for _, o := range kept.Omitted {
		if o.Why == "--max-size" {
			said[o.What] = o.Count
		}
	}
	cut := 0
	for i := range kept.Goroutines {
		if len(kept.Goroutines[i].Frames) == 0 {
			cut++
			if kept.Goroutines[i].Group == 0 || kept.Goroutines[i].Redactions != nil {
				t.Errorf("goroutine %d: no group, or records of what is gone", kept.Goroutines[i].ID)
			}
		}
	}
	for what, missing := range map[string]int{
		"goroutines": len(all.Goroutines) - len(kept.Goroutines), "frames of goroutines": cut,
		"globals": len(all.Globals) - len(kept.Globals), "groups": len(all.Groups) - len(kept.Groups),
	} {
		if said[what] != int64(missing) {
			t.Errorf("%s: %d missing, %d said", what, missing, said[what])
		}
	}
}

func TestManyRecordsKeepToTheSize(t *testing.T) {
	r := payReport()
	for i := range 20_000 {
		r.Problems = append(r.Problems, report.Problem{Stage: "vars", Subject: fmt.Sprint("variable ", i), Message: "no location"})
		r.Redactions = append(r.Redactions, report.Redaction{Location: fmt.Sprintf("process.args[%d]", i), Rule: "secret_pattern", Reason: "x"})
	}
	var b bytes.Buffer
	if err := writeJSON(&b, r, Options{MaxSize: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Errorf("%d bytes", b.Len())
	}
	f, err := report.Decode(&b, report.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int64{}
	for _, o := range f.Report.Omitted {
		said[o.What] = o.Count
	}
	if n := len(f.Report.Problems); n == 0 || said["problems"] != int64(len(r.Problems)-n) {
		t.Errorf("%d problems, omitted %v", n, said)
	}
	if n := len(f.Report.Redactions); n == 0 || said["audit records"] != int64(len(r.Redactions)-n) {
		t.Errorf("%d audit records, omitted %v", n, said)
	}
	checkAccounts(t, r, f.Report)
}

func TestCrashingGoroutineComesFirstAndWhole(t *testing.T) {
	r := crowd(50)
	big := strVal(strings.Repeat("z", 200_000))
	r.Goroutines[0].Frames[1].Vars = append(r.Goroutines[0].Frames[1].Vars, local("big", big))
	var b bytes.Buffer
	if err := writeJSON(&b, r, Options{MaxSize: 1000}); err != nil {
		t.Fatal(err)
	}
	f, err := report.Decode(&b, report.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Report.Goroutines) != 1 || len(f.Report.Goroutines[0].Frames) != 5 {
		t.Errorf("%d goroutines", len(f.Report.Goroutines))
	}
	checkAccounts(t, r, f.Report)
}

func TestGzip(t *testing.T) {
	var plain, packed bytes.Buffer
	if err := writeJSON(&plain, payReport(), Options{}); err != nil {
		t.Fatal(err)
	}
	if err := compressed(&packed, true, func(w io.Writer) error { return writeJSON(w, payReport(), Options{}) }); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.Bytes()) {
		t.Errorf("the compressed file holds something else: %v", err)
	}
}

func BenchmarkJSON(b *testing.B) {
	r := crowd(20_000)
	for b.Loop() {
		if err := writeJSON(io.Discard, r, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
