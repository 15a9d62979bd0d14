package tracker

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// fixLine is how people say in which version a crash is fixed.
var fixLine = regexp.MustCompile(`(?m)^\s*sdcore: fixed in (\S{1,80})\s*$`)

// fixOf is the version that the fix is in, "" if nothing that can be compared is
// said: what people said last, else the least of those that the tracker names.
func fixOf(i *Issue) string {
	fix := ""
	for _, text := range i.texts() {
		for _, m := range fixLine.FindAllStringSubmatch(text.Body, -1) {
			if v := canonical(m[1]); v != "" {
				fix = v
			}
		}
	}
	if fix != "" {
		return fix
	}
	for _, name := range i.FixVersions {
		if v := canonical(name); v != "" && (fix == "" || semver.Compare(v, fix) < 0) {
			fix = v
		}
	}
	return fix
}

// canonical is a version as Go modules have it, from "1.4.0", "v1.4" or "Release 1.4.0";
// "" if it is none.
func canonical(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return ""
	}
	v := words[len(words)-1]
	if !strings.HasPrefix(v, "v") {
		v = "v" + v
	}
	if !buildWord.MatchString(v) {
		return ""
	}
	return semver.Canonical(v)
}

// texts are the body and the comments, as comments.
func (i *Issue) texts() []Comment { return append([]Comment{{Body: i.Body}}, i.Comments...) }

// verdict says whether a closed issue is to be reopened for a crash, and why or why
// not, in words that follow "Seen in X: ".
func verdict(i *Issue, c *crash) (reopen bool, why string) {
	if i.Unplanned != "" {
		return false, "this issue was closed as not to be fixed, so it stays closed."
	}
	before := func(m Marker, at time.Time) bool { return m.Build == c.build && (at.IsZero() || at.Before(i.ClosedAt)) }
	if c.build != "unknown" && told(i, before) {
		return false, "this build was known when the issue was closed, so it stays closed."
	}
	fix := fixOf(i)
	if fix != "" && c.version != "" {
		if semver.Compare(c.version, fix) >= 0 {
			return true, fmt.Sprintf("the fix should be in %s. Reopened.", fix)
		}
		return false, fmt.Sprintf("that is before the fix, which is in %s, so it stays closed.", fix)
	}
	if !c.committed.IsZero() && !i.ClosedAt.IsZero() && c.committed.After(i.ClosedAt) {
		return true, fmt.Sprintf("it was built from a commit of %s, after this issue was closed. Reopened.", c.committed.UTC().Format(time.RFC3339))
	}
	return false, "whether this build has the fix is not known, so it stays closed. A line \"sdcore: fixed in vX.Y.Z\" of its own would say it."
}

// told reports whether a marker of the issue is as wanted. That of the body has the zero
// time.
func told(i *Issue, want func(Marker, time.Time) bool) bool {
	for _, text := range i.texts() {
		for _, m := range markers(text.Body) {
			if want(m, text.At) {
				return true
			}
		}
	}
	return false
}
