package tracker

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/safedump/sdcore/export"
)

// Tracker is a bug tracker's project. Its methods make one request each but
// where the tracker needs more to answer; all of them may be repeated but Create
// and Comment.
type Tracker interface {
	// Traits says what the tracker can do.
	Traits() Traits
	// Find lists the issues, closed ones included, that may have the marker of a
	// group: more is no harm. Bodies are filled, comments are not.
	Find(ctx context.Context, group string) ([]Issue, error)
	// Read fills the comments and files of an issue.
	Read(ctx context.Context, issue *Issue) error
	// Create files an issue.
	Create(ctx context.Context, d Draft) (Issue, error)
	// Comment adds a comment.
	Comment(ctx context.Context, id string, d Draft) error
	// Edit replaces the body.
	Edit(ctx context.Context, id, body string) error
	// Reopen and Close set the state.
	Reopen(ctx context.Context, id string) error
	Close(ctx context.Context, id string) error
	// Upload sends a file as Traits.Files says.
	Upload(ctx context.Context, id string, f File) (link string, err error)
}

// FileMode says how a tracker takes a file.
type FileMode int

const (
	// FilesNone: not by its API. The report goes into the text.
	FilesNone FileMode = iota
	// FilesLinked: first, to the project; the text has the link that comes back.
	FilesLinked
	// FilesWith: first, and what comes back goes along with the issue or comment.
	FilesWith
	// FilesAfter: to an issue that exists.
	FilesAfter
)

// Traits are what trackers differ in.
type Traits struct {
	Markup export.IssueMarkup
	Files  FileMode
	// MaxText bounds bodies and comments in bytes, MaxTitle titles.
	MaxText, MaxTitle int
}

// Draft is what is to be written.
type Draft struct {
	Title, Body string
	// Token is what Upload returned, for FilesWith; File is that file's name.
	Token, File string
}

// File is a report as a file.
type File struct {
	Name string
	Data []byte
}

// Issue is an issue as its tracker has it.
type Issue struct {
	ID       string // as the tracker's addresses have it
	Number   int64  // grows with time
	URL      string
	Body     string
	Closed   bool
	ClosedAt time.Time // zero where it is not known
	// Unplanned says why nothing is to be fixed, in the tracker's own word: "not
	// planned", "Rejected"; empty if it is not so.
	Unplanned string
	// FixVersions are the versions that the tracker says the fix is in.
	FixVersions []string
	Labels      []string
	Comments    []Comment
	Files       []string // names
}

// Comment is a comment on an issue.
type Comment struct {
	Body string
	At   time.Time
}

// Info is about a kind of tracker, for who chooses.
type Info struct {
	Name string
	// URL is where it is when nobody says otherwise; empty if that has to be said.
	URL string
	// Project says how a project is named.
	Project string
	// TokenVars are the environment variables that usually hold the credential.
	TokenVars []string
	// Experimental says why it is, empty if it is not.
	Experimental string
}

// Infos are the kinds of trackers.
func Infos() []Info {
	return []Info{
		{Name: "github", URL: "https://api.github.com", Project: "owner/name", TokenVars: []string{"GITHUB_TOKEN"}},
		{Name: "gitlab", URL: "https://gitlab.com", Project: "group/name or number", TokenVars: []string{"GITLAB_TOKEN"}},
		{Name: "gitea", Project: "owner/name", TokenVars: []string{"GITEA_TOKEN"}},
		{Name: "jira", Project: "KEY", TokenVars: []string{"JIRA_TOKEN"},
			Experimental: "its requests were not checked against a Jira or a description of the API's version 2"},
		{Name: "redmine", Project: "identifier", TokenVars: []string{"REDMINE_API_KEY"}},
	}
}

// Options say where a tracker is and how it is talked to.
type Options struct {
	// URL is the tracker's address, Info.URL when empty; Project one of its projects.
	URL, Project string
	// Token is the credential, User who it belongs to where that is needed (Jira
	// Cloud). They are in no error and no output.
	Token, User string
	// Label marks issues of sdcore where the tracker has labels; "sdcore" when empty.
	Label string
	// IssueType is that of new issues in Jira; "Bug" when empty.
	IssueType string
	// Transport sends the requests; it knows proxies and certificates.
	// http.DefaultTransport when nil.
	Transport http.RoundTripper
	// Timeout bounds one request; 30 s when 0.
	Timeout time.Duration
	// InsecureHTTP sends the credential over http to other hosts, too.
	InsecureHTTP bool
	// DryRun gets what would be sent, and nothing that changes something is. What is
	// read is read if there is a Token; nothing is known otherwise.
	DryRun io.Writer
	// UserAgent names the client.
	UserAgent string

	wait func(context.Context, time.Duration) error // for tests
}

// New returns the tracker of a kind.
func New(kind string, o Options) (Tracker, error) {
	i := slices.IndexFunc(Infos(), func(i Info) bool { return i.Name == kind })
	if i < 0 {
		return nil, fmt.Errorf("%q: %w", kind, ErrKind)
	}
	info := Infos()[i]
	if o.URL == "" {
		o.URL = info.URL
	}
	if o.URL == "" {
		return nil, fmt.Errorf("%s: %w", kind, ErrNoURL)
	}
	if o.Label == "" {
		o.Label = "sdcore"
	}
	if o.IssueType == "" {
		o.IssueType = "Bug"
	}
	if o.Project == "" {
		return nil, fmt.Errorf("%s: %w: %s", kind, ErrProject, info.Project)
	}
	switch kind {
	case "github":
		return newGitHub(o)
	case "gitlab":
		return newGitLab(o)
	case "gitea":
		return newGitea(o)
	case "jira":
		return newJira(o)
	}
	return newRedmine(o)
}

// credential is the token, or what stands for it where there is none.
func (o *Options) credential() string {
	if o.Token == "" {
		return shownCredential
	}
	return o.Token
}

// ownerAndName checks a project that is named by both.
func ownerAndName(project string) (string, error) {
	owner, name, ok := strings.Cut(project, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return "", fmt.Errorf("%q: %w: owner/name", project, ErrProject)
	}
	return url.PathEscape(owner) + "/" + url.PathEscape(name), nil
}

// unplannedLabel is the label that says that nothing will be fixed, "" if there is
// none.
func unplannedLabel(labels []string) string {
	for _, l := range labels {
		switch word := strings.ToLower(strings.Map(lettersOnly, l)); word {
		case "wontfix", "invalid", "notabug", "notplanned", "wontdo", "rejected":
			return l
		}
	}
	return ""
}

func lettersOnly(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}
