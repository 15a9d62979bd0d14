package export

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/safedump/sdcore/report"
)

// limitedWriter takes so many writes.
type limitedWriter struct {
	left int
	got  bytes.Buffer
}

func (w *limitedWriter) Write(b []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errFull
	}
	return w.got.Write(b)
}

// TestInTurn: parts come in order whoever made them, and none behind the first
// that could not be written.
func TestInTurn(t *testing.T) {
	for _, parts := range []int{0, 1, 2, 3, 50} {
		for workers := 1; workers < 6; workers++ {
			for _, room := range []int{0, 1, 7, parts} {
				bufs := make([]bytes.Buffer, workers)
				w := &limitedWriter{left: room}
				err := inTurn(parts, workers, func(worker, part int) ([]byte, error) {
					bufs[worker].Reset()
					fmt.Fprintf(&bufs[worker], "%d,", part)
					return bufs[worker].Bytes(), nil
				}, func(text []byte) error { _, err := w.Write(text); return err })
				want := ""
				for i := range min(parts, room) {
					want += fmt.Sprintf("%d,", i)
				}
				if got := w.got.String(); got != want || errors.Is(err, errFull) != (room < parts) {
					t.Errorf("%d parts, %d workers, room for %d: %q, %v", parts, workers, room, got, err)
				}
			}
		}
	}
}

// TestManyGoroutines: a long list is written in order.
func TestManyGoroutines(t *testing.T) {
	r := &report.Report{Groups: []report.Group{{ID: 1, Count: 1000, Status: "waiting", Frames: []report.FrameRef{{Function: "main.wait"}}}}}
	for i := range 1000 {
		r.Goroutines = append(r.Goroutines, report.Goroutine{ID: uint64(i), Status: "waiting", Group: 1})
	}
	var out bytes.Buffer
	if err := writeGoroutines(onPaper(&out), r, GoroutineOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	_, text, _ := bytes.Cut(out.Bytes(), []byte("\n\n"))
	var want bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&want, "goroutine %d [waiting]\n    main.wait  ?\n\n", i)
	}
	if got := string(text) + "\n"; got != want.String() {
		t.Errorf("%.200q", got)
	}
}
