package sdcore_test

import (
	"context"
	"fmt"
	"os"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
)

// A core becomes a report, the report is redacted, the result is written: there
// is no other way from a core to bytes.
func ExampleAnalyze() {
	rep, err := sdcore.Analyze(context.Background(), "core.1234", "./server", sdcore.Options{Tier: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	res, err := redact.Apply(rep, redact.Default())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	if err := export.Text(os.Stdout, res, export.TextOptions{Width: 100}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// A session answers several questions about one core.
func ExampleSession() {
	ctx := context.Background()
	s, err := sdcore.Open(ctx, "core.1234", "./server", sdcore.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer s.Close()
	rep, err := s.Goroutines(ctx, sdcore.Filter{Wait: "chan receive", Locals: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for _, g := range rep.Groups {
		fmt.Println(g.Count, g.WaitReason, g.Frames[0].Function)
	}
}
