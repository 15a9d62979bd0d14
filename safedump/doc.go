// Package safedump makes sure that there is a core dump to open when a Go
// service crashes. One line, early in main:
//
//	status, err := safedump.Install(safedump.Options{})
//
// In:  nothing but this process and the host it runs on.
// Out: a process whose next fatal panic, throw or fatal signal yields an ELF
// core where the host allows one, the crash text in a file, a small sidecar
// file beside it; and a [Status] that says where the core will land, or why
// none will, as [Diagnosis] codes with words and a remedy.
//
// Install never makes the program it serves worse: it prints nothing, starts
// no goroutine, takes over no signal, and every failure is a returned
// diagnosis. What it costs is a diagnosis too ([CodeTracebackCrash]).
//
// [Capture] takes a core of a process that goes on living, [CaptureError],
// [Watch] and [Recover] do so for handled errors and panics; what needs
// net/http, log/slog or testing is in httpcapture, slogcapture, testcapture.
//
// Only when asked: [Options].Monitor has a child process take the core, without
// the kernel's help and at the program's own traceback level; [DumpLater] and
// [OnSignal] dump a program that lives on.
//
// What it does not do: read a core (that is sdcore's work), send anything
// anywhere.
//
// The package needs the standard library only. It is complete on Linux (amd64
// and arm64); on other systems it compiles, keeps the crash text and the
// sidecar, and says with [CodeOSUnsupported] that it can say nothing of cores.
package safedump
