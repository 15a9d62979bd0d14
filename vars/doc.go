// Package vars decodes memory into report values: arguments, results and
// locals of frames, captured variables, package globals.
//
// In:  frames of a corefile.Backend, plans of goscope and gotype, memory.
// Out: [report.Variable] and [report.Value] trees with a state each.
//
// Every decoder is bounded in bytes, nodes and depth, keeps a visited set, and
// never recurses deeper than the limit: the memory is hostile. It does not
// decide what is secret and does not shorten below the scan bound of redact.
package vars
