package tracker

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/semver"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

// Report is a report to attach.
type Report struct {
	// Name is what the report is called in an [Outcome].
	Name   string
	Result redact.Result
}

// Ready makes a stored report ready to attach: res is what redaction by the rules of
// today makes of it. It refuses one that redaction had not been through, or in
// which there was more to remove, and one that can't be told from others.
func Ready(name string, stored *report.Report, res redact.Result) (Report, error) {
	if stored.Fingerprint == "" {
		return Report{}, fmt.Errorf("%s: %w", name, ErrNotRedacted)
	}
	if more := removed(res.Report()) - removed(stored); more > 0 {
		return Report{}, fmt.Errorf("%s: %w: the rules of today find %d more to remove", name, ErrNotRedacted, more)
	}
	if !fingerprint.Of(res).Known() {
		return Report{}, fmt.Errorf("%s: %w", name, ErrNoGroup)
	}
	return Report{Name: name, Result: res}, nil
}

func removed(r *report.Report) int {
	n := 0
	for _, k := range r.RedactionCounts {
		n += k
	}
	return n
}

// crash is what there is to know of a report here.
type crash struct {
	name           string
	res            redact.Result
	group, variant string
	title          string
	build          string    // a word for markers
	version        string    // of the main module, "" unless it can be compared
	committed      time.Time // zero where it is not known
}

var buildWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,79}$`)

func crashOf(r Report) crash {
	v := fingerprint.Of(r.Result)
	c := crash{name: r.Name, res: r.Result, group: v.Levels[fingerprint.Group], variant: v.Levels[fingerprint.Narrow], title: v.Title, build: "unknown"}
	id := &r.Result.Report().Identity
	for _, s := range id.Settings {
		switch s.Key {
		case "vcs.revision":
			if buildWord.MatchString(s.Value) {
				c.build = "rev-" + s.Value[:min(len(s.Value), 12)]
			}
		case "vcs.time":
			c.committed, _ = time.Parse(time.RFC3339, s.Value) // zero otherwise
		}
	}
	if semver.IsValid(id.Main.Version) && buildWord.MatchString(id.Main.Version) {
		c.version, c.build = id.Main.Version, id.Main.Version
	}
	return c
}

// fileName is that of the report as a file, the same for each way into a bug.
func (c *crash) fileName() string {
	return "crash-" + c.variant[strings.LastIndexByte(c.variant, ':')+1:] + ".safedump.json"
}

// maxFile is what all trackers take unless they are set up otherwise.
const maxFile = 4 << 20

func (c *crash) file() (File, error) {
	var b bytes.Buffer
	if err := export.JSON(&b, c.res, export.Options{MaxSize: maxFile}); err != nil {
		return File{}, fmt.Errorf("%s: %w", c.name, err)
	}
	return File{Name: c.fileName(), Data: b.Bytes()}, nil
}

// heading is the title of an issue. Nothing in it acts, where trackers look for people
// and references in titles, too.
func (c *crash) heading(limit int) string {
	text := "Crash: " + c.title
	if last := c.res.LastScan(); last != nil {
		if found, _ := last.Find([]byte(text)); found {
			text = "Crash: " + c.group
		}
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			r = ' '
		}
		if b.Len()+utf8.RuneLen(r)+1 > limit {
			break
		}
		b.WriteRune(r)
		if next, _ := utf8.DecodeRuneInString(text); strings.ContainsRune("@#!$%~&^", r) && (unicode.IsLetter(next) || unicode.IsDigit(next) || strings.ContainsRune(`"{[`, next)) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
