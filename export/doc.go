// Package export renders a redacted report: Safedump's JSON, text for a
// terminal, Markdown.
//
// In:  a [redact.Result], nothing else: an unredacted report does not compile.
// Out: bytes to an io.Writer, the same for the same input.
//
// It opens no files, asks no terminal (options say width and colour) and
// knows nothing of cores.
package export
