package tracker

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var kinds = []string{"github", "gitlab", "gitea", "jira", "redmine"}

func eachKind(t *testing.T, test func(t *testing.T, b *board, url string)) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBoard(t, kind)
			test(t, b, b.serve().URL)
		})
	}
}

// want fails unless an outcome is as said.
func want(t *testing.T, out Outcome, action Action) {
	t.Helper()
	if out.Action != action || out.Err != nil {
		t.Fatalf("%s, %v: want %s", out.Action, out.Err, action)
	}
}

func TestOneIssueForAGroup(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		first, second := sample{version: "v1.4.0"}, sample{version: "v1.4.0", line: 7}
		out := b.one(url, first.ready(t))
		want(t, out, Created)
		if out.Issue.URL == "" || !strings.HasSuffix(out.Issue.URL, "1") {
			t.Errorf("the address is %q", out.Issue.URL)
		}
		want(t, b.one(url, first.ready(t)), Known)
		want(t, b.one(url, sample{version: "v1.4.1"}.ready(t)), Known)
		want(t, b.one(url, second.ready(t)), Commented)
		want(t, b.one(url, second.ready(t)), Known)
		if len(b.issues) != 1 || len(b.issues[0].comments) != 1 {
			t.Fatalf("%d issues", len(b.issues))
		}
		i := b.issues[0]
		if i.title != "Crash: nil dereference in pay.charge" {
			t.Errorf("title %q", i.title)
		}
		for _, text := range []string{"charge", "pay.go:36", "gateways[user.Tier]", `"ada"`, "[REDACTED", "sdcore view ", "v1.4.0"} {
			if !strings.Contains(i.body, text) {
				t.Errorf("the issue does not say %s:\n%s", text, i.body)
			}
		}
		if strings.Contains(i.body, "hunter2") || !strings.Contains(i.comments[0].body, "another way into the same bug") {
			t.Errorf("the texts are\n%s\n%s", i.body, i.comments[0].body)
		}
		b.checkFiles(t, i, 2)
		want(t, b.one(url, sample{version: "v1.4.0", function: "example.com/pay.other"}.ready(t)), Created)
		if len(b.issues) != 2 {
			t.Errorf("%d issues", len(b.issues))
		}
	})
}

// checkFiles: there are n files, each in its place once.
func (b *board) checkFiles(t *testing.T, i *boardIssue, n int) {
	t.Helper()
	texts := []string{i.body}
	for _, c := range i.comments {
		texts = append(texts, c.body)
	}
	all := strings.Join(texts, "\n")
	switch b.kind {
	case "github":
		if got := strings.Count(all, "```json\n"); got != n {
			t.Errorf("%d reports in the texts, want %d", got, n)
		}
	case "gitlab":
		links := regexp.MustCompile(`\(/uploads/[^)]*\)`).FindAllString(all, -1)
		if len(links) != n {
			t.Errorf("links to files: %q, want %d", links, n)
		}
		for _, link := range links {
			if !strings.Contains(string(b.files[strings.Trim(link, "()")]), `"safedump_version"`) {
				t.Errorf("%s is not there", link)
			}
		}
	default:
		if len(i.files) != n {
			t.Errorf("%d files, want %d", len(i.files), n)
		}
		for name, data := range i.files {
			if !strings.Contains(string(data), `"safedump_version"`) || strings.HasSuffix(name, "+") || !strings.Contains(all, name) {
				t.Errorf("file %s of %d bytes", name, len(data))
			}
		}
	}
	if strings.Contains(all, "file=pending") {
		t.Error("a file is still to come")
	}
}

func TestReopen(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Created)
		i := b.issues[0]
		close := func() {
			b.now = b.now.Add(time.Hour)
			i.set(b, true)
		}
		close()
		// The build that it was closed for, and an older one.
		want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Known)
		i.milestone = "Release 1.5.0"
		want(t, b.one(url, sample{version: "v1.4.9"}.ready(t)), Commented)
		want(t, b.one(url, sample{version: "v1.4.9"}.ready(t)), Known)
		if last := i.comments[0].body; !i.closed || !strings.Contains(last, "before the fix, which is in v1.5.0") {
			t.Errorf("closed %v, %q", i.closed, last)
		}
		// The fix, and not again once it is closed again.
		want(t, b.one(url, sample{version: "v1.5.0"}.ready(t)), Reopened)
		if last := i.comments[1].body; i.closed || !strings.Contains(last, "the fix should be in v1.5.0. Reopened.") {
			t.Errorf("closed %v, %q", i.closed, last)
		}
		want(t, b.one(url, sample{version: "v1.5.0"}.ready(t)), Known)
		close()
		want(t, b.one(url, sample{version: "v1.5.0"}.ready(t)), Known)
		// What somebody says counts more than the milestone.
		i.comment(b, "found it\nsdcore: fixed in v1.6.0\n")
		want(t, b.one(url, sample{version: "v1.5.1"}.ready(t)), Commented)
		want(t, b.one(url, sample{version: "v1.6.1"}.ready(t)), Reopened)
		b.checkFiles(t, i, 1)
	})
}

func TestReopenByTime(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		at := func(d time.Duration) string { return b.now.Add(d).Format(time.RFC3339) }
		want(t, b.one(url, sample{version: "(devel)", revision: "aaaa"}.ready(t)), Created)
		i := b.issues[0]
		b.now = b.now.Add(time.Hour)
		i.set(b, true)
		want(t, b.one(url, sample{version: "(devel)", revision: "bbbb", commitTime: at(-time.Minute)}.ready(t)), Commented)
		if !i.closed || !strings.Contains(i.comments[0].body, "is not known, so it stays closed") {
			t.Errorf("%v, %q", i.closed, i.comments[0].body)
		}
		want(t, b.one(url, sample{}.ready(t)), Commented) // nothing is known of this build
		want(t, b.one(url, sample{}.ready(t)), Known)
		want(t, b.one(url, sample{version: "(devel)", revision: "cccc", commitTime: at(time.Minute)}.ready(t)), Reopened)
		if i.closed {
			t.Error("it is closed")
		}
	})
}

func TestNotPlannedStaysClosed(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Created)
		i := b.issues[0]
		i.set(b, true)
		i.milestone = "v1.5.0"
		switch b.kind {
		case "github":
			i.reason = "not_planned"
		case "redmine":
			i.reason = "Rejected"
		case "jira":
			i.resolution = "Won't Do"
		default:
			i.labels = append(i.labels, "wontfix")
		}
		want(t, b.one(url, sample{version: "v1.6.0"}.ready(t)), Commented)
		want(t, b.one(url, sample{version: "v1.6.0"}.ready(t)), Known)
		if !i.closed || len(i.comments) != 1 || !strings.Contains(i.comments[0].body, "not to be fixed") {
			t.Errorf("closed %v, %v", i.closed, i.comments)
		}
	})
}

// TestTwoWriters: the issue of another run appears while this one files its own.
func TestTwoWriters(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Created)
		older := b.issues[0]
		b.issues = nil
		want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Created)
		younger := b.issues[0]
		younger.number = 2
		b.issues = []*boardIssue{older, younger}
		for range 2 {
			want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Known)
		}
		if older.closed || !younger.closed || len(younger.comments) != 1 || !strings.Contains(younger.comments[0].body, older.url(b)) {
			t.Errorf("older closed %v, younger closed %v, %+v", older.closed, younger.closed, younger.comments)
		}
	})
}

func (i *boardIssue) url(*board) string { return fmt.Sprintf("%d", i.number) }

// TestRace: two runs file at once, so that each looks before the other has filed.
func TestRace(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		done := make(chan []Outcome)
		for range 4 {
			go func() { done <- b.attach(context.Background(), url, sample{version: "v1.4.0"}.ready(t)) }()
		}
		for range 4 {
			if out := <-done; out[0].Err != nil {
				t.Error(out[0].Err)
			}
		}
		want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Known)
		open := 0
		for _, i := range b.issues {
			if !i.closed {
				open++
			}
		}
		if open != 1 || b.issues[0].closed {
			t.Errorf("%d of %d issues are open", open, len(b.issues))
		}
	})
}

// TestKilledAnywhere lets each request of a story fail in each way, and runs again
// until nothing fails: the tracker is as if nothing had failed.
func TestKilledAnywhere(t *testing.T) {
	for _, kind := range kinds {
		for n, how := range faults {
			if testing.Short() && (n+slices.Index(kinds, kind))%len(faults) > 1 {
				continue // two of them
			}
			t.Run(kind+"/"+how, func(t *testing.T) {
				t.Parallel()
				for at := 1; ; at++ {
					b := newBoard(t, kind)
					story(t, b, b.serve().URL, &fault{at: at, how: how})
					if t.Failed() {
						t.Fatalf("request %d: %s\n%s", at, how, strings.Join(b.log, "\n"))
					}
					if b.seen < at {
						if at < 12 {
							t.Fatalf("the story has %d requests", b.seen)
						}
						return
					}
				}
			})
		}
	}
}

// story files an issue, tells of another way, and reopens.
func story(t *testing.T, b *board, url string, f *fault) {
	b.fails = f
	steps := []sample{{version: "v1.4.0"}, {version: "v1.4.0", line: 7}, {version: "v1.5.0", line: 7}}
	for n, s := range steps {
		if n == 2 {
			b.now = b.now.Add(time.Hour)
			b.issues[0].set(b, true)
			b.issues[0].milestone = "v1.5.0"
		}
		for tries := 0; ; tries++ {
			ctx, cancel := context.WithCancel(context.Background())
			f.kill = cancel
			out := b.attach(ctx, url, s.ready(t))
			cancel()
			if out[0].Err == nil {
				break
			}
			if tries == 3 {
				t.Fatalf("step %d: %v", n, out[0].Err)
			}
		}
		want(t, b.one(url, s.ready(t)), Known)
	}
	i := b.issues[0]
	if len(b.issues) != 1 || i.closed || len(i.comments) != 2 {
		var comments []string
		for _, c := range i.comments {
			comments = append(comments, firstMarker(c.body).String())
		}
		t.Errorf("%d issues, closed %v, comments %q", len(b.issues), i.closed, comments)
	}
	b.checkFiles(t, i, 2)
}

func TestBounds(t *testing.T) {
	eachKind(t, func(t *testing.T, b *board, url string) {
		var reports []Report
		for i := range 4 {
			reports = append(reports, sample{version: "v1.4.0", function: fmt.Sprintf("example.com/pay.f%c", 'a'+i)}.ready(t))
		}
		out := Attach(context.Background(), b.tracker(url), reports, RunOptions{MaxNew: 2, MaxComments: 1})
		if got := actions(out); !slices.Equal(got, []Action{Created, Created, LeftOut, LeftOut}) || len(b.issues) != 2 {
			t.Errorf("%v, %d issues", got, len(b.issues))
		}
		reports = nil
		for i := range 3 {
			reports = append(reports, sample{version: "v1.4.0", function: "example.com/pay.fa", line: i + 1}.ready(t))
		}
		out = Attach(context.Background(), b.tracker(url), reports, RunOptions{MaxNew: 2, MaxComments: 1})
		if got := actions(out); !slices.Equal(got, []Action{Commented, LeftOut, LeftOut}) {
			t.Errorf("%v", got)
		}
	})
}

func actions(out []Outcome) (list []Action) {
	for _, x := range out {
		list = append(list, x.Action)
	}
	return list
}

// TestManyIssues: the one that is looked for is on the last page, and comments have
// pages, too.
func TestManyIssues(t *testing.T) {
	for _, kind := range []string{"github", "gitlab", "gitea"} {
		t.Run(kind, func(t *testing.T) {
			b := newBoard(t, kind)
			b.page = 3
			url := b.serve().URL
			b.labels = []string{"bug", "ui", "api", "sdcore"}
			for range 10 {
				b.add("other", "text", "sdcore")
			}
			want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Created)
			for range 7 {
				b.issues[10].comment(b, "me too")
			}
			want(t, b.one(url, sample{version: "v1.4.0", line: 3}.ready(t)), Commented)
			want(t, b.one(url, sample{version: "v1.4.0", line: 3}.ready(t)), Known)
		})
	}
}

// TestWithoutTheRightToLabel: issues without a label are found by the search.
func TestWithoutTheRightToLabel(t *testing.T) {
	for _, kind := range []string{"github", "gitea"} {
		t.Run(kind, func(t *testing.T) {
			b := newBoard(t, kind)
			b.nolabels = true
			url := b.serve().URL
			want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Created)
			want(t, b.one(url, sample{version: "v1.4.0"}.ready(t)), Known)
			if len(b.issues) != 1 || len(b.issues[0].labels) != 0 {
				t.Errorf("%d issues", len(b.issues))
			}
		})
	}
}
