package tracker

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/export"
)

// redmine talks to Redmine's REST API. Tried with 5.0.4; the filter by description
// has to be known to it.
type redmine struct {
	*Client
	statuses []redmineStatus // once they were asked for
}

type redmineStatus struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Closed bool   `json:"is_closed"`
}

func newRedmine(o Options) (*redmine, error) {
	token := o.credential()
	c, err := newClient(o, map[string]string{"Accept": "application/json", "X-Redmine-API-Key": token}, token)
	return &redmine{Client: c}, err
}

// Traits: a text in MySQL has at most 65 535 bytes.
func (*redmine) Traits() Traits {
	return Traits{Markup: export.IssueEither, Files: FilesWith, MaxText: 60_000, MaxTitle: 255}
}

type redmineIssue struct {
	ID           int64         `json:"id"`
	Description  string        `json:"description"`
	Status       redmineStatus `json:"status"`
	ClosedOn     time.Time     `json:"closed_on"`
	FixedVersion struct {
		Name string `json:"name"`
	} `json:"fixed_version"`
	Journals []struct {
		Notes     string    `json:"notes"`
		CreatedOn time.Time `json:"created_on"`
	} `json:"journals"`
	Attachments []struct {
		Name string `json:"filename"`
	} `json:"attachments"`
}

// issue fills what a list has. Versions before 5.0 do not say of a status whether it
// is a closed one, so all are asked for.
func (r *redmine) issue(i *redmineIssue) Issue {
	x := Issue{ID: strconv.FormatInt(i.ID, 10), Number: i.ID, Body: i.Description, URL: r.base.String() + "/issues/" + strconv.FormatInt(i.ID, 10)}
	for _, s := range r.statuses {
		if s.ID == i.Status.ID {
			x.Closed = s.Closed
		}
	}
	if x.Closed {
		x.ClosedAt = i.ClosedOn
		if strings.EqualFold(i.Status.Name, "rejected") || strings.EqualFold(i.Status.Name, "duplicate") {
			x.Unplanned = i.Status.Name
		}
	}
	if i.FixedVersion.Name != "" {
		x.FixVersions = []string{i.FixedVersion.Name}
	}
	return x
}

func (r *redmine) learnStatuses(ctx context.Context) error {
	if r.statuses != nil {
		return nil
	}
	var answer struct {
		Statuses []redmineStatus `json:"issue_statuses"`
	}
	err := r.get(ctx, "/issue_statuses.json", nil, &answer)
	r.statuses = answer.Statuses
	return err
}

func (r *redmine) Find(ctx context.Context, group string) ([]Issue, error) {
	if err := r.learnStatuses(ctx); err != nil {
		return nil, err
	}
	var found []Issue
	for {
		var answer struct {
			Issues []redmineIssue `json:"issues"`
			Total  int            `json:"total_count"`
		}
		query := url.Values{
			"project_id": {r.o.Project}, "status_id": {"*"}, "description": {"~" + group}, "sort": {"id"},
			"limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(len(found))},
		}
		if err := r.get(ctx, "/issues.json", query, &answer); err != nil {
			return nil, err
		}
		for i := range answer.Issues {
			found = append(found, r.issue(&answer.Issues[i]))
		}
		if len(answer.Issues) == 0 || len(found) >= answer.Total || len(found) >= pageSize*maxPages {
			return found, nil
		}
	}
}

func (r *redmine) path(id string) string { return "/issues/" + id + ".json" }

func (r *redmine) Read(ctx context.Context, issue *Issue) error {
	var answer struct {
		Issue redmineIssue `json:"issue"`
	}
	if err := r.get(ctx, r.path(issue.ID), url.Values{"include": {"journals,attachments"}}, &answer); err != nil || answer.Issue.ID == 0 {
		return err
	}
	*issue = r.issue(&answer.Issue)
	for _, j := range answer.Issue.Journals {
		if j.Notes != "" {
			issue.Comments = append(issue.Comments, Comment{j.Notes, j.CreatedOn})
		}
	}
	for _, a := range answer.Issue.Attachments {
		issue.Files = append(issue.Files, a.Name)
	}
	return nil
}

// with adds what was uploaded.
func (d *Draft) with(fields map[string]any) map[string]any {
	if d.Token != "" {
		fields["uploads"] = []map[string]any{{"token": d.Token, "filename": d.File, "content_type": "application/json"}}
	}
	return map[string]any{"issue": fields}
}

func (r *redmine) Create(ctx context.Context, d Draft) (Issue, error) {
	var answer struct {
		Issue redmineIssue `json:"issue"`
	}
	// Below the project: there it may be called by its identifier, in the issue it may not.
	path := "/projects/" + url.PathEscape(r.o.Project) + "/issues.json"
	err := r.json(ctx, http.MethodPost, path, d.with(map[string]any{"subject": d.Title, "description": d.Body}), &answer)
	return r.issue(&answer.Issue), err
}

// put changes an issue. The answer has no contents.
func (r *redmine) put(ctx context.Context, id string, v any, once bool) error {
	k, err := jsonCall(http.MethodPut, r.path(id), v)
	if err != nil {
		return err
	}
	k.once = once
	_, err = r.do(ctx, k, nil)
	return err
}

func (r *redmine) Comment(ctx context.Context, id string, d Draft) error {
	return r.put(ctx, id, d.with(map[string]any{"notes": d.Body}), true)
}

func (r *redmine) Edit(ctx context.Context, id, body string) error {
	return r.put(ctx, id, map[string]any{"issue": map[string]any{"description": body}}, false)
}

func (r *redmine) Reopen(ctx context.Context, id string) error { return r.setClosed(ctx, id, false) }

func (r *redmine) Close(ctx context.Context, id string) error { return r.setClosed(ctx, id, true) }

// setClosed sets the first status of the kind. A workflow that does not allow it
// is not said but seen.
func (r *redmine) setClosed(ctx context.Context, id string, closed bool) error {
	if err := r.learnStatuses(ctx); err != nil {
		return err
	}
	for _, s := range r.statuses {
		if s.Closed != closed {
			continue
		}
		if err := r.put(ctx, id, map[string]any{"issue": map[string]any{"status_id": s.ID}}, false); err != nil {
			return err
		}
		now := Issue{ID: id}
		if err := r.Read(ctx, &now); err != nil || r.o.DryRun != nil || now.Closed == closed {
			return err
		}
		return fmt.Errorf("issue %s: %w: its workflow does not let it become %q", id, ErrForbidden, s.Name)
	}
	return fmt.Errorf("issue %s: %w: no status to set", id, ErrAnswer)
}

func (r *redmine) Upload(ctx context.Context, _ string, f File) (string, error) {
	var answer struct {
		Upload struct {
			Token string `json:"token"`
		} `json:"upload"`
	}
	// Sent twice it leaves a file that belongs to nothing, which Redmine removes.
	k := call{method: http.MethodPost, path: "/uploads.json", query: url.Values{"filename": {f.Name}}, body: f.Data, kind: "application/octet-stream"}
	if _, err := r.do(ctx, k, &answer); err != nil {
		return "", err
	}
	if r.o.DryRun != nil {
		return newID, nil
	}
	return answer.Upload.Token, nil
}
