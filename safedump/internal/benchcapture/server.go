package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/safedump/sdcore/safedump"
)

// capture makes a core and removes it.
func capture(dir string) (safedump.Result, error) {
	r, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: dir, Reason: "benchmark"})
	return r, errors.Join(err, removed(r.Path), removed(r.Sidecar))
}

func removed(path string) error {
	if path == "" {
		return nil
	}
	return os.Remove(path)
}

// playServer serves requests that allocate, read and change live memory; a
// request for /capture makes a capture and answers with its result.
func playServer(o options) error {
	lists := ballast(o.heap)
	var mu sync.Mutex
	next := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		next++
		n := lists[next*7919%len(lists)]
		n.data[next%len(n.data)]++
		mu.Unlock()
		var b strings.Builder
		for ; n != nil; n = n.next {
			fmt.Fprintf(&b, "%d,", n.data[0])
		}
		_, _ = io.WriteString(w, b.String())
	})
	mux.HandleFunc("/capture", func(w http.ResponseWriter, _ *http.Request) {
		r, err := capture(o.dir)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(r)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, mux)
}

// sample is one request.
type sample struct {
	at, took time.Duration
	failed   bool
}

// benchServer compares requests during a capture with requests before it.
func benchServer(o options) error {
	cmd := self("server", o)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return err
	}
	url := "http://" + strings.TrimSpace(addr)
	l := newLoad(url, o.rate)
	time.Sleep(time.Second) // connections are made, the heap has settled
	from := l.now()
	time.Sleep(o.idle)
	to := l.now()
	fmt.Printf("\nHTTP server, %d MB of live heap, %d requests a second\n", o.heap, o.rate)
	idle := l.between(from, to)
	idle.print("idle")
	for i := 0; i < o.runs; i++ {
		from := l.now()
		r, err := askCapture(url)
		if err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
		during := l.between(from, l.now())
		during.print(fmt.Sprintf("capture %d", i+1))
		limit := r.Pause + 3*idle.quantile(0.99)
		ok := during.quantile(0.99) <= limit && during.failures() == 0
		fmt.Printf("           pause %.1f ms, waited %.1f ms for a collection, took %.2f s, %d MB written, %d MB copied; p99 %s\n", ms(r.Pause), ms(r.GCWait),
			r.Duration.Seconds(), r.Written/1e6, r.Copied/1e6, strings.Replace(verdict(ok, limit), "best of the runs", "pause + 3 x idle p99", 1))
		time.Sleep(500 * time.Millisecond)
	}
	return l.end()
}

func askCapture(url string) (r safedump.Result, err error) {
	resp, err := http.Get(url + "/capture")
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return r, errors.New(string(text))
	}
	return r, json.NewDecoder(resp.Body).Decode(&r)
}

// load sends requests at a steady rate, whether or not earlier ones have been
// answered: a pause is felt by all that fall into it.
type load struct {
	begin   time.Time
	stop    chan struct{}
	over    sync.WaitGroup
	mu      sync.Mutex
	samples []sample
}

func newLoad(url string, rate int) *load {
	l := &load{begin: time.Now(), stop: make(chan struct{})}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	l.over.Add(1)
	go func() {
		defer l.over.Done()
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case due := <-tick.C:
				l.over.Add(1)
				go l.one(client, url, due)
			}
		}
	}()
	return l
}

func (l *load) one(client *http.Client, url string, due time.Time) {
	defer l.over.Done()
	resp, err := client.Get(url)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		err = errors.Join(err, resp.Body.Close())
	}
	s := sample{at: due.Sub(l.begin), took: time.Since(due), failed: err != nil || resp.StatusCode != http.StatusOK}
	l.mu.Lock()
	l.samples = append(l.samples, s)
	l.mu.Unlock()
}

func (l *load) now() time.Duration { return time.Since(l.begin) }

func (l *load) end() error {
	close(l.stop)
	l.over.Wait()
	return nil
}

// window is what was measured in some time.
type window struct {
	samples []sample // by duration
	long    time.Duration
}

func (l *load) between(from, to time.Duration) window {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := window{long: to - from}
	for _, s := range l.samples {
		if from <= s.at && s.at < to {
			w.samples = append(w.samples, s)
		}
	}
	sort.Slice(w.samples, func(i, j int) bool { return w.samples[i].took < w.samples[j].took })
	return w
}

func (w window) quantile(q float64) time.Duration {
	if len(w.samples) == 0 {
		return 0
	}
	return w.samples[min(int(q*float64(len(w.samples))), len(w.samples)-1)].took
}

func (w window) failures() (n int) {
	for _, s := range w.samples {
		if s.failed {
			n++
		}
	}
	return n
}

func (w window) print(name string) {
	fmt.Printf("%-10s %6.0f answers/s, p50 %.2f ms, p99 %.2f ms, longest %.2f ms, %d failed\n", name,
		float64(len(w.samples))/w.long.Seconds(), ms(w.quantile(0.5)), ms(w.quantile(0.99)), ms(w.quantile(1)), w.failures())
}
