// Package redact removes secrets from a report. It is the only way to a
// [Result], and a Result is the only thing that export accepts: what was not
// redacted can't be written.
//
// In:  a [report.Report] with whole values, and a [Policy].
// Out: a [Result] holding a redacted, shortened copy, with an audit record for
// each removed value. A [Stream] does the same for a report whose goroutines
// are too many to be held: each comes twice, and goes out as a [Goroutine].
//
// Equal secrets show as one number, [PlaceholderOf], that says nothing else about
// them.
//
// A result knows the secrets that were found: its [LastScan] looks for them in
// what is written of it, and Dropped removes what holds one all the same.
//
// It fails closed: a value that can't be judged is dropped, a report with a
// string field that nobody decided about is refused, a bad rule is an error
// before anything is read. Nothing here prints, and no error or audit record
// holds a value.
package redact
