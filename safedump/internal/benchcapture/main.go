// Benchcapture measures what safedump.Capture costs: the pause by size of heap,
// and what a busy HTTP server feels while its core is written. Run it by
// scripts/bench-helper.sh.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"time"

	"github.com/safedump/sdcore/safedump"
)

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", os.TempDir(), "write the cores below `DIR`; they are removed")
	flag.IntVar(&o.runs, "runs", 5, "captures for each size of heap")
	flag.IntVar(&o.heap, "heap", 512, "live heap of the HTTP server in `MB`")
	flag.IntVar(&o.rate, "rate", 500, "requests a second")
	flag.DurationVar(&o.idle, "idle", 5*time.Second, "how long to measure without a capture")
	role := flag.String("role", "", "internal: heap or server")
	flag.Parse()
	if err := run(*role, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchcapture:", err)
		os.Exit(1)
	}
}

type options struct {
	dir              string
	runs, heap, rate int
	idle             time.Duration
}

func run(role string, o options) error {
	switch role {
	case "heap":
		return playHeap(o)
	case "server":
		return playServer(o)
	}
	dir, err := os.MkdirTemp(o.dir, "benchcapture")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.dir = dir
	fmt.Println("heap MB  pause min / median / max ms      clone min ms  pause per GB ms  MB/s written  target")
	for _, mb := range []int{1, 64, 256, 1024} {
		if err := benchHeap(o, mb); err != nil {
			return err
		}
	}
	return benchServer(o)
}

// self starts this program in a role.
func self(role string, o options) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-role", role, "-dir", o.dir, "-runs", strconv.Itoa(o.runs), "-heap", strconv.Itoa(o.heap))
	cmd.Stderr = os.Stderr
	return cmd
}

func benchHeap(o options, mb int) error {
	o.heap = mb
	out, err := self("heap", o).Output()
	if err != nil {
		return err
	}
	var results []safedump.Result
	if err := json.Unmarshal(out, &results); err != nil {
		return err
	}
	sort.Slice(results, func(i, j int) bool { return results[i].Pause < results[j].Pause })
	least, most := results[0], results[len(results)-1]
	fork, speed := least.Fork, 0.0
	for _, r := range results {
		fork = min(fork, r.Fork)
		speed = max(speed, float64(r.Written)/1e6/(r.Duration-r.Pause).Seconds())
	}
	target := 2 * time.Millisecond // a small process
	if mb > 50 {
		target = time.Duration(float64(40*time.Millisecond) * float64(mb) / 1024)
	}
	fmt.Printf("%7d  %8.2f / %8.2f / %8.2f       %8.2f  %15.1f  %12.0f  %s\n", mb, ms(least.Pause), ms(results[len(results)/2].Pause), ms(most.Pause),
		ms(fork), ms(least.Pause)*1024/float64(mb), speed, verdict(least.Pause <= target, target))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func verdict(ok bool, target time.Duration) string {
	word := "met"
	if !ok {
		word = "MISSED"
	}
	return fmt.Sprintf("%s (best of the runs, %.1f ms)", word, ms(target))
}

// ballast is live memory that is made of objects with pointers, as services
// have.
type node struct {
	next *node
	data [112]byte
}

func ballast(mb int) []*node {
	const chain = 64
	lists := make([]*node, mb<<20/128/chain)
	for i := range lists {
		for j := 0; j < chain; j++ {
			lists[i] = &node{next: lists[i]}
			lists[i].data[j] = byte(i)
		}
	}
	return lists
}

// playHeap prints the results of captures of a process of a given size.
func playHeap(o options) error {
	lists := ballast(o.heap)
	var results []safedump.Result
	for i := 0; i < o.runs; i++ {
		r, err := capture(o.dir)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		return err
	}
	lists[0].data[0]++ // alive until here
	return nil
}
