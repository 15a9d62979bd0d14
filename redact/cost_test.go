package redact_test

import (
	"context"
	"io"
	"syscall"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// BenchmarkPipeline is the way from a core to JSON: with a stage that passes
// everything through, with the report redacted as a whole, and redacted while it is
// read, which reads every goroutine twice.
func BenchmarkPipeline(b *testing.B) {
	for _, core := range []string{"manywait", "payment", "secrets"} {
		for _, stage := range []struct {
			name string
			run  func(b *testing.B, f coretest.Files, o sdcore.Options, x *redact.Redactor) error
		}{{"pass-through", passedThrough}, {"whole", wholeRedacted}, {"streamed", streamRedacted}} {
			b.Run(core+"/"+stage.name, func(b *testing.B) {
				f := coretest.Core(b, core)
				o := sdcore.Options{Tier: 2, Limits: report.Limits{MaxSize: -1}}
				x, err := redact.New(redact.Policy{Tier: o.Tier, Limits: o.Limits})
				if err != nil {
					b.Fatal(err)
				}
				before := processorTime(b)
				for b.Loop() {
					if err := stage.run(b, f, o, x); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(processorTime(b)-before)/1e6/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

// processorTime is what this process has used of processors, in nanoseconds: on a
// machine that others use too it says more than the clock.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func passedThrough(b *testing.B, f coretest.Files, o sdcore.Options, _ *redact.Redactor) error {
	rep, err := sdcore.Analyze(b.Context(), f.Core, f.Bin, o)
	if err != nil {
		return err
	}
	return export.JSON(io.Discard, redact.PassThrough(rep), export.Options{MaxSize: -1})
}

func wholeRedacted(b *testing.B, f coretest.Files, o sdcore.Options, x *redact.Redactor) error {
	rep, err := sdcore.Analyze(b.Context(), f.Core, f.Bin, o)
	if err != nil {
		return err
	}
	res, err := x.Apply(rep)
	if err != nil {
		return err
	}
	return export.JSON(io.Discard, res, export.Options{MaxSize: -1})
}

func streamRedacted(b *testing.B, f coretest.Files, o sdcore.Options, x *redact.Redactor) error {
	s, err := sdcore.Open(context.Background(), f.Core, f.Bin, o)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.StreamReport(b.Context(), x, export.NewJSONStream(io.Discard, export.Options{MaxSize: -1}))
	return err
}
