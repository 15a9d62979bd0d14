package tracker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const testToken = "tok-0123456789abcdef"

// patient waits without waiting and notes how long.
type patient struct{ pauses []time.Duration }

func (p *patient) wait(ctx context.Context, d time.Duration) error {
	p.pauses = append(p.pauses, d)
	return ctx.Err()
}

// answers is a server that gives one answer after the other, the last one again and
// again.
func answers(t *testing.T, list ...http.HandlerFunc) (*httptest.Server, *int) {
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		list[min(n, len(list))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s, &n
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func ok(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "[]") }

func client(t *testing.T, url string) (*Client, *patient) {
	t.Helper()
	p := &patient{}
	c, err := newClient(Options{URL: url, Token: testToken, wait: p.wait}, map[string]string{"PRIVATE-TOKEN": testToken}, testToken)
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

func TestAgain(t *testing.T) {
	soon := fmt.Sprint(time.Now().Add(20 * time.Second).Unix())
	late := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	cut := func(w http.ResponseWriter, r *http.Request) { hangUp(w) }
	for name, x := range map[string]struct {
		method string
		list   []http.HandlerFunc
		want   int   // requests
		is     error // of the result
		from   time.Duration
		to     time.Duration // of the first pause
	}{
		"unavailable":            {"GET", []http.HandlerFunc{status(503), status(502), status(504), ok}, 4, nil, 250 * time.Millisecond, 500 * time.Millisecond},
		"unavailable for long":   {"GET", []http.HandlerFunc{status(503)}, maxTries, ErrUnavailable, 250 * time.Millisecond, 500 * time.Millisecond},
		"cut":                    {"GET", []http.HandlerFunc{cut, ok}, 2, nil, 250 * time.Millisecond, 500 * time.Millisecond},
		"retry after":            {"GET", []http.HandlerFunc{status(429, "Retry-After", "7"), ok}, 2, nil, 7 * time.Second, 7 * time.Second},
		"retry after, a write":   {"POST", []http.HandlerFunc{status(429, "Retry-After", "7"), ok}, 2, nil, 7 * time.Second, 7 * time.Second},
		"retry after too long":   {"GET", []http.HandlerFunc{status(429, "Retry-After", "3600"), ok}, 1, ErrRateLimit, 0, 0},
		"reset":                  {"GET", []http.HandlerFunc{status(403, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", soon), ok}, 2, nil, 15 * time.Second, 22 * time.Second},
		"reset too late":         {"GET", []http.HandlerFunc{status(403, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", late), ok}, 1, ErrRateLimit, 0, 0},
		"forbidden":              {"GET", []http.HandlerFunc{status(403), ok}, 1, ErrForbidden, 0, 0},
		"refused":                {"GET", []http.HandlerFunc{status(401), ok}, 1, ErrRefused, 0, 0},
		"not found":              {"POST", []http.HandlerFunc{status(404), ok}, 1, ErrNotFound, 0, 0},
		"a write, unavailable":   {"POST", []http.HandlerFunc{status(502), ok}, 1, errUnsure, 0, 0},
		"a write, cut":           {"POST", []http.HandlerFunc{cut, ok}, 1, errUnsure, 0, 0},
		"a change, unavailable":  {"PATCH", []http.HandlerFunc{status(502), ok}, 2, nil, 250 * time.Millisecond, 500 * time.Millisecond},
		"a write, no JSON":       {"POST", []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }}, 1, ErrAnswer, 0, 0},
		"an answer without end":  {"GET", []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte{'1'}, maxAnswer+5)) }}, 1, ErrAnswer, 0, 0},
		"a number that is a lie": {"GET", []http.HandlerFunc{status(429, "Retry-After", "-99999999999999999999"), ok}, 2, nil, 250 * time.Millisecond, 500 * time.Millisecond},
	} {
		s, n := answers(t, x.list...)
		c, p := client(t, s.URL)
		var out any
		var err error
		if x.method == "GET" {
			err = c.get(context.Background(), "/x", nil, &out)
		} else {
			err = c.json(context.Background(), x.method, "/x", map[string]string{"a": "b"}, &out)
		}
		if *n != x.want || !errors.Is(err, x.is) || x.is == nil && err != nil {
			t.Errorf("%s: %d requests, %v", name, *n, err)
		}
		if x.to > 0 && (len(p.pauses) == 0 || p.pauses[0] < x.from || p.pauses[0] > x.to) {
			t.Errorf("%s: pauses %v", name, p.pauses)
		}
		s.Close()
	}
}

func TestNobodyThere(t *testing.T) {
	s, _ := answers(t, ok)
	s.Close()
	c, p := client(t, s.URL)
	err := c.json(context.Background(), "POST", "/x", 1, nil)
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, errUnsure) || len(p.pauses) != maxTries-1 {
		t.Errorf("%v after %d pauses: nothing was sent, so it may be sent again", err, len(p.pauses))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.get(ctx, "/x", nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSlowServer(t *testing.T) {
	release := make(chan bool)
	s, n := answers(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	p := &patient{}
	c, err := newClient(Options{URL: s.URL, Token: testToken, Timeout: time.Millisecond, wait: p.wait}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.get(context.Background(), "/x", nil, nil); !errors.Is(err, ErrUnavailable) || *n > maxTries {
		t.Errorf("%v after %d", err, *n)
	}
}

// TestRedirect: nothing is sent to another host, and nothing that changes something
// is sent on.
func TestRedirect(t *testing.T) {
	elsewhere, others := answers(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("another host got %s with %v", r.URL, r.Header)
	})
	for _, method := range []string{"GET", "POST", "PATCH"} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			s, _ := answers(t, status(code, "Location", elsewhere.URL+"/x"))
			c, _ := client(t, s.URL)
			k, _ := jsonCall(method, "/x", 1)
			if _, err := c.do(context.Background(), k, nil); !errors.Is(err, ErrRedirect) {
				t.Errorf("%s, %d: %v", method, code, err)
			}
		}
	}
	if *others > 0 {
		t.Errorf("%d requests elsewhere", *others)
	}
	s, n := answers(t, status(302, "Location", "/y"), ok)
	c, _ := client(t, s.URL)
	if err := c.get(context.Background(), "/x", nil, nil); err != nil || *n != 2 {
		t.Errorf("on the same host: %v", err)
	}
	if err := c.json(context.Background(), "POST", "/x", 1, nil); err != nil { // the second answer is ok
		t.Error(err)
	}
}

// TestErrorsAreQuiet: an error repeats neither the credential nor what was sent,
// whatever the tracker says.
func TestErrorsAreQuiet(t *testing.T) {
	const content = "the account of Ada Lovelace is 4711"
	for _, said := range []string{
		"you sent " + testToken, "bad title: " + content, content[:20], `no such project`,
		strings.Repeat("x", 5000) + content, "tab\x1b[31m",
	} {
		for _, code := range []int{400, 401, 403, 404, 410, 422, 429, 500, 502, 503} {
			s, _ := answers(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(code)
				json.NewEncoder(w).Encode(map[string]any{"message": said, "errors": []any{said, map[string]string{"field": said}}})
			})
			c, _ := client(t, s.URL)
			err := c.json(context.Background(), "POST", "/x", map[string]string{"body": content}, nil)
			if err == nil || strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), content[:echoed]) || strings.ContainsAny(err.Error(), "\x1b") || len(err.Error()) > 500 {
				t.Errorf("%d: %v", code, err)
			}
			if said == "no such project" && !strings.Contains(err.Error(), said) {
				t.Errorf("%d: %v does not say why", code, err)
			}
			s.Close()
		}
	}
}

func TestAddress(t *testing.T) {
	for url, is := range map[string]error{
		"https://git.example.com": nil, "https://git.example.com/base/": nil, "http://localhost:3000": nil, "http://127.0.0.9": nil, "http://[::1]:80": nil,
		"http://git.example.com": ErrPlainHTTP, "http://10.0.0.1": ErrPlainHTTP, "http://localhost.example.com": ErrPlainHTTP,
		"https://user:pass@git.example.com": ErrURL, "git.example.com": ErrURL, "ftp://git.example.com": ErrURL, "https://x?token=1": ErrURL, "://": ErrURL,
	} {
		_, err := New("gitea", Options{URL: url, Project: "a/b", Token: testToken})
		if !errors.Is(err, is) || is == nil && err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "pass@") {
			t.Errorf("%v repeats the credential", err)
		}
	}
	if _, err := New("gitea", Options{URL: "http://git.example.com", Project: "a/b", Token: testToken, InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
	for _, x := range []struct {
		kind string
		o    Options
		is   error
	}{
		{"bugzilla", Options{}, ErrKind}, {"gitea", Options{Project: "a/b"}, ErrNoURL}, {"github", Options{Project: "a"}, ErrProject},
		{"github", Options{Project: "a/b/c", Token: "x"}, ErrProject}, {"jira", Options{URL: "https://x", Project: "a b", Token: "x"}, ErrProject},
		{"gitlab", Options{Token: "x"}, ErrProject}, {"github", Options{Project: "a/b"}, ErrNoToken},
	} {
		if _, err := New(x.kind, x.o); !errors.Is(err, x.is) {
			t.Errorf("%s %+v: %v", x.kind, x.o, err)
		}
	}
}

// TestDryRun: what is printed is what would be sent, but for the credential, and
// nothing that changes something is sent.
func TestDryRun(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		project := map[string]string{"github": "ada/pay", "gitlab": "team/pay", "gitea": "ada/pay", "jira": "PAY", "redmine": "pay"}[b.kind]
		for _, token := range []string{"", testToken} {
			var printed bytes.Buffer
			x, err := New(b.kind, Options{URL: url, Project: project, Token: token, User: "ada@example.com", DryRun: &printed, UserAgent: "sdcore/test"})
			if err != nil {
				t.Fatal(err)
			}
			seen := b.seen
			r := sample{version: "v1.4.0"}.ready(t)
			out := Attach(context.Background(), x, []Report{r, r}, RunOptions{MaxNew: 5, MaxComments: 5, DryRun: true})
			if len(out) != 2 || out[0].Action != Created || out[0].Err != nil || out[1].Action != Known {
				t.Errorf("%+v", out)
			}
			text := printed.String()
			if strings.Contains(text, testToken) || !strings.Contains(text, shownCredential) || !strings.Contains(text, "POST "+url) || !strings.Contains(text, "User-Agent: sdcore/test") {
				t.Errorf("it prints\n%s", text)
			}
			if len(b.issues) != 0 || len(b.files) != 0 || token == "" && b.seen != seen || token != "" && b.seen == seen {
				t.Errorf("%d requests, %d issues, %d files", b.seen-seen, len(b.issues), len(b.files))
			}
			if token == "" {
				continue
			}
			// The same run for real: the body of the request that files the issue was printed.
			want(t, b.one(url, r), Created)
			for _, line := range strings.Split(b.issues[0].body, "\n") {
				quoted, _ := json.Marshal(line)
				if line = strings.Trim(string(quoted), `"`); !strings.Contains(b.issues[0].body, "/uploads/1/") && !strings.Contains(unescapedHTML(text), unescapedHTML(line)) {
					t.Errorf("%q is not printed", line)
				}
			}
		}
	})
}

func unescapedHTML(s string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(s)
}

// TestCertificate: a tracker with a certificate of its own is trusted by the transport
// that knows it, and by no other.
func TestCertificate(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(ok))
	defer s.Close()
	for transport, good := range map[http.RoundTripper]bool{s.Client().Transport: true, http.DefaultTransport: false} {
		p := &patient{}
		c, err := newClient(Options{URL: s.URL, Token: testToken, Transport: transport, wait: p.wait}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.get(context.Background(), "/x", nil, nil); (err == nil) != good || !good && (!errors.Is(err, ErrCertificate) || len(p.pauses) > 0) {
			t.Errorf("%v after %d pauses, want success %v", err, len(p.pauses), good)
		}
	}
}

func TestDryRunShowsNoControls(t *testing.T) {
	if got := visible([]byte("a\x1b[31m\u009b\u202e\r\n\té")); got != "a\\u001b[31m\\u009b\\u202e\n\té" {
		t.Errorf("%q", got)
	}
}
