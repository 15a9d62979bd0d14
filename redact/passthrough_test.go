package redact

import "github.com/safedump/sdcore/report"

// PassThrough is a stage that judges nothing, to measure what judging costs. It
// exists in the test binary only: nothing outside of tests makes a Result of a
// report that was not redacted.
func PassThrough(r *report.Report) Result { return Result{r: r} }
