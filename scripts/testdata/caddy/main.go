// Command caddy is caddy with its standard modules, under load that it makes
// itself: it holds CONNECTIONS requests that came through its own proxy and
// then dies of one more. See scripts/bench-caddy.sh.
//
//	caddy SOCKET CONNECTIONS
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func main() {
	if len(os.Args) != 3 {
		caddycmd.Main() // never returns; with it the binary is all of caddy
	}
	socket := os.Args[1]
	n, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = serve(socket)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	load(socket, n)
}

// serve starts caddy with a proxy in front of the handler that crashes.
func serve(socket string) error {
	caddy.RegisterModule(Billing{})
	return caddy.Load(fmt.Appendf(nil, `{
		"admin": {"disabled": true, "config": {"persist": false}},
		"logging": {"logs": {"default": {"level": "ERROR"}}},
		"apps": {"http": {"servers": {
			"front": {"listen": ["unix/%[1]s"], "routes": [{"handle": [
				{"handler": "encode", "encodings": {"gzip": {}, "zstd": {}}},
				{"handler": "reverse_proxy", "upstreams": [{"dial": "unix/%[1]s.back"}]}]}]},
			"back": {"listen": ["unix/%[1]s.back"], "routes": [{"handle": [
				{"handler": "headers", "response": {"set": {"X-Bench": ["1"]}}},
				{"handler": "billing"}]}]}}}}}`, socket), true)
}

// load keeps n requests open and then sends the one that is fatal.
func load(socket string, n int) {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	get := func(path string) {
		resp, err := client.Get("http://bench.example" + path)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	for i := range n {
		go get("/wait?order=" + strconv.Itoa(i))
	}
	for deadline := time.Now().Add(30 * time.Second); arrived() < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "only %d of %d requests arrived\n", arrived(), n)
			os.Exit(1)
		}
	}
	get("/charge?order=" + strconv.Itoa(n))
	select {}
}

// Billing answers no request: it holds those to /wait and dies of /charge.
type Billing struct{}

// CaddyModule says how configurations name the handler.
func (Billing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.billing", New: func() caddy.Module { return &Billing{} }}
}

// Order is what a request is about.
type Order struct {
	ID     string
	Header http.Header
	Lines  map[string]int
	Placed time.Time
}

var (
	mu   sync.Mutex
	open = map[string]*Order{}
)

func arrived() int {
	mu.Lock()
	defer mu.Unlock()
	return len(open)
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (*Billing) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	o := &Order{ID: r.URL.Query().Get("order"), Header: r.Header, Lines: map[string]int{"book": 2, "pen": 7}, Placed: time.Now()}
	mu.Lock()
	open[o.ID] = o
	mu.Unlock()
	if r.URL.Path == "/charge" {
		// net/http recovers in the goroutine of a connection only.
		go charge(r.Context(), o, nil)
	}
	<-r.Context().Done()
	return nil
}

// charge dereferences the account of an order that has none.
func charge(ctx context.Context, o *Order, account *struct{ balance, limit int }) {
	total := 0
	for _, n := range o.Lines {
		total += n * 100
	}
	account.balance -= total
	fmt.Println(ctx, o, account.balance)
}
