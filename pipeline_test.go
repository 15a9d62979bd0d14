package sdcore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// What damaged input may cost. The undamaged fixtures take under a second and
// some 40 MB of live heap.
const (
	maxBusy  = 10 * time.Second // of CPU
	maxHeap  = 512 << 20        // bytes of live objects
	maxAlloc = 2 << 30          // bytes allocated in all
)

// cost is what one run of the pipeline took.
type cost struct {
	busy        time.Duration
	heap, alloc uint64
}

func (c cost) max(o cost) cost {
	return cost{max(c.busy, o.busy), max(c.heap, o.heap), max(c.alloc, o.alloc)}
}

// run is what came out of one run of the pipeline.
type run struct {
	rep   *report.Report
	err   error
	panic string // with its stack
	cost  cost
}

// runPipeline analyzes, redacts and writes in every format, and measures. A run
// that exceeds a bound while it goes on ends the whole test, with all stacks.
func runPipeline(t *testing.T, core, bin string, o sdcore.Options) run {
	t.Helper()
	var r run
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := cpuTime()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.panic = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		r.rep, r.err = pipeline(core, bin, o)
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-tick.C:
		}
		metrics.Read(heap)
		r.cost.heap = max(r.cost.heap, heap[0].Value.Uint64())
		if r.cost.busy = cpuTime() - began; running && (r.cost.busy > maxBusy || r.cost.heap > 2*maxHeap) {
			debug.SetTraceback("all")
			panic(fmt.Sprintf("%s: still running after %v of CPU, with %d bytes of heap", t.Name(), r.cost.busy, r.cost.heap))
		}
	}
	runtime.ReadMemStats(&after)
	r.cost.alloc = after.TotalAlloc - before.TotalAlloc
	return r
}

// cpuTime is what this process has used: a busy machine is no hang.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// errPipeline is wrapped where something after the analysis fails: nothing in
// a core may do that.
var errPipeline = errors.New("the report can't be used")

// pipeline is what the commands do with a core.
func pipeline(core, bin string, o sdcore.Options) (*report.Report, error) {
	rep, err := sdcore.Analyze(context.Background(), core, bin, o)
	if err != nil {
		return nil, err
	}
	if err := rep.Validate(); err != nil {
		return rep, fmt.Errorf("%w: %w", errPipeline, err)
	}
	res, err := redact.Apply(rep, redact.Default())
	if err != nil {
		return rep, fmt.Errorf("%w: redact: %w", errPipeline, err)
	}
	var saved bytes.Buffer
	for name, write := range map[string]func() error{
		"JSON":      func() error { return export.JSON(&saved, res, export.Options{}) },
		"text":      func() error { return export.Text(io.Discard, res, export.TextOptions{Full: true}) },
		"lines":     func() error { return export.JSONL(io.Discard, res) },
		"Markdown":  func() error { return export.Markdown(io.Discard, res) },
		"traceback": func() error { return export.Traceback(io.Discard, res) },
		"profile":   func() error { return export.Profile(io.Discard, res) },
	} {
		if err := write(); err != nil {
			return rep, fmt.Errorf("%w: %s: %w", errPipeline, name, err)
		}
	}
	file, err := report.Decode(&saved, report.DecodeOptions{})
	if err != nil || !file.Native {
		return rep, fmt.Errorf("%w: read back: %w", errPipeline, err)
	}
	return rep, streamed(core, bin, o, rep)
}

// streamed writes the same report goroutine by goroutine.
func streamed(core, bin string, o sdcore.Options, rep *report.Report) error {
	s, err := sdcore.Open(context.Background(), core, bin, o)
	if err != nil {
		return fmt.Errorf("%w: opened once, but not again: %w", errPipeline, err)
	}
	defer s.Close()
	x, err := redact.New(redact.Default())
	if err != nil {
		return err
	}
	var saved bytes.Buffer
	res, err := s.StreamReport(context.Background(), x, export.NewJSONStream(&saved, export.Options{}))
	if err != nil {
		return fmt.Errorf("%w: stream: %w", errPipeline, err)
	}
	file, err := report.Decode(&saved, report.DecodeOptions{})
	if err != nil || !file.Native {
		return fmt.Errorf("%w: read stream back: %w", errPipeline, err)
	}
	if got := file.Report; res.Report().Complete != rep.Complete || got.Complete != rep.Complete || len(got.Goroutines) != len(rep.Goroutines) {
		return fmt.Errorf("%w: stream of %d goroutines, complete %v; the report has %d, %v",
			errPipeline, len(got.Goroutines), got.Complete, len(rep.Goroutines), rep.Complete)
	}
	return nil
}

// fair checks what holds for every input.
func (r *run) fair(t *testing.T) {
	t.Helper()
	switch {
	case r.panic != "":
		t.Errorf("panic: %s", r.panic)
	case errors.Is(r.err, errPipeline):
		t.Error(r.err)
	case r.err != nil && (strings.Contains(r.err.Error(), "\n") || len(r.err.Error()) > 2000):
		t.Errorf("not one line of an error: %q", r.err)
	}
	if r.cost.heap > maxHeap || r.cost.alloc > maxAlloc || r.cost.busy > maxBusy {
		t.Errorf("took %v, %d MB of heap at once and %d MB in all", r.cost.busy, r.cost.heap>>20, r.cost.alloc>>20)
	}
}

// outcome is the word for it.
func (r *run) outcome() string {
	switch {
	case r.err != nil || r.panic != "":
		return "refused"
	case !r.rep.Complete:
		return "partial"
	}
	return "complete"
}
