// Package export renders a redacted report: Safedump's JSON, text for a
// terminal, Markdown, and formats of other tools.
//
// In:  a [redact.Result], or for a [Stream] its goroutines one by one as
// [redact.Goroutine], nothing else: an unredacted report does not compile.
// Out: bytes to an io.Writer, the same for the same input.
//
//	JSON       the saved file (docs/report-format.md), within a size
//	JSONL      the same parts, one JSON object per line
//	Text       the crash screen; GoroutinesText, GlobalsText, PrintedText,
//	           ValueText and InfoText for the other commands, each with a
//	           sibling that writes JSON
//	Markdown   a short report for an issue
//	HTML       a page for a browser, which needs nothing else
//	GoLiterals the variables of a frame as Go source, for a regression test;
//	           PrintedGo one value
//	GitHubAnnotation  a line that GitHub shows beside the code
//	Traceback  Go's own format
//	Profile    a goroutine profile for go tool pprof
//
// All text is hostile. Where people read it, everything that is not printable
// is written as a Go escape: no terminal, Markdown or HTML acts on it. Colours
// are only ever sdcore's own.
//
// All that is written has passed the last scan: [scanned] is the way out, and
// [Stream] scans goroutine by goroutine. See docs/redaction.md.
//
// It opens no files, asks no terminal (options say width and colour) and
// knows nothing of cores.
package export
