// Withcore runs a program and writes an ELF core file when a signal kills it:
//
//	withcore [-o FILE] [-keep-exit] [-no-env] [--] PROGRAM [ARGUMENT...]
//
// It needs no root, no core_pattern and no RLIMIT_CORE: it is the program's
// ptrace parent, stops all threads at the fatal signal, copies registers and
// memory, and then lets the program die of that signal. The core is complete
// or absent: it appears under its name only when it is whole.
//
// A Go program ends by a signal only at traceback level "crash", so withcore
// sets GOTRACEBACK=crash for it unless GOTRACEBACK is set; -no-env leaves the
// environment alone.
//
// Which signals count: those for which the kernel itself would dump core
// (signal(7)), when nothing in the program catches or ignores them at that
// moment. Withcore's own exit status is the program's, or 128 plus the number
// of the signal that killed it; with -keep-exit withcore dies of the same
// signal. 125 means that withcore itself failed, 126 and 127 that the program
// could not be started.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Exit statuses of withcore's own troubles, as of env(1) and nohup(1).
const (
	exitTrouble  = 125
	exitNotStart = 126
	exitNotFound = 127
)

// options are the command line.
type options struct {
	output   string
	keepExit bool
	noEnv    bool
	argv     []string
}

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitTrouble
	}
	end, err := trace(o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "withcore:", err)
	}
	switch {
	case errors.Is(err, errStart) && errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	case errors.Is(err, errStart):
		return exitNotStart
	case err != nil && !end.known:
		return exitTrouble
	case end.signal == 0:
		return end.code
	case o.keepExit:
		dieOf(end.signal)
	}
	return 128 + end.signal
}

// ending is how the program ended: by exit with a code, or by a signal.
type ending struct {
	known        bool
	code, signal int
}

// errStart is wrapped when the program could not be started.
var errStart = errors.New("start")

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("withcore", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.output, "o", "core", "write the core to `FILE`")
	f.BoolVar(&o.keepExit, "keep-exit", false, "die of the signal that killed the program instead of exiting with 128+signal")
	f.BoolVar(&o.noEnv, "no-env", false, "do not set GOTRACEBACK=crash")
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: withcore [-o FILE] [-keep-exit] [-no-env] [--] PROGRAM [ARGUMENT...]")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.argv = f.Args()
	if len(o.argv) == 0 {
		f.Usage()
		return o, errors.New("no program named")
	}
	return o, nil
}
