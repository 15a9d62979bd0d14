package redact

import (
	"errors"

	"github.com/safedump/sdcore/report"
)

// Placeholder stands in the place of every removed value, as in Safedump.
const Placeholder = "[REDACTED]"

// Policy says what to remove and how much to keep. The zero value is the
// default policy at tier 0; see [Default].
type Policy struct {
	// Tier is the privacy tier, 0 to 4 (docs/redaction.md). What a tier does
	// not show is removed here, whatever the report holds.
	Tier int
	// Limits shorten what is left, after everything was judged whole.
	Limits report.Limits
}

// Default is the policy of the commands: tier 1 with the default limits.
func Default() Policy { return Policy{Tier: 1} }

// Result is a redacted report. Only Apply makes one.
type Result struct{ r *report.Report }

// Report returns the redacted report, not to be changed. It is nil for the
// zero Result.
func (r Result) Report() *report.Report { return r.r }

// Apply redacts a copy of r; r itself is not changed.
func Apply(r *report.Report, p Policy) (Result, error) { return Result{}, errors.New("not built yet") }
