package tracker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Action is what became of a report.
type Action string

// What can become of a report.
const (
	Created   Action = "created"   // an issue
	Commented Action = "commented" // on an issue: a new way into the bug, or why it stays closed
	Reopened  Action = "reopened"
	Known     Action = "known"    // there was nothing to tell
	LeftOut   Action = "left out" // for the bounds of the run
	Failed    Action = "failed"
)

// Outcome is what became of a report.
type Outcome struct {
	Report string
	Action Action
	Issue  Issue
	Title  string
	Err    error // of Failed; of another one what is missing
}

// RunOptions bound what a run writes.
type RunOptions struct {
	// MaxNew and MaxComments are how many issues and comments a run writes at most.
	MaxNew, MaxComments int
	// DryRun: nothing was written, whatever the tracker's methods returned.
	DryRun bool

	wait func(context.Context, time.Duration) error // for tests
}

// Attach puts reports into a tracker, one after the other. It goes on after one that
// failed, unless the next ones would fail in the same way.
func Attach(ctx context.Context, t Tracker, reports []Report, o RunOptions) []Outcome {
	if o.wait == nil {
		o.wait = sleep
	}
	r := &run{t: t, traits: t.Traits(), o: o, made: map[string]Issue{}}
	var out []Outcome
	for _, rep := range reports {
		x := r.report(ctx, rep)
		out = append(out, x)
		if x.Err != nil && hopeless(x.Err) {
			break
		}
	}
	return out
}

// hopeless reports whether nothing else will succeed.
func hopeless(err error) bool {
	for _, e := range []error{ErrNoToken, ErrRefused, ErrNotFound, ErrRateLimit, ErrUnavailable, ErrCertificate, ErrRedirect, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// run is a run over several reports.
type run struct {
	t        Tracker
	traits   Traits
	o        RunOptions
	made     map[string]Issue // by group, in this run: a tracker may need a while to list it
	news     int
	comments int
}

// unsureTries is how often is looked again after a request of which nobody knows
// whether it was taken.
const unsureTries = 3

func (r *run) report(ctx context.Context, rep Report) Outcome {
	c := crashOf(rep)
	x := Outcome{Report: c.name, Title: c.title}
	var waits waiting
	for try := 1; ; try++ {
		x.Action, x.Issue, x.Err = r.attach(ctx, &c)
		if !errors.Is(x.Err, errUnsure) || try == unsureTries {
			break
		}
		pause, _ := waits.next(0)
		if err := r.o.wait(ctx, pause); err != nil {
			break
		}
	}
	switch {
	case errors.Is(x.Err, errBounds):
		x.Action, x.Err = LeftOut, nil
	case x.Err != nil && x.Action != Created:
		x.Action = Failed
	}
	return x
}

// attach looks at what the tracker has and does the next things that are missing.
func (r *run) attach(ctx context.Context, c *crash) (Action, Issue, error) {
	issue, err := r.find(ctx, c)
	if err != nil {
		return "", Issue{}, err
	}
	if issue == nil {
		return r.create(ctx, c)
	}
	if issue.ID == newID {
		return Known, *issue, nil
	}
	if err := r.t.Read(ctx, issue); err != nil {
		return "", *issue, err
	}
	if err := r.finish(ctx, issue, c); err != nil {
		return "", *issue, err
	}
	action, err := r.tell(ctx, issue, c)
	return action, *issue, err
}

// find is the issue of a group, the oldest one. Younger ones that are open were filed
// by runs that did not know of each other: they are closed as what they are.
func (r *run) find(ctx context.Context, c *crash) (*Issue, error) {
	all, err := r.t.Find(ctx, c.group)
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(all, func(i Issue) bool { return firstMarker(i.Body).Group != c.group })
	if made, ok := r.made[c.group]; ok && !slices.ContainsFunc(mine, func(i Issue) bool { return i.ID == made.ID }) {
		mine = append(mine, made)
	}
	if len(mine) == 0 {
		return nil, nil
	}
	slices.SortFunc(mine, func(a, b Issue) int { return int(min(max(a.Number-b.Number, -1), 1)) })
	for i := 1; i < len(mine); i++ {
		if mine[i].ID != mine[0].ID && !mine[i].Closed {
			if err := r.closeDuplicate(ctx, &mine[i], &mine[0], c); err != nil {
				return nil, err
			}
		}
	}
	return &mine[0], nil
}

// firstMarker is that of an issue, in its body.
func firstMarker(body string) Marker {
	if found := markers(body); len(found) > 0 {
		return found[0]
	}
	return Marker{}
}

// hasGroup reports whether one of the issues is that of a group.
func hasGroup(issues []Issue, group string) bool {
	return slices.ContainsFunc(issues, func(i Issue) bool { return firstMarker(i.Body).Group == group })
}

func (r *run) closeDuplicate(ctx context.Context, younger, older *Issue, c *crash) error {
	if err := r.t.Read(ctx, younger); err != nil {
		return err
	}
	m := Marker{Group: c.group, DuplicateOf: older.ID}
	if !told(younger, func(x Marker, _ time.Time) bool { return x == m }) {
		lead := "Two runs of sdcore filed this crash at the same time. The other issue is older: " + older.URL
		if err := r.comment(ctx, younger, c, text{lead: []string{lead}, short: true, m: m}); err != nil {
			return err
		}
	}
	return r.t.Close(ctx, younger.ID)
}

// create files an issue.
func (r *run) create(ctx context.Context, c *crash) (Action, Issue, error) {
	if r.news >= r.o.MaxNew {
		return LeftOut, Issue{}, nil
	}
	x := text{m: Marker{Group: c.group, Variant: c.variant, Build: c.build, Pending: r.traits.Files == FilesAfter}}
	d, file, err := r.draft(ctx, c, &x, "")
	if err != nil {
		return "", Issue{}, err
	}
	if d.Token != "" || x.link != "" { // it took a while
		if again, err := r.find(ctx, c); err != nil || again != nil {
			return r.instead(ctx, again, c, err)
		}
	}
	d.Title = c.heading(r.traits.MaxTitle)
	issue, err := r.t.Create(ctx, d)
	if err != nil {
		return "", Issue{}, err
	}
	r.news++
	if r.o.DryRun {
		issue = Issue{ID: newID, Body: d.Body}
		r.made[c.group] = issue
	} else {
		if issue.Body == "" {
			issue.Body = d.Body
		}
		r.made[c.group] = issue
		oldest, err := r.find(ctx, c)
		if err != nil {
			return Created, issue, err
		}
		if oldest.ID != issue.ID {
			delete(r.made, c.group)
			return r.instead(ctx, oldest, c, nil)
		}
	}
	return Created, issue, r.send(ctx, &issue, file)
}

// instead goes on with an issue that is there after all.
func (r *run) instead(ctx context.Context, issue *Issue, c *crash, err error) (Action, Issue, error) {
	if err != nil {
		return "", Issue{}, err
	}
	if err := r.t.Read(ctx, issue); err != nil {
		return "", *issue, err
	}
	action, err := r.tell(ctx, issue, c)
	return action, *issue, err
}

// draft renders a text. What has to be there before it is sent: to the issue, if there
// is one.
func (r *run) draft(ctx context.Context, c *crash, x *text, id string) (Draft, File, error) {
	var d Draft
	var file File
	var err error
	if !x.short && r.traits.Files != FilesNone {
		if file, err = c.file(); err != nil {
			return d, file, err
		}
	}
	switch {
	case x.short:
	case r.traits.Files == FilesLinked:
		x.link, err = r.t.Upload(ctx, id, file)
	case r.traits.Files == FilesWith:
		d.File = file.Name
		d.Token, err = r.t.Upload(ctx, id, file)
	}
	if err != nil {
		return d, file, err
	}
	d.Body, err = r.traits.body(c, *x)
	return d, file, err
}

// send puts the file on an issue whose body says that it is pending, and then says
// so no more.
func (r *run) send(ctx context.Context, issue *Issue, file File) error {
	if !firstMarker(issue.Body).Pending {
		return nil
	}
	if !slices.Contains(issue.Files, file.Name) {
		if _, err := r.t.Upload(ctx, issue.ID, file); err != nil {
			return err
		}
	}
	return r.t.Edit(ctx, issue.ID, withoutPending(issue.Body))
}

// finish sends what a run before did not come to.
func (r *run) finish(ctx context.Context, issue *Issue, c *crash) error {
	if m := firstMarker(issue.Body); !m.Pending || m.Variant != c.variant {
		return nil
	}
	file, err := c.file()
	if err != nil {
		return err
	}
	return r.send(ctx, issue, file)
}

// tell writes what the issue does not say yet.
func (r *run) tell(ctx context.Context, issue *Issue, c *crash) (Action, error) {
	variant := told(issue, func(m Marker, _ time.Time) bool { return m.Variant == c.variant })
	build := told(issue, func(m Marker, _ time.Time) bool { return m.Variant == c.variant && m.Build == c.build })
	seen := "Seen in " + r.traits.code(c.build)
	x := text{m: Marker{Group: c.group, Variant: c.variant, Build: c.build}, short: variant}
	if !issue.Closed {
		if variant {
			return Known, nil
		}
		x.lead = []string{seen + ": another way into the same bug."}
		return Commented, r.write(ctx, issue, c, x)
	}
	reopen, why := verdict(issue, c)
	x.lead = []string{seen + ": " + why}
	if !variant {
		x.lead = append(x.lead, "It is another way into the same bug.")
	}
	if !reopen {
		if build {
			return Known, nil
		}
		return Commented, r.write(ctx, issue, c, x)
	}
	x.m.Reopens = true
	// A run may have been killed between its comment and this.
	if !told(issue, func(m Marker, at time.Time) bool { return m == x.m && !at.Before(issue.ClosedAt) }) {
		if err := r.write(ctx, issue, c, x); err != nil {
			return "", err
		}
	}
	return Reopened, r.t.Reopen(ctx, issue.ID)
}

// write adds a comment, within the bounds of the run.
func (r *run) write(ctx context.Context, issue *Issue, c *crash, x text) error {
	if r.comments >= r.o.MaxComments {
		return errBounds
	}
	return r.comment(ctx, issue, c, x)
}

func (r *run) comment(ctx context.Context, issue *Issue, c *crash, x text) error {
	d, file, err := r.draft(ctx, c, &x, issue.ID)
	if err != nil {
		return err
	}
	if r.traits.Files == FilesAfter && !x.short && !slices.Contains(issue.Files, file.Name) {
		if _, err := r.t.Upload(ctx, issue.ID, file); err != nil {
			return err
		}
	}
	if err := r.t.Comment(ctx, issue.ID, d); err != nil {
		return fmt.Errorf("issue %s: %w", issue.ID, err)
	}
	r.comments++
	return nil
}

// errBounds ends what the bounds of a run do not allow.
var errBounds = errors.New("as many comments were written as a run may write")
