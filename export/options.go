package export

import (
	"errors"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// ErrNoReport is returned for the zero [redact.Result].
var ErrNoReport = errors.New("export: there is no report to write")

// DefaultMaxSize is the bound on a saved report in bytes: Safedump's own
// declared bound.
const DefaultMaxSize = 10 << 20

// Options are for [JSON]. The zero value is ready to use.
type Options struct {
	// MaxSize bounds the JSON in bytes, before compression: 0 means
	// DefaultMaxSize, negative no bound. Goroutines, globals and groups are
	// left out to keep it, and counted in the report. What is always written
	// (the crashing goroutine, identity, process) may exceed it.
	MaxSize int64
	// Gzip compresses the file.
	Gzip bool
}

// TextOptions are for everything that is read on a terminal. The zero value is
// 80 columns without colour.
type TextOptions struct {
	// Width is the number of columns; 0 means 80. Tables and folded values
	// keep to it as far as names and paths allow.
	Width int
	// Color marks the few things that matter by ANSI colours.
	Color bool
	// Full shows values whole, over several lines, and the source and
	// variables of every frame of the crashing goroutine, its runtime frames
	// included.
	Full bool
	// Groups is the number of groups in the table of Text; 0 means 12,
	// negative all.
	Groups int
}

// width returns the number of columns, within bounds that can be laid out.
func (o TextOptions) width() int {
	if o.Width == 0 {
		return 80
	}
	return min(max(o.Width, 40), 1000)
}

// whole returns the report of a result.
func whole(res redact.Result) (*report.Report, error) {
	r := res.Report()
	if r == nil {
		return nil, ErrNoReport
	}
	return r, nil
}
