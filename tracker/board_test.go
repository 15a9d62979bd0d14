package tracker

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// board is what the fake trackers have in common: the issues of one project.
type board struct {
	mu     sync.Mutex
	t      testing.TB
	kind   string
	now    time.Time // a second later with every request
	issues []*boardIssue
	labels []string
	files  map[string][]byte // uploaded, by token or link
	fails  *fault
	seen   int      // requests
	log    []string // method and path of each
	// nolabels: nobody may set labels, and the search is up to date.
	nolabels bool
	page     int // size of a page, 0 for that asked for
}

type boardIssue struct {
	number                        int
	title, body                   string
	closed                        bool
	closedAt                      time.Time
	reason, milestone, resolution string
	labels                        []string
	comments                      []boardComment
	files                         map[string][]byte
}

type boardComment struct {
	body string
	at   time.Time
}

// fault is what goes wrong with a request.
type fault struct {
	at   int // number of the request, from 1
	how  string
	kill context.CancelFunc
}

// Ways in which a request can fail.
var faults = []string{"killed before", "killed after", "cut before", "cut after", "502 after", "503 before", "429 before"}

func newBoard(t testing.TB, kind string) *board {
	return &board{t: t, kind: kind, now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), files: map[string][]byte{}}
}

// serve starts the fake tracker.
func (b *board) serve() *httptest.Server {
	api := map[string]func(*board) http.Handler{"github": gitHubFake, "gitlab": gitLabFake, "gitea": giteaFake, "jira": jiraFake, "redmine": redmineFake}[b.kind](b)
	check := checker(b.t, b.kind)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.seen++
		b.now = b.now.Add(time.Second)
		b.log = append(b.log, r.Method+" "+r.URL.Path)
		take := func() *httptest.ResponseRecorder {
			rec := httptest.NewRecorder()
			check(rec, r, api)
			return rec
		}
		f := b.fails
		if f == nil || b.seen != f.at {
			rec := take()
			for name, values := range rec.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(rec.Code)
			w.Write(rec.Body.Bytes())
			return
		}
		how, when, _ := strings.Cut(f.how, " ")
		if when == "after" {
			take()
		}
		switch how {
		case "killed":
			f.kill()
			hangUp(w)
		case "cut":
			hangUp(w)
		default:
			status, _ := strconv.Atoi(how)
			w.WriteHeader(status)
		}
	}))
	s.Config.SetKeepAlivesEnabled(false)
	s.Start()
	b.t.Cleanup(s.Close)
	return s
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

func (b *board) issue(number string) *boardIssue {
	n, _ := strconv.Atoi(number[strings.LastIndexByte(number, '-')+1:])
	for _, i := range b.issues {
		if i.number == n {
			return i
		}
	}
	return nil
}

func (b *board) add(title, body string, labels ...string) *boardIssue {
	if b.nolabels {
		labels = nil
	}
	i := &boardIssue{number: len(b.issues) + 1, title: title, body: body, labels: labels, files: map[string][]byte{}}
	b.issues = append(b.issues, i)
	return i
}

func (i *boardIssue) comment(b *board, body string) *boardComment {
	i.comments = append(i.comments, boardComment{body, b.now})
	return &i.comments[len(i.comments)-1]
}

func (i *boardIssue) set(b *board, closed bool) {
	if i.closed != closed && closed {
		i.closedAt = b.now
	}
	i.closed = closed
}

// labelled are the issues with a label.
func (b *board) labelled(label string) []*boardIssue {
	var out []*boardIssue
	for _, i := range b.issues {
		if slices.Contains(i.labels, label) {
			out = append(out, i)
		}
	}
	return out
}

// paged is a page of a list, with a link to the next one.
func paged[T any](b *board, w http.ResponseWriter, r *http.Request, list []T, size string) []T {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	n, _ := strconv.Atoi(r.URL.Query().Get(size))
	if b.page > 0 {
		n = b.page
	}
	from := min((max(page, 1)-1)*n, len(list))
	to := min(from+n, len(list))
	if to < len(list) {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, page+1))
	}
	return list[from:to]
}

func (b *board) tracker(url string) Tracker {
	b.t.Helper()
	project := map[string]string{"github": "ada/pay", "gitlab": "team/pay", "gitea": "ada/pay", "jira": "PAY", "redmine": "pay"}[b.kind]
	t, err := New(b.kind, Options{URL: url, Project: project, Token: "tok-0123456789abcdef", wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		b.t.Fatal(err)
	}
	return t
}

// attach runs once.
func (b *board) attach(ctx context.Context, url string, reports ...Report) []Outcome {
	return Attach(ctx, b.tracker(url), reports, RunOptions{MaxNew: 5, MaxComments: 20, wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
}

// one runs with one report, which must succeed.
func (b *board) one(url string, r Report) Outcome {
	b.t.Helper()
	out := b.attach(context.Background(), url, r)
	if len(out) != 1 || out[0].Err != nil {
		b.t.Fatalf("%+v", out)
	}
	return out[0]
}
