package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/capture"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/tracker"
	"github.com/safedump/sdcore/triage/batch"
	"github.com/safedump/sdcore/triage/index"
)

// Exit statuses, documented in the README and in `sdcore help`.
const (
	exitComplete = 0
	exitFailed   = 1
	exitUsage    = 2
	exitPartial  = 3
	exitNew      = 4 // batch: new crashes
)

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errPartial ends a command whose report is written but not complete.
var errPartial = errors.New("the report is not complete")

// errExists ends a command that would replace a file that nobody named.
var errExists = errors.New("it is not replaced")

// errCheckFailed ends doctor when a check failed; what failed is in its output.
var errCheckFailed = errors.New("this host can't produce cores")

// exitStatus prints err with its remedy and returns the exit status.
func (a *app) exitStatus(err error) int {
	var usage usageError
	var command commandStatus
	switch {
	case err == nil:
		return exitComplete
	case errors.As(err, &command):
		return int(command)
	case errors.Is(err, errNewGroups):
		return exitNew
	case errors.Is(err, errPartial), errors.Is(err, errFailures):
		return exitPartial
	case errors.Is(err, errCheckFailed):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "sdcore: %s\n", oneLine(err.Error()))
		return exitUsage
	case errors.Is(err, context.Canceled):
		// What was whole by then is there (a report, before its --exec hook),
		// nothing is half written.
		fmt.Fprintf(a.stderr, "sdcore: interrupted: %s\n", oneLine(err.Error()))
		return exitFailed
	}
	text := oneLine(err.Error())
	if h := hint(err); h != "" {
		text += ": " + h
	}
	fmt.Fprintf(a.stderr, "sdcore: %s\n", text)
	return exitFailed
}

// oneLine keeps an error on one line and free of control characters: file
// names come from the outside.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// hint is the remedy for an error, in one place.
func hint(err error) string {
	for _, h := range []struct {
		target error
		remedy string
	}{
		{corefile.ErrBinaryMismatch, "pass the exact binary that crashed, or --allow-mismatch to go on anyway"},
		{corefile.ErrNoDWARF, "pass a build without -ldflags=-s or -w, or the directory of its debug file with --debug-path; `sdcore info` says what this core can tell"},
		{corefile.ErrNotGo, "sdcore reads the cores of Go programs only"},
		{corefile.ErrCompressed, "unpack it first"},
		{corefile.ErrTooLarge, "set TMPDIR to a directory with more room, or unpack it yourself"},
		{corefile.ErrEmpty, "nothing was written to it: was the disk full, or RLIMIT_CORE (ulimit -c) 0?"},
		{corefile.ErrNotFile, "name the file itself"},
		{corefile.ErrNotExecutable, "pass the executable that crashed as the second argument"},
		{corefile.ErrNotCore, "pass the core dump as the first argument, the executable as the second"},
		{corefile.ErrCorrupt, "the file is damaged: copy it again, or take the core again; `sdcore info` shows what can be read"},
		{corefile.ErrUnsupported, "sdcore reads 64-bit little-endian ELF cores of Linux on amd64"},
		{corefile.ErrNotELF, "pass an ELF core dump and the executable that it is of"},
		{corefile.ErrTruncated, "the file was cut: was the disk full, or RLIMIT_CORE (ulimit -c) too small?"},
		{index.ErrNone, "`sdcore batch DIR` makes one, or name its directory with --store"},
		{errElsewhere, "view it there, or copy that file and view the copy"},
		{index.ErrNotFound, "`sdcore list` has the names"},
		{index.ErrAmbiguous, "give more of the name"},
		{index.ErrNewer, "update sdcore"},
		{batch.ErrLocked, "wait for it, or use another --store"},
		{errExists, "name it with -o to replace it"},
		{capture.ErrNoProcess, "`pidof PROGRAM` or `ps` has its number"},
		{capture.ErrSelf, "name the process to look at"},
		{capture.ErrNotGo, "for other programs `gcore PID` of gdb takes a core; sdcore reads those of Go programs only"},
		{capture.ErrTraced, "a process has one tracer: let that debugger go, or take the core with it"},
		{capture.ErrOtherUser, "run as that user or as root"},
		{capture.ErrPtraceScope, "run as root, or as root: sysctl -w kernel.yama.ptrace_scope=0"},
		{capture.ErrForbidden, "run as root; in a container: --cap-add=SYS_PTRACE"},
		{capture.ErrDiskSpace, "make room, or write elsewhere with -o"},
		{capture.ErrUnsupported, "see `sdcore doctor` for cores of the kernel"},
		{errCrashText, "`sdcore analyze` reads it, or pass a core"},
		{sdcore.ErrNoBinary, "name it as the second argument, or its directory with --bin-path"},
		{tracker.ErrKind, "see sdcore attach --help"},
		{tracker.ErrNoURL, "say it with --url"},
		{tracker.ErrURL, "fix --url"},
		{tracker.ErrProject, "fix --project"},
		{tracker.ErrPlainHTTP, "use https, or --insecure-http if you trust the way"},
		{tracker.ErrRefused, "is it of this tracker, and still valid?"},
		{tracker.ErrForbidden, "it needs the right to write issues in the project"},
		{tracker.ErrNotFound, "check --project and --url, and whose credential it is"},
		{tracker.ErrRateLimit, "run it again later: it goes on where it stopped"},
		{tracker.ErrCertificate, "name the certificate of who signed it with --ca-cert"},
		{tracker.ErrUnavailable, "check --url, and the proxy if there is one; run it again: it goes on where it stopped"},
		{tracker.ErrRedirect, "use the address and the project's name that the tracker has now"},
		{tracker.ErrNotRedacted, "`sdcore redact REPORT -o NEW` makes one that is"},
		{tracker.ErrNoGroup, "file it by hand: `sdcore convert --format markdown` has the text"},
		{export.ErrIssueSize, "attach it by hand"},
		{export.ErrSecret, "please report this as a bug of sdcore; another --format may be free of it"},
		{report.ErrNewerSchema, "it was written by a newer version: update sdcore"},
		{report.ErrNotReport, "pass a *.safedump.json file"},
		{fs.ErrPermission, "run as the user that owns it"},
		{fs.ErrNotExist, "check the path"},
	} {
		if errors.Is(err, h.target) {
			return h.remedy
		}
	}
	return ""
}
