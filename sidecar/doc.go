// Package sidecar reads the file that the helper writes beside crash texts and
// cores: what neither of them tells of the process.
//
// In:  a sidecar of safedump.Install, as docs/helper.md describes it.
// Out: the parts of a report that it knows: process, build, start time.
//
// It is a file like a core: its size and counts are bounded, and what it holds
// is redacted like all else. The helper's own package is not imported: what
// both agree on is the JSON.
package sidecar
