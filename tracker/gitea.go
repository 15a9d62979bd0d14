package tracker

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// gitea talks to the API of Gitea and Forgejo, version 1.
type gitea struct {
	*Client
	repo string
}

func newGitea(o Options) (*gitea, error) {
	repo, err := ownerAndName(o.Project)
	if err != nil {
		return nil, err
	}
	token := o.credential()
	c, err := newClient(o, map[string]string{"Accept": "application/json", "Authorization": "token " + token}, token)
	return &gitea{c, "/api/v1/repos/" + repo}, err
}

// Traits: there is no bound on a text that matters here.
func (*gitea) Traits() Traits {
	return Traits{Files: FilesAfter, MaxText: 200_000, MaxTitle: 255}
}

// giteaPage is what Gitea gives at most unless it is set up otherwise.
const giteaPage = "50"

type giteaIssue struct {
	Number   int64     `json:"number"`
	HTMLURL  string    `json:"html_url"`
	State    string    `json:"state"`
	Body     string    `json:"body"`
	ClosedAt time.Time `json:"closed_at"`
	Labels   []struct {
		Name string `json:"name"`
	} `json:"labels"`
	Milestone *struct {
		Title string `json:"title"`
	} `json:"milestone"`
}

func (i *giteaIssue) issue() Issue {
	x := Issue{ID: strconv.FormatInt(i.Number, 10), Number: i.Number, URL: i.HTMLURL, Body: i.Body, Closed: i.State == "closed", ClosedAt: i.ClosedAt}
	for _, l := range i.Labels {
		x.Labels = append(x.Labels, l.Name)
	}
	if i.Milestone != nil {
		x.FixVersions = []string{i.Milestone.Title}
	}
	x.Unplanned = unplannedLabel(x.Labels)
	return x
}

// Find lists what has the label. Where that could not be set, what the search knows,
// which lags behind. Asked for a label that is not there, Gitea lists all issues.
func (g *gitea) Find(ctx context.Context, group string) ([]Issue, error) {
	label, err := g.labels(ctx)
	if err != nil {
		return nil, err
	}
	asks := []url.Values{{"q": {group}}}
	if len(label) > 0 {
		asks = append([]url.Values{{"labels": {g.o.Label}}}, asks...)
	}
	var found []Issue
	for _, by := range asks {
		by.Set("state", "all")
		by.Set("type", "issues")
		by.Set("limit", giteaPage)
		err := pages(ctx, g.Client, g.repo+"/issues", by, func(i *giteaIssue) { found = append(found, i.issue()) })
		if err != nil || hasGroup(found, group) {
			return found, err
		}
	}
	return found, nil
}

func (g *gitea) path(id string) string { return g.repo + "/issues/" + id }

func (g *gitea) Read(ctx context.Context, issue *Issue) error {
	issue.Comments, issue.Files = nil, nil
	var comments []struct {
		Body      string    `json:"body"`
		CreatedAt time.Time `json:"created_at"`
	}
	if err := g.get(ctx, g.path(issue.ID)+"/comments", nil, &comments); err != nil {
		return err
	}
	for _, x := range comments {
		issue.Comments = append(issue.Comments, Comment{x.Body, x.CreatedAt})
	}
	var files []struct {
		Name string `json:"name"`
	}
	if err := g.get(ctx, g.path(issue.ID)+"/assets", nil, &files); err != nil {
		return err
	}
	for _, x := range files {
		issue.Files = append(issue.Files, x.Name)
	}
	return nil
}

type giteaLabel struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// labels are the numbers by which a new issue gets its label: none where that is
// missing.
func (g *gitea) labels(ctx context.Context) ([]int64, error) {
	ids := []int64{}
	err := pages(ctx, g.Client, g.repo+"/labels", url.Values{"limit": {giteaPage}}, func(l *giteaLabel) {
		if l.Name == g.o.Label && len(ids) == 0 {
			ids = append(ids, l.ID)
		}
	})
	return ids, err
}

// Create makes the label where it is missing. Who may not make it files the issue
// without one.
func (g *gitea) Create(ctx context.Context, d Draft) (Issue, error) {
	labels, err := g.labels(ctx)
	if err != nil {
		return Issue{}, err
	}
	if len(labels) == 0 {
		var made giteaLabel
		err := g.json(ctx, http.MethodPost, g.repo+"/labels", map[string]any{"name": g.o.Label, "color": "#b60205", "description": "filed by sdcore attach"}, &made)
		if err != nil && !forbidden(err) {
			return Issue{}, err
		}
		if err == nil {
			labels = append(labels, made.ID)
		}
	}
	var made giteaIssue
	err = g.json(ctx, http.MethodPost, g.repo+"/issues", map[string]any{"title": d.Title, "body": d.Body, "labels": labels}, &made)
	return made.issue(), err
}

func (g *gitea) Comment(ctx context.Context, id string, d Draft) error {
	return g.json(ctx, http.MethodPost, g.path(id)+"/comments", map[string]any{"body": d.Body}, nil)
}

func (g *gitea) patch(ctx context.Context, id string, v any) error {
	return g.json(ctx, http.MethodPatch, g.path(id), v, nil)
}

func (g *gitea) Edit(ctx context.Context, id, body string) error {
	return g.patch(ctx, id, map[string]any{"body": body})
}

func (g *gitea) Reopen(ctx context.Context, id string) error {
	return g.patch(ctx, id, map[string]any{"state": "open"})
}

func (g *gitea) Close(ctx context.Context, id string) error {
	return g.patch(ctx, id, map[string]any{"state": "closed"})
}

func (g *gitea) Upload(ctx context.Context, id string, f File) (string, error) {
	k, err := fileCall(g.path(id)+"/assets", "attachment", f)
	if err != nil {
		return "", err
	}
	k.query = url.Values{"name": {f.Name}}
	_, err = g.do(ctx, k, nil)
	return "", err
}
