// Package policyfile reads redaction policies that people write.
//
// In:  YAML, as docs/redaction.md describes it.
// Out: a [File], which changes a redact.Policy where it says something.
//
// It is strict: an unknown key, a value of the wrong type or a rule that can't
// be used is an error that names the line and says what is wanted, and there is
// no File then. It does not redact.
package policyfile
