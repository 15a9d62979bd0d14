// Command sdcore turns the core dump of a crashed Go program into a report
// that is safe to show: what died, where, and what the values were.
//
//	sdcore analyze core.1234 ./server
//
// prints the crash and saves one redacted report under ~/.safedump. `sdcore
// help` lists the commands, each with an example.
//
// Exit status: 0 complete, 1 failed, 2 wrong usage, 3 a report was written
// but something that belongs in it is missing.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// interruptGrace is how long after a signal temporary files may be removed. A
// read that blocks does not notice that it was interrupted.
const interruptGrace = 3 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // the next signal kills
		time.Sleep(interruptGrace)
		os.Exit(exitFailed)
	}()
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(stdin, stdout, stderr)
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	a.progress.clear()
	return a.exitStatus(err)
}
