package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/safedump/sdcore/internal/coretest"
)

// names are what the browser is called, Debian's first. Ubuntu's chromium is a
// snap, which does not start in a container; its machines in CI have Chrome.
var names = []string{"chromium", "google-chrome", "google-chrome-stable", "chromium-browser"}

// patience bounds each step in the browser: a busy machine is slow, a page that
// hangs is a failed test and not a hanging one.
const patience = time.Minute

// Browser is a running browser.
type Browser struct {
	ctx context.Context
}

// Start starts a browser, which ends with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser; run without -short (make test)")
	}
	path := find()
	if path == "" {
		coretest.Unavailable(t, "no browser: apt-get install chromium (scripts/ci-deps.sh)")
	}
	home, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	// The profile is a temporary directory of the allocator's, which it removes
	// when the last process of the browser is gone. As root it adds --no-sandbox.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		// Addresses need no resolver: what is not this machine goes to a proxy that is not there.
		chromedp.ProxyServer("http://127.0.0.1:9"),
		chromedp.Flag("proxy-bypass-list", "127.0.0.1"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("enable-precise-memory-info", true),
		chromedp.Flag("lang", "en-US"),
		chromedp.DisableGPU,
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("end of the browser: %v", err)
		}
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return &Browser{ctx: ctx}
}

// find returns the path of the browser, "" without one.
func find() string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Serve answers with a page at the URL that it returns, until the test ends,
// with header in addition to its type. Every other path is 404.
func Serve(t testing.TB, page []byte, header http.Header) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		for key, values := range header {
			w.Header()[key] = values
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}
