// Helperbench measures what the helper costs a busy HTTP server:
//
//	go run ./scripts/helperbench [-rounds N] [-time D] [-connections N]
//
// It runs one program (safedump/internal/monitor/testdata/host) in four roles,
// in turns: A without the helper, A once more, B with Install, C with Install and
// the monitor. What two runs of A differ by is the machine's noise; B and C are
// to lie within what the runs of A span. Processor time per request is the
// server's own, and for C with the monitor's; it depends less than the other
// figures on what else the machine does.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 8, "rounds of one run of each role")
	length := flag.Duration("time", 2*time.Second, "load of each run")
	connections := flag.Int("connections", 16, "connections that ask one request after the other")
	flag.Parse()
	if err := bench(*rounds, *length, *connections); err != nil {
		fmt.Fprintln(os.Stderr, "helperbench:", err)
		os.Exit(1)
	}
}

// role is one way to run the server.
type role struct {
	name    string
	install string // options of Install, "" for none
	runs    []figures
}

// figures are those of one run.
type figures struct {
	rate     float64       // requests a second
	p50, p99 time.Duration // of a request
	cpu      time.Duration // processor time a request
}

func bench(rounds int, length time.Duration, connections int) error {
	dir, err := os.MkdirTemp("", "helperbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server := filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-o", server, "./internal/monitor/testdata/host")
	build.Dir = "safedump"
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	roles := []*role{{name: "A no helper"}, {name: "A no helper, again"}, {name: "B Install", install: "plain"}, {name: "C Install, Monitor", install: "monitor"}}
	for i := range rounds {
		for j := range roles {
			r := roles[(i+j)%len(roles)] // nobody is always first
			f, err := run(server, filepath.Join(dir, "files"), r.install, length, connections)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			r.runs = append(r.runs, f)
		}
	}
	return show(roles)
}

// run starts a server, loads it, and ends it.
func run(server, dir, install string, length time.Duration, connections int) (f figures, err error) {
	cmd := exec.Command(server)
	cmd.Env = append(os.Environ(), "HOST_DO=serve", "HOST_DIR="+dir)
	if install != "" {
		cmd.Env = append(cmd.Env, "HOST_INSTALL="+install)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return f, err
	}
	if err := cmd.Start(); err != nil {
		return f, err
	}
	defer func() {
		var exit *exec.ExitError
		if waitErr := errors.Join(cmd.Process.Kill(), ignore(cmd.Wait(), &exit)); err == nil {
			err = waitErr
		}
	}()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return f, err
	}
	url := "http://" + strings.TrimSpace(addr)
	if _, err := load(url, length/4, connections); err != nil { // warm
		return f, err
	}
	before, err := processorTime(cmd.Process.Pid)
	if err != nil {
		return f, err
	}
	begin := time.Now()
	took, err := load(url, length, connections)
	if err != nil {
		return f, err
	}
	wall := time.Since(begin)
	after, err := processorTime(cmd.Process.Pid)
	if err != nil {
		return f, err
	}
	slices.Sort(took)
	return figures{
		rate: float64(len(took)) / wall.Seconds(), p50: took[len(took)/2], p99: took[len(took)*99/100],
		cpu: (after - before) / time.Duration(len(took)),
	}, nil
}

// ignore drops the error that tells of a killed process.
func ignore(err error, exit **exec.ExitError) error {
	if errors.As(err, exit) {
		return nil
	}
	return err
}

// load asks on all connections until the time is up, and returns how long each
// request took. A request that fails is an error.
func load(url string, length time.Duration, connections int) ([]time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration
		failed error
	)
	end := time.Now().Add(length)
	for range connections {
		wait.Go(func() {
			var took []time.Duration
			var err error
			for now := time.Now(); now.Before(end) && err == nil; now = time.Now() {
				err = ask(client, url)
				took = append(took, time.Since(now))
			}
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, took...), errors.Join(failed, err)
		})
	}
	wait.Wait()
	return all, failed
}

func ask(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// processorTime is that of a process and its children that live.
func processorTime(pid int) (time.Duration, error) {
	total, err := own(pid)
	if err != nil {
		return 0, err
	}
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, path := range children {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that ended
		}
		for _, child := range strings.Fields(string(b)) {
			n, err := strconv.Atoi(child)
			if err != nil {
				return 0, err
			}
			t, err := own(n)
			if err != nil {
				return 0, err
			}
			total += t
		}
	}
	return total, nil
}

// own sums the nanoseconds of a process's threads (/proc/PID/task/TID/schedstat).
func own(pid int) (total time.Duration, err error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that ended
		}
		first, _, _ := strings.Cut(string(b), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n)
	}
	return total, nil
}

// column is one figure of a run.
type column struct {
	name string
	of   func(figures) float64
}

func show(roles []*role) error {
	columns := []column{
		{"requests/s", func(f figures) float64 { return f.rate }},
		{"p50 us", func(f figures) float64 { return float64(f.p50.Nanoseconds()) / 1e3 }},
		{"p99 us", func(f figures) float64 { return float64(f.p99.Nanoseconds()) / 1e3 }},
		{"cpu us/request", func(f figures) float64 { return float64(f.cpu.Nanoseconds()) / 1e3 }},
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "median (lowest to highest)\t"+names(columns))
	for _, r := range roles {
		fmt.Fprint(w, r.name)
		for _, c := range columns {
			all := values(c, r)
			fmt.Fprintf(w, "\t%.1f (%.1f to %.1f)", all[len(all)/2], all[0], all[len(all)-1])
		}
		fmt.Fprintln(w)
	}
	for _, r := range roles[2:] {
		fmt.Fprintf(w, "%s: within A", r.name[:1])
		for _, c := range columns {
			a := values(c, roles[0], roles[1])
			x := values(c, r)
			median := x[len(x)/2]
			fmt.Fprintf(w, "\t%v", median >= a[0] && median <= a[len(a)-1])
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func names(columns []column) string {
	var all []string
	for _, c := range columns {
		all = append(all, c.name)
	}
	return strings.Join(all, "\t")
}

// values are those of all runs of some roles, sorted.
func values(c column, roles ...*role) (all []float64) {
	for _, r := range roles {
		for _, f := range r.runs {
			all = append(all, c.of(f))
		}
	}
	slices.Sort(all)
	return all
}
