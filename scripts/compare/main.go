// Command compare times shell commands against each other: every command once
// per round, in turn, so that a machine that drifts drifts for all of them.
//
//	go run ./scripts/compare -n 5 -rows sdcore='bin/sdcore goroutines ...' dlv='dlv core ...'
//
// For each it prints the minimum of the wall times, the peak of the anonymous
// memory (RssAnon, sampled) and of all resident memory (which counts mapped
// file pages, the kernel's to take back), the bytes that it printed, those that
// it wrote to files, and the ratio to the first. A command that fails is listed
// as failed: it is no opponent.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

type contestant struct {
	name, command string
	best          time.Duration
	anon          int64 // bytes of anonymous memory
	peak          int64 // bytes of resident memory, file pages included
	output        int64 // bytes on stdout
	files         int64 // bytes written to files, as the kernel accounts them
	failed        string
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("compare", flag.ContinueOnError)
	rounds := fs.Int("n", 5, "counted rounds, after one that only warms the caches")
	title := fs.String("title", "", "what is compared")
	record := fs.String("record", "", "append the figures to `FILE`: key, name, seconds, bytes of RssAnon, bytes of files")
	key := fs.String("key", "", "the first field of those lines")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var cs []*contestant
	for _, arg := range fs.Args() {
		name, command, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q: want NAME=COMMAND", arg)
		}
		cs = append(cs, &contestant{name: name, command: command})
	}
	if len(cs) == 0 {
		return errors.New("nothing to compare")
	}
	for i := 0; i <= *rounds; i++ {
		for _, c := range cs {
			c.round(i > 0)
		}
	}
	table(out, *title, *rounds, cs)
	if *record == "" {
		return nil
	}
	return appendRecord(*record, *key, cs)
}

// appendRecord appends a line for each command that succeeded to a file, for
// the script that sets them against the targets.
func appendRecord(path, key string, cs []*contestant) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, c := range cs {
		if c.failed == "" {
			fmt.Fprintf(f, "%s\t%s\t%.4f\t%d\t%d\n", key, c.name, c.best.Seconds(), c.anon, c.files)
		}
	}
	return f.Close()
}

// round runs the command once. One that does not count warms caches and counts
// what is printed; in the others that goes to /dev/null, since whoever reads a
// gigabyte from a pipe takes a processor away from who writes it.
func (c *contestant) round(counts bool) {
	if c.failed != "" {
		return
	}
	var n counter
	cmd := exec.Command("sh", "-c", "exec "+c.command)
	if !counts {
		cmd.Stdout = &n
	}
	start := time.Now()
	err := cmd.Start()
	if err == nil {
		done := make(chan struct{})
		anon := sample(cmd.Process.Pid, done)
		files := written(cmd.Process.Pid)
		if counts { // the first round updates times of access
			c.files = max(c.files, files)
		}
		err = cmd.Wait()
		close(done)
		c.anon = max(c.anon, <-anon)
	}
	wall := time.Since(start)
	// Status 3 is sdcore's "written but partial": the work was done.
	if err != nil && (cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 3) {
		c.failed = err.Error()
		return
	}
	if !counts {
		c.output = int64(n)
		return
	}
	if c.best == 0 || wall < c.best {
		c.best = wall
	}
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = max(c.peak, ru.Maxrss*1024)
	}
}

func table(out io.Writer, title string, rounds int, cs []*contestant) {
	fmt.Fprintf(out, "%s (minimum of %d, alternated, warm cache)\n\n", title, rounds)
	fmt.Fprintln(out, "| tool | wall | ratio | peak RssAnon | peak RSS | output | files |")
	fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|")
	for _, c := range cs {
		if c.failed != "" {
			fmt.Fprintf(out, "| %s | failed: %s | | | | | |\n", c.name, c.failed)
			continue
		}
		ratio := "-"
		if cs[0].best > 0 {
			ratio = fmt.Sprintf("%.1f", float64(c.best)/float64(cs[0].best))
		}
		fmt.Fprintf(out, "| %s | %s | %s | %d MB | %d MB | %.1f MB | %.1f MB |\n", c.name, seconds(c.best), ratio, c.anon>>20, c.peak>>20,
			float64(c.output)/1e6, float64(c.files)/1e6)
	}
	fmt.Fprintln(out)
}

// seconds shows a duration with three digits where two would say nothing.
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.3f s", d.Seconds())
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// written waits for the end of a process, without reaping it, and returns the
// bytes that it made the kernel write to storage: temporary files, for a
// command whose output is a pipe.
func written(pid int) int64 {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return procField(pid, "io", "\nwrite_bytes:")
}

// sampleEvery is how often the anonymous memory is looked at.
const sampleEvery = 5 * time.Millisecond

// sample follows the anonymous memory of a process until done is closed, and
// then sends its peak in bytes.
func sample(pid int, done <-chan struct{}) <-chan int64 {
	peak := make(chan int64, 1)
	go func() {
		var most int64
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				peak <- most
				return
			case <-tick.C:
				most = max(most, anonymous(pid))
			}
		}
	}()
	return peak
}

// anonymous reads RssAnon of a process, 0 when it is gone.
func anonymous(pid int) int64 { return procField(pid, "status", "\nRssAnon:") << 10 }

// procField reads a number from a file of /proc, 0 when it is not there.
func procField(pid int, file, name string) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(b), name)
	if !ok {
		return 0
	}
	var n int64
	if _, err := fmt.Sscan(rest, &n); err != nil {
		return 0
	}
	return n
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
