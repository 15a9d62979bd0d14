package redact

import "github.com/safedump/sdcore/report"

// Goroutine is a redacted goroutine of a report whose goroutines come one at a
// time. Only this package makes one.
type Goroutine struct {
	g     *report.Goroutine
	index int       // in the report's list
	last  *LastScan // nil if nothing was found secret
}

// Goroutine returns the redacted goroutine, not to be changed. It is nil for
// the zero value.
func (g Goroutine) Goroutine() *report.Goroutine { return g.g }
