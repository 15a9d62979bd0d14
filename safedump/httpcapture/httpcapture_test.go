package httpcapture_test

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/safedump"
	"github.com/safedump/sdcore/safedump/httpcapture"
)

// serve starts a server with a handler that panics for some paths.
func serve(t *testing.T, respond bool) (url, dir string) {
	t.Helper()
	dir = t.TempDir()
	c := &safedump.Capturer{Options: safedump.CaptureOptions{Dir: dir}, Spacing: 1, Report: func(r safedump.Result, err error) {
		if err != nil {
			t.Error(err)
		}
	}}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			unmade()[r.URL.RawQuery] = 1
		case "/abort":
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "fine")
	})
	s := httptest.NewUnstartedServer(httpcapture.Handler(next, httpcapture.Options{Capturer: c, Respond: respond}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, dir
}

func unmade() map[string]int { return nil }

func cores(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.core"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestPanicGoesOn(t *testing.T) {
	url, dir := serve(t, false)
	if resp, err := http.Get(url + "/panic?x"); err == nil {
		t.Errorf("status %s, want a closed connection", resp.Status)
	}
	got := cores(t, dir)
	if len(got) != 1 {
		t.Fatalf("cores: %q", got)
	}
	var sc struct {
		Capture struct {
			Reason string
			Panic  bool
			Error  struct{ Type, Message string }
			Caller struct{ Function string }
		}
	}
	b, err := os.ReadFile(strings.TrimSuffix(got[0], ".core") + ".sidecar.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &sc); err != nil {
		t.Fatal(err)
	}
	c := sc.Capture
	if c.Reason != "panic" || !c.Panic || c.Error.Message != "assignment to entry in nil map" || !strings.HasSuffix(c.Caller.Function, "httpcapture_test.serve.func2") {
		t.Errorf("sidecar: %+v", c)
	}
}

func TestRespond(t *testing.T) {
	url, dir := serve(t, true)
	for i := 0; i < 2; i++ { // the second one is refused by the limit
		resp, err := http.Get(url + "/panic")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("status %s", resp.Status)
		}
	}
	if got := cores(t, dir); len(got) != 1 {
		t.Errorf("cores: %q", got)
	}
}

func TestNoPanic(t *testing.T) {
	url, dir := serve(t, true)
	resp, err := http.Get(url + "/")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(b) != "fine" {
		t.Errorf("%q, %v", b, err)
	}
	if resp, err := http.Get(url + "/abort"); err == nil {
		t.Errorf("aborted: %s", resp.Status)
	}
	if got := cores(t, dir); len(got) != 0 {
		t.Errorf("cores: %q", got)
	}
}
