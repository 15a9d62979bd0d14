// Command sdcore turns the core dump of a crashed Go program into a report
// that is safe to show: what died, where, and what the values were.
//
//	sdcore analyze core.1234 ./server
//
// prints the crash and saves one redacted report under ~/.safedump. `sdcore
// help` lists the commands, each with an example.
//
// Exit status: 0 complete, 1 failed, 2 wrong usage, 3 a report was written
// but something that belongs in it is missing; of batch also 4, new crashes.
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
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	go func() {
		<-ctx.Done()
		stop() // the next signal kills
		time.Sleep(interruptGrace)
		if !a.patient.Load() {
			os.Exit(exitFailed)
		}
	}()
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return newApp(stdin, stdout, stderr).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	a.progress.clear()
	a.pager.close()
	return a.exitStatus(err)
}
