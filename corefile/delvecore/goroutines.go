package delvecore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// Goroutine states, runtime/runtime2.go of Go 1.26.
const (
	gScan      = 0x1000
	gDead      = 6
	gDeadExtra = 11
)

// delveGoroutines lists the goroutines as delve sees them: for cores whose
// runtime structures goruntime can't read, and for comparison in tests.
func (b *Backend) delveGoroutines(ctx context.Context) ([]corefile.Goroutine, []report.Problem, error) {
	if err := b.load(); err != nil {
		return nil, nil, err
	}
	out := make([]corefile.Goroutine, 0, len(b.gs))
	for _, g := range b.gs {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		status := g.Status &^ gScan
		if status == gDead || status == gDeadExtra || g.ID <= 0 {
			continue
		}
		o := corefile.Goroutine{
			ID: uint64(g.ID), Status: statusName(status), PC: g.PC, SP: g.SP,
			GoPC: g.GoPC, StartPC: g.StartPC, WaitSince: g.WaitSince,
		}
		if g.Thread != nil {
			o.TID = g.Thread.ThreadID()
		}
		err := guard(fmt.Sprintf("goroutine %d", g.ID), func() error {
			o.System = g.System(b.target)
			if loc := g.StartLoc(b.target); loc.Fn != nil {
				o.Start = loc.Fn.Name
			}
			if loc := g.Go(); loc.Fn != nil {
				o.Creator = &report.FrameRef{Function: loc.Fn.Name, File: loc.File, Line: loc.Line}
			}
			return nil
		})
		if err != nil {
			o.Start = ""
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(x, y corefile.Goroutine) int { return cmp.Compare(x.ID, y.ID) })
	return out, nil, nil
}

// statusName is the status in the words of a traceback, as goruntime has it.
func statusName(s uint64) string {
	switch s {
	case proc.Gidle:
		return "idle"
	case proc.Grunnable:
		return "runnable"
	case proc.Grunning:
		return "running"
	case proc.Gsyscall:
		return "syscall"
	case proc.Gwaiting:
		return "waiting"
	case proc.Gcopystack:
		return "copystack"
	case 9:
		return "preempted"
	case 10:
		return "leaked"
	}
	return fmt.Sprintf("status %d", s)
}
