// Package night tells in the morning what a batch found: which crashes are new
// or came back, what could not be reported and why, what waits for a binary.
//
// In:  an outcome of package batch, groups of package index: redacted text that
// is printable.
// Out: text, Markdown or JSON.
package night
