// Package report is the data model of sdcore: what was found in a core, as
// plain values that can be walked, redacted, encoded and compared.
//
// In:  the packages that read a core (corefile and below it, vars, crashtext)
// fill a [Report].
// Out: redact turns a Report into a redacted one; export renders that. A file
// on disk is a [Document], Safedump's schema 1 with the Report under
// metadata.sdcore; [Decode] reads either back, and [Value.Decode] fills a Go
// value of the caller's own type from a part of it.
//
// It does not read cores, does not decide what is secret, and does not render:
// it imports nothing but the standard library.
//
// # Redaction decisions
//
// Every string field of the model carries a struct tag `redact:"..."` that
// says what redact has to do with it. The tag is the decision, next to the
// field it is about; a string field without one makes redact's tests fail and
// makes redact refuse the report.
//
//	text   free text from the crashed process or about it: scanned for secrets
//	name   an identifier of the program (variable, field, label key): its words
//	       decide about the value beside it; scanned for secrets like text
//	path   a file path: scanned for secrets
//	args   command line words: scanned one by one and as flag/value pairs
//	value  decoded memory: handled by the typed walk over [Value]
//	code   symbol names, type names, enumerations and other text that comes
//	       from the compiler: scanned for provider patterns only
//	safe   written by sdcore itself, never from the process: scanned for
//	       provider patterns only, because a file can be edited
package report
