package tracker

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// gitLab talks to GitLab's REST API, version 4.
type gitLab struct {
	*Client
	project string
}

func newGitLab(o Options) (*gitLab, error) {
	token := o.credential()
	c, err := newClient(o, map[string]string{"Accept": "application/json", "PRIVATE-TOKEN": token}, token)
	return &gitLab{c, "/api/v4/projects/" + url.PathEscape(o.Project)}, err
}

// Traits: a description has at most 1 048 576 characters. The text is kept far below:
// the report is a file of its own.
func (*gitLab) Traits() Traits {
	return Traits{Files: FilesLinked, MaxText: 200_000, MaxTitle: 255}
}

type gitLabIssue struct {
	IID         int64     `json:"iid"`
	WebURL      string    `json:"web_url"`
	State       string    `json:"state"`
	Description string    `json:"description"`
	ClosedAt    time.Time `json:"closed_at"`
	Labels      []string  `json:"labels"`
	Milestone   *struct {
		Title string `json:"title"`
	} `json:"milestone"`
}

func (i *gitLabIssue) issue() Issue {
	x := Issue{
		ID: strconv.FormatInt(i.IID, 10), Number: i.IID, URL: i.WebURL, Body: i.Description, Closed: i.State == "closed", ClosedAt: i.ClosedAt,
		Labels: i.Labels, Unplanned: unplannedLabel(i.Labels),
	}
	if i.Milestone != nil {
		x.FixVersions = []string{i.Milestone.Title}
	}
	return x
}

func (g *gitLab) Find(ctx context.Context, _ string) ([]Issue, error) {
	var found []Issue
	query := url.Values{"labels": {g.o.Label}, "scope": {"all"}, "order_by": {"created_at"}, "sort": {"asc"}, "per_page": {strconv.Itoa(pageSize)}}
	err := pages(ctx, g.Client, g.project+"/issues", query, func(i *gitLabIssue) { found = append(found, i.issue()) })
	return found, err
}

func (g *gitLab) path(id string) string { return g.project + "/issues/" + id }

func (g *gitLab) Read(ctx context.Context, issue *Issue) error {
	issue.Comments = nil
	type note struct {
		Body      string    `json:"body"`
		CreatedAt time.Time `json:"created_at"`
		System    bool      `json:"system"`
	}
	query := url.Values{"order_by": {"created_at"}, "sort": {"asc"}, "per_page": {strconv.Itoa(pageSize)}}
	return pages(ctx, g.Client, g.path(issue.ID)+"/notes", query, func(x *note) {
		if !x.System {
			issue.Comments = append(issue.Comments, Comment{x.Body, x.CreatedAt})
		}
	})
}

func (g *gitLab) Create(ctx context.Context, d Draft) (Issue, error) {
	var made gitLabIssue
	err := g.json(ctx, http.MethodPost, g.project+"/issues", map[string]any{"title": d.Title, "description": d.Body, "labels": []string{g.o.Label}}, &made)
	return made.issue(), err
}

func (g *gitLab) Comment(ctx context.Context, id string, d Draft) error {
	return g.json(ctx, http.MethodPost, g.path(id)+"/notes", map[string]any{"body": d.Body}, nil)
}

func (g *gitLab) put(ctx context.Context, id string, v any) error {
	return g.json(ctx, http.MethodPut, g.path(id), v, nil)
}

func (g *gitLab) Edit(ctx context.Context, id, body string) error {
	return g.put(ctx, id, map[string]any{"description": body})
}

func (g *gitLab) Reopen(ctx context.Context, id string) error {
	return g.put(ctx, id, map[string]any{"state_event": "reopen"})
}

func (g *gitLab) Close(ctx context.Context, id string) error {
	return g.put(ctx, id, map[string]any{"state_event": "close"})
}

// Upload puts a file into the project and returns the Markdown that links to it.
// A file that no text links to is left when a run is killed right behind it.
func (g *gitLab) Upload(ctx context.Context, _ string, f File) (string, error) {
	k, err := fileCall(g.project+"/uploads", "file", f)
	if err != nil {
		return "", err
	}
	var answer struct {
		Markdown string `json:"markdown"`
	}
	if _, err := g.do(ctx, k, &answer); err != nil {
		return "", err
	}
	if g.o.DryRun != nil {
		return "[" + f.Name + "](/uploads/" + newID + "/" + f.Name + ")", nil
	}
	if answer.Markdown == "" || len(answer.Markdown) > 1000 || strings.ContainsAny(answer.Markdown, "\r\n") {
		return "", fmt.Errorf("%s: %w: no link to the file", k.name(g.Client), ErrAnswer)
	}
	return answer.Markdown, nil
}
