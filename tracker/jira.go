package tracker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/export"
)

// jira talks to Jira's REST API, version 2: Cloud and Data Center have it, and its
// texts are Jira's own markup.
type jira struct{ *Client }

var jiraKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{1,63}$`)

func newJira(o Options) (*jira, error) {
	if !jiraKey.MatchString(o.Project) {
		return nil, fmt.Errorf("%q: %w: the key of a project", o.Project, ErrProject)
	}
	token := o.credential()
	auth := "Bearer " + token
	secrets := []string{token}
	if o.User != "" {
		pair := base64.StdEncoding.EncodeToString([]byte(o.User + ":" + token))
		auth, secrets = "Basic "+pair, append(secrets, pair)
	}
	c, err := newClient(o, map[string]string{"Accept": "application/json", "Authorization": auth}, secrets...)
	return &jira{c}, err
}

// Traits: descriptions and comments have at most 32 767 characters.
func (*jira) Traits() Traits {
	return Traits{Markup: export.IssueWiki, Files: FilesAfter, MaxText: 32_767, MaxTitle: 255}
}

// jiraTime is a time as Jira writes it, "2026-11-22T12:11:53.045+0000".
type jiraTime struct{ time.Time }

func (t *jiraTime) UnmarshalJSON(b []byte) error {
	t.Time = time.Time{}
	for _, layout := range []string{"2006-01-02T15:04:05.999-0700", time.RFC3339} {
		if at, err := time.Parse(layout, strings.Trim(string(b), `"`)); err == nil {
			t.Time = at
		}
	}
	return nil // null, or not known
}

type jiraIssue struct {
	Key    string `json:"key"`
	Fields struct {
		Description string     `json:"description"`
		Status      jiraStatus `json:"status"`
		Resolution  *struct {
			Name string `json:"name"`
		} `json:"resolution"`
		ResolutionDate jiraTime `json:"resolutiondate"`
		Labels         []string `json:"labels"`
		FixVersions    []struct {
			Name string `json:"name"`
		} `json:"fixVersions"`
		Attachment []struct {
			Filename string `json:"filename"`
		} `json:"attachment"`
	} `json:"fields"`
}

type jiraStatus struct {
	Category struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
}

func (s *jiraStatus) closed() bool { return s.Category.Key == "done" }

func (j *jira) issue(i *jiraIssue) Issue {
	f := &i.Fields
	_, digits, _ := strings.Cut(i.Key, "-")
	number, _ := strconv.ParseInt(digits, 10, 64) // of a key
	x := Issue{ID: i.Key, Number: number, Body: f.Description, Closed: f.Status.closed(), ClosedAt: f.ResolutionDate.Time, Labels: f.Labels, URL: j.base.String() + "/browse/" + i.Key}
	for _, v := range f.FixVersions {
		x.FixVersions = append(x.FixVersions, v.Name)
	}
	for _, a := range f.Attachment {
		x.Files = append(x.Files, a.Filename)
	}
	if f.Resolution != nil {
		switch strings.ToLower(strings.Map(lettersOnly, f.Resolution.Name)) {
		case "wontdo", "wontfix", "duplicate", "rejected", "declined", "invalid", "cannotreproduce", "notabug":
			x.Unplanned = f.Resolution.Name
		}
	}
	return x
}

// groupLabel is by which the issue of a group is found.
func groupLabel(group string) string { return "sdcore-" + group[strings.LastIndexByte(group, ':')+1:] }

// Find asks by the label of the group. Cloud has another address for it than Data Center.
func (j *jira) Find(ctx context.Context, group string) ([]Issue, error) {
	query := url.Values{
		"jql":        {`project = "` + j.o.Project + `" AND labels = "` + groupLabel(group) + `" ORDER BY created ASC`},
		"fields":     {"description,status,resolution,resolutiondate,labels,fixVersions,attachment"},
		"maxResults": {"50"},
	}
	var answer struct {
		Issues []jiraIssue `json:"issues"`
	}
	err := j.get(ctx, "/rest/api/2/search/jql", query, &answer)
	if errors.Is(err, ErrNotFound) {
		err = j.get(ctx, "/rest/api/2/search", query, &answer)
	}
	var found []Issue
	for i := range answer.Issues {
		found = append(found, j.issue(&answer.Issues[i]))
	}
	return found, err
}

func (j *jira) path(id string) string { return "/rest/api/2/issue/" + id }

func (j *jira) Read(ctx context.Context, issue *Issue) error {
	issue.Comments = nil
	for start := 0; start < pageSize*maxPages; {
		var answer struct {
			Total    int `json:"total"`
			Comments []struct {
				Body    string   `json:"body"`
				Created jiraTime `json:"created"`
			} `json:"comments"`
		}
		query := url.Values{"startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(pageSize)}}
		if err := j.get(ctx, j.path(issue.ID)+"/comment", query, &answer); err != nil {
			return err
		}
		for _, x := range answer.Comments {
			issue.Comments = append(issue.Comments, Comment{x.Body, x.Created.Time})
		}
		start += len(answer.Comments)
		if len(answer.Comments) == 0 || start >= answer.Total {
			break
		}
	}
	return nil
}

func (j *jira) Create(ctx context.Context, d Draft) (Issue, error) {
	fields := map[string]any{
		"project": map[string]string{"key": j.o.Project}, "issuetype": map[string]string{"name": j.o.IssueType},
		"summary": d.Title, "description": d.Body, "labels": []string{j.o.Label, groupLabel(firstMarker(d.Body).Group)},
	}
	var made jiraIssue
	err := j.json(ctx, http.MethodPost, "/rest/api/2/issue", map[string]any{"fields": fields}, &made)
	return j.issue(&made), err
}

func (j *jira) Comment(ctx context.Context, id string, d Draft) error {
	return j.json(ctx, http.MethodPost, j.path(id)+"/comment", map[string]any{"body": d.Body}, nil)
}

func (j *jira) Edit(ctx context.Context, id, body string) error {
	return j.json(ctx, http.MethodPut, j.path(id), map[string]any{"fields": map[string]any{"description": body}}, nil)
}

func (j *jira) Reopen(ctx context.Context, id string) error { return j.move(ctx, id, false) }

func (j *jira) Close(ctx context.Context, id string) error { return j.move(ctx, id, true) }

// move makes the first transition that leads to an open or a closed status.
func (j *jira) move(ctx context.Context, id string, closed bool) error {
	var answer struct {
		Transitions []struct {
			ID string     `json:"id"`
			To jiraStatus `json:"to"`
		} `json:"transitions"`
	}
	if err := j.get(ctx, j.path(id)+"/transitions", nil, &answer); err != nil {
		return err
	}
	for _, t := range answer.Transitions {
		if t.To.closed() == closed {
			return j.json(ctx, http.MethodPost, j.path(id)+"/transitions", map[string]any{"transition": map[string]string{"id": t.ID}}, nil)
		}
	}
	return fmt.Errorf("issue %s: %w: its workflow has no such transition", id, ErrForbidden)
}

func (j *jira) Upload(ctx context.Context, id string, f File) (string, error) {
	k, err := fileCall(j.path(id)+"/attachments", "file", f)
	if err != nil {
		return "", err
	}
	k.header = map[string]string{"X-Atlassian-Token": "no-check"}
	_, err = j.do(ctx, k, nil)
	return "", err
}
