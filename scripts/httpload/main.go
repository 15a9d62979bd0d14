// Command httpload keeps HTTP connections busy, one request after the other on
// each, until its standard input ends:
//
//	httpload ADDRESS CONNECTIONS PATH...
//
// It prints "ready" when every connection has had an answer on each path, and
// at the end how many requests were answered and how many failed.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "httpload:", err)
		os.Exit(1)
	}
}

// load is what the connections have in common.
type load struct {
	address string
	paths   []string
	served  atomic.Int64
	failed  atomic.Int64
	stop    atomic.Bool
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: httpload ADDRESS CONNECTIONS PATH...")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	l := &load{address: args[0], paths: args[2:]}
	errs := make(chan error, n)
	var ready, done sync.WaitGroup
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			if err := l.connection(i, sync.OnceFunc(ready.Done)); err != nil {
				errs <- err
			}
		})
	}
	warm := make(chan struct{})
	go func() {
		ready.Wait()
		close(warm)
	}()
	select {
	case <-warm:
	case err := <-errs:
		return err
	case <-time.After(time.Minute):
		return fmt.Errorf("after a minute only %d requests are answered", l.served.Load())
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	l.stop.Store(true)
	done.Wait()
	fmt.Printf("%d requests answered on %d connections, %d failed\n", l.served.Load(), n, l.failed.Load())
	return nil
}

// connection sends requests on one connection until it is told to stop.
func (l *load) connection(id int, warm func()) error {
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for n := 0; !l.stop.Load(); n++ {
		if n == len(l.paths) {
			warm()
		}
		if err := l.request(conn, answers, id, n); err != nil {
			l.failed.Add(1)
			return err
		}
		l.served.Add(1)
	}
	return nil
}

func (l *load) request(conn net.Conn, answers *bufio.Reader, id, n int) error {
	path := fmt.Sprintf("%s?user=u%d&turn=%d", l.paths[n%len(l.paths)], id, n)
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: httpload\r\nAccept-Encoding: gzip\r\nX-Request-Id: %d-%d\r\n\r\n", path, id, n)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
