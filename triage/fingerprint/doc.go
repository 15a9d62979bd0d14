// Package fingerprint says which crashes are one bug.
//
// In:  a redacted report: a [redact.Result], or a stored report that redact has
// been through. Nothing that was not redacted is ever hashed.
// Out: a [Value] with three levels. Crashes that are equal at [Group] are
// one bug; [Narrow] tells variants of it apart, and [Wide] is equal for what
// may be one bug: a suggestion, like [Similar], never a merge.
//
// What counts, and what does not, is in rules.txt, line by line, each with an example.
// docs/fingerprints.md explains it for who wonders why two crashes are one
// group or are not.
//
// It reads no core and no file, keeps nothing, and does not decide what becomes of a group.
package fingerprint
