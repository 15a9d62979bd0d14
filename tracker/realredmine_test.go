package tracker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// realRedmine is that of scripts/redmine-test.sh.
func realRedmine(t *testing.T, transport http.RoundTripper) *redmine {
	t.Helper()
	address := os.Getenv("SDCORE_TEST_REDMINE")
	if address == "" {
		t.Skip("no Redmine: scripts/redmine-test.sh runs this test with one")
	}
	x, err := New("redmine", Options{URL: address, Project: "pay", Token: os.Getenv("SDCORE_TEST_REDMINE_KEY"), Transport: transport,
		wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	return x.(*redmine)
}

func attachTo(ctx context.Context, x Tracker, r Report) Outcome {
	return Attach(ctx, x, []Report{r}, RunOptions{MaxNew: 5, MaxComments: 20})[0]
}

// found reads the one issue of a report's group.
func found(t *testing.T, x *redmine, r Report) Issue {
	t.Helper()
	c := crashOf(r)
	all, err := x.Find(context.Background(), c.group)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d issues of %s, %v", len(all), c.group, err)
	}
	if err := x.Read(context.Background(), &all[0]); err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// attached downloads the files of an issue.
func attached(t *testing.T, x *redmine, id string) map[string][]byte {
	t.Helper()
	var answer struct {
		Issue struct {
			Attachments []struct {
				Name string `json:"filename"`
				URL  string `json:"content_url"`
			} `json:"attachments"`
		} `json:"issue"`
	}
	if err := x.get(context.Background(), x.path(id), url.Values{"include": {"attachments"}}, &answer); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, a := range answer.Issue.Attachments {
		if files[a.Name] != nil {
			t.Errorf("%s is there twice", a.Name)
		}
		path := a.URL[strings.Index(a.URL, "/attachments/"):]
		r, err := x.request(context.Background(), call{method: "GET", path: path})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := x.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		files[a.Name], _ = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	return files
}

// checkAttached: the issue has the reports as files, each once, byte for byte.
func checkAttached(t *testing.T, x *redmine, id string, reports ...Report) {
	t.Helper()
	files := attached(t, x, id)
	if len(files) != len(reports) {
		t.Errorf("%d files, want %d", len(files), len(reports))
	}
	for _, r := range reports {
		c := crashOf(r)
		f, err := c.file()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(files[f.Name], f.Data) {
			t.Errorf("%s: %d bytes, sent %d", f.Name, len(files[f.Name]), len(f.Data))
		}
	}
}

// close sets the first closed status and the version that fixes it, which is made.
func (r *redmine) closeIn(t *testing.T, id, version string) {
	t.Helper()
	ctx := context.Background()
	var made struct {
		Version struct {
			ID int64 `json:"id"`
		} `json:"version"`
	}
	err := r.json(ctx, "POST", "/projects/pay/versions.json", map[string]any{"version": map[string]any{"name": version}}, &made)
	if err == nil {
		err = r.put(ctx, id, map[string]any{"issue": map[string]any{"fixed_version_id": made.Version.ID}}, false)
	}
	if err = errors.Join(err, r.Close(ctx, id)); err != nil {
		t.Fatal(err)
	}
}

func TestRealRedmine(t *testing.T) {
	x := realRedmine(t, nil)
	ctx := context.Background()
	first, second := sample{version: "v1.4.0"}.ready(t), sample{version: "v1.4.0", line: 7}.ready(t)
	want(t, attachTo(ctx, x, first), Created)
	want(t, attachTo(ctx, x, first), Known)
	want(t, attachTo(ctx, x, second), Commented)
	want(t, attachTo(ctx, x, second), Known)
	i := found(t, x, first)
	if len(i.Comments) != 1 || i.Closed {
		t.Errorf("%+v", i)
	}
	checkAttached(t, x, i.ID, first, second)

	x.closeIn(t, i.ID, "v1.5.0 real")
	if i = found(t, x, first); !i.Closed || i.ClosedAt.IsZero() {
		t.Fatalf("%+v", i)
	}
	want(t, attachTo(ctx, x, first), Known) // of this build it was known
	x.closeIn(t, i.ID, "1.5.0")
	want(t, attachTo(ctx, x, sample{version: "v1.4.9"}.ready(t)), Commented)
	want(t, attachTo(ctx, x, sample{version: "v1.5.0"}.ready(t)), Reopened)
	want(t, attachTo(ctx, x, sample{version: "v1.5.0"}.ready(t)), Known)
	if i = found(t, x, first); i.Closed || len(i.Comments) != 3 || !strings.Contains(i.Comments[2].Body, "the fix should be in v1.5.0") {
		t.Errorf("%+v", i)
	}
	checkAttached(t, x, i.ID, first, second)
}

// breaking lets the n-th request fail, before it is sent or after it was taken, and
// with it everything that comes.
type breaking struct {
	left  int
	after bool
	stop  context.CancelFunc
}

var errBroken = errors.New("the process is dead")

func (b *breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	b.left--
	if b.left > 0 {
		return http.DefaultTransport.RoundTrip(r)
	}
	if b.after && b.left == 0 {
		if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
	}
	b.stop()
	return nil, errBroken
}

func TestRealRedmineKilledAnywhere(t *testing.T) {
	whole := realRedmine(t, nil)
	for n := 0; ; n++ {
		at, after := n/2+1, n%2 == 1
		function := fmt.Sprintf("example.com/pay.killed%c", 'A'+n)
		first, second := sample{version: "v1.4.0", function: function}.ready(t), sample{version: "v1.4.0", function: function, line: 7}.ready(t)
		broken := false
		for _, r := range []Report{first, second} {
			ctx, stop := context.WithCancel(context.Background())
			b := &breaking{left: at, after: after, stop: stop}
			attachTo(ctx, realRedmine(t, b), r) // whatever comes of it
			stop()
			broken = broken || b.left <= 0
			if out := attachTo(context.Background(), whole, r); out.Err != nil {
				t.Fatal(out.Err)
			}
		}
		if i := found(t, whole, first); len(i.Comments) != 1 {
			t.Errorf("request %d, after %v: %d comments", at, after, len(i.Comments))
		} else {
			checkAttached(t, whole, i.ID, first, second)
		}
		if !broken {
			if n < 8 {
				t.Errorf("only %d requests", n/2)
			}
			t.Logf("killed at each of %d requests, before and after", n/2)
			return
		}
	}
}

// TestRealRedmineShowsText: whichever markup the server is set to, the page shows the
// report's text as it is.
func TestRealRedmineShowsText(t *testing.T) {
	x := realRedmine(t, nil)
	const bait = "a <nil> & <b>bold</b> *bold* _em_ @admin #1 ``` </pre> !http://e/x.png! {{toc}} [[Wiki]] h1. x"
	r := sample{version: "v1.4.0", function: "example.com/pay.shown", message: bait}.ready(t)
	want(t, attachTo(context.Background(), x, r), Created)
	i := found(t, x, r)
	for _, formatting := range []string{"textile", "markdown", "common_mark"} {
		if out, err := exec.Command(os.Getenv("SDCORE_TEST_REDMINE_FORMATTING"), formatting).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		resp, err := http.Get(i.URL)
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		text := strings.ReplaceAll(html.UnescapeString(string(page)), "\u200b", "")
		if !strings.Contains(text, "panic: "+bait) {
			at := strings.Index(text, "panic: ")
			t.Errorf("%s shows %.300q", formatting, text[max(at, 0):])
		}
		if strings.Contains(string(page), `class="user active" href="/users/1">@`) || strings.Contains(string(page), "http://e/x.png\"") {
			t.Errorf("%s: something acts", formatting)
		}
	}
}
