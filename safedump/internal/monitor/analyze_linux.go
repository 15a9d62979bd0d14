//go:build amd64 || arm64

package monitor

import (
	"context"
	"errors"
	"os"
	"time"
)

// analyzeTimeout bounds sdcore where nobody waits for it.
const analyzeTimeout = 5 * time.Minute

// analyze turns the core of d into a report, and drops the core once there is
// one. Without sdcore the core stays.
func (c *child) analyze(d *Dump, report string, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	err := Sdcore(ctx, "analyze", d.Core, nil, "--format", "json", "-o", report)
	if err == nil {
		_, err = os.Stat(report)
	}
	switch {
	case errors.Is(err, ErrNoTool):
		return
	case err != nil:
		d.Problem = err.Error()
		return
	}
	d.Report = report
	if err := os.Remove(d.Core); err == nil {
		d.Core = ""
	}
}
