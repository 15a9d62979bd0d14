package tracker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// gitHub talks to GitHub's REST API, version 2022-11-28: five operations, which is
// less than a library for them would ask a reader to know.
type gitHub struct {
	*Client
	repo string
}

func newGitHub(o Options) (*gitHub, error) {
	repo, err := ownerAndName(o.Project)
	if err != nil {
		return nil, err
	}
	token := o.credential()
	c, err := newClient(o, map[string]string{
		"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "Authorization": "Bearer " + token,
	}, token)
	return &gitHub{c, "/repos/" + repo}, err
}

// Traits: a body has at most 65 536 characters, and the API takes no files.
func (*gitHub) Traits() Traits {
	return Traits{Files: FilesNone, MaxText: 65_536, MaxTitle: 256}
}

// pageSize is what GitHub and GitLab give at most, maxPages bounds how far is looked.
const (
	pageSize = 100
	maxPages = 200
)

// pages reads a list, page after page, as long as the answers link to a next one.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values, each func(*T)) error {
	for page := 1; page <= maxPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var list []T
		header, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, &list)
		if err != nil {
			return err
		}
		for i := range list {
			each(&list[i])
		}
		if !strings.Contains(header.Get("Link"), `rel="next"`) {
			return nil
		}
	}
	return fmt.Errorf("GET %s: %w: more than %d pages", path, ErrAnswer, maxPages)
}

type gitHubIssue struct {
	Number      int64           `json:"number"`
	HTMLURL     string          `json:"html_url"`
	State       string          `json:"state"`
	StateReason string          `json:"state_reason"`
	Body        string          `json:"body"`
	ClosedAt    time.Time       `json:"closed_at"`
	PullRequest json.RawMessage `json:"pull_request"`
	Labels      []struct {
		Name string `json:"name"`
	} `json:"labels"`
	Milestone *struct {
		Title string `json:"title"`
	} `json:"milestone"`
}

func (i *gitHubIssue) issue() Issue {
	x := Issue{ID: strconv.FormatInt(i.Number, 10), Number: i.Number, URL: i.HTMLURL, Body: i.Body, Closed: i.State == "closed", ClosedAt: i.ClosedAt}
	for _, l := range i.Labels {
		x.Labels = append(x.Labels, l.Name)
	}
	if i.Milestone != nil {
		x.FixVersions = []string{i.Milestone.Title}
	}
	switch i.StateReason {
	case "not_planned":
		x.Unplanned = "not planned"
	case "duplicate":
		x.Unplanned = "duplicate"
	default:
		x.Unplanned = unplannedLabel(x.Labels)
	}
	return x
}

// Find lists what has the label, which is up to date. Who may not set labels files
// issues without one: those are only found by the search, which lags behind.
func (g *gitHub) Find(ctx context.Context, group string) ([]Issue, error) {
	var found []Issue
	add := func(i *gitHubIssue) {
		if i.PullRequest == nil {
			found = append(found, i.issue())
		}
	}
	query := url.Values{"labels": {g.o.Label}, "state": {"all"}, "sort": {"created"}, "direction": {"asc"}, "per_page": {strconv.Itoa(pageSize)}}
	if err := pages(ctx, g.Client, g.repo+"/issues", query, add); err != nil || hasGroup(found, group) {
		return found, err
	}
	var answer struct {
		Items []gitHubIssue `json:"items"`
	}
	query = url.Values{"q": {`repo:` + g.o.Project + ` is:issue in:body "` + group + `"`}, "per_page": {strconv.Itoa(pageSize)}}
	if err := g.get(ctx, "/search/issues", query, &answer); err != nil {
		return nil, err
	}
	for i := range answer.Items {
		add(&answer.Items[i])
	}
	return found, nil
}

func (g *gitHub) path(id string) string { return g.repo + "/issues/" + id }

func (g *gitHub) Read(ctx context.Context, issue *Issue) error {
	issue.Comments = nil
	type comment struct {
		Body      string    `json:"body"`
		CreatedAt time.Time `json:"created_at"`
	}
	return pages(ctx, g.Client, g.path(issue.ID)+"/comments", url.Values{"per_page": {strconv.Itoa(pageSize)}}, func(x *comment) {
		issue.Comments = append(issue.Comments, Comment{x.Body, x.CreatedAt})
	})
}

func (g *gitHub) Create(ctx context.Context, d Draft) (Issue, error) {
	var made gitHubIssue
	err := g.json(ctx, http.MethodPost, g.repo+"/issues", map[string]any{"title": d.Title, "body": d.Body, "labels": []string{g.o.Label}}, &made)
	return made.issue(), err
}

func (g *gitHub) Comment(ctx context.Context, id string, d Draft) error {
	return g.json(ctx, http.MethodPost, g.path(id)+"/comments", map[string]any{"body": d.Body}, nil)
}

func (g *gitHub) patch(ctx context.Context, id string, v any) error {
	return g.json(ctx, http.MethodPatch, g.path(id), v, nil)
}

func (g *gitHub) Edit(ctx context.Context, id, body string) error {
	return g.patch(ctx, id, map[string]any{"body": body})
}

func (g *gitHub) Reopen(ctx context.Context, id string) error {
	return g.patch(ctx, id, map[string]any{"state": "open", "state_reason": "reopened"})
}

func (g *gitHub) Close(ctx context.Context, id string) error {
	return g.patch(ctx, id, map[string]any{"state": "closed", "state_reason": "not_planned"})
}

func (*gitHub) Upload(context.Context, string, File) (string, error) { return "", errNoFiles }
