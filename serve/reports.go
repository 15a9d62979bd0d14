package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/index"
)

// subject is a report that somebody asks for.
type subject struct {
	dir  string // the directory that it must be in
	file string // its name there
	// What pages call it, where they are, and where it belongs.
	Name, Base  string
	Group, Back string
	key         string // the beginning of a file's name for a download
}

// Where batch puts reports, and what a report that somebody saved is called.
var (
	storedName = regexp.MustCompile(`^reports/[0-9a-f]{2}/[0-9a-f]{1,64}\.safedump\.json\.gz$`)
	crashName  = regexp.MustCompile(`^[0-9a-f]{4,64}$`)
	groupName  = regexp.MustCompile(`^g[0-9a-f]{4,32}(-[0-9]{1,9})?$`)
)

// savedName reports whether a file of the directory of saved reports is one.
func savedName(name string) bool {
	return (strings.HasSuffix(name, ".safedump.json") || strings.HasSuffix(name, ".safedump.json.gz")) &&
		!strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\\\x00") && len(name) <= 255
}

// ofIndex answers about the report of a crash in the index.
func (s *Server) ofIndex(f func(*request, *subject) error) func(*request) error {
	return func(q *request) error {
		name := q.r.PathValue("name")
		if !crashName.MatchString(name) {
			return notFound("crash")
		}
		x, err := s.open(q.ctx())
		if err != nil {
			return err
		}
		_, o, err := x.Find(q.ctx(), name)
		x.Close() // a report takes its time
		if err != nil {
			return err
		}
		if o == nil {
			return notFound("crash")
		}
		sub, err := s.stored(o)
		if err != nil {
			return err
		}
		return f(q, sub)
	}
}

// stored is the report of an occurrence, if this host has it.
func (s *Server) stored(o *index.Occurrence) (*subject, error) {
	switch {
	case o.Report == "":
		return nil, &trouble{status: http.StatusGone, what: "The report of this crash was removed.",
			why: "It was past the bounds of sdcore clean. What was counted is still there.", remedy: "A newer crash of the group may have one."}
	case o.Home != (index.Home{}) && o.Home != s.o.Home:
		return nil, &trouble{status: http.StatusNotFound, what: "Another host keeps the report of this crash.",
			why:    fmt.Sprintf("It is on host %s, in %s.", index.Printable(o.Home.Host), index.Printable(o.Home.Dir)),
			remedy: "Run sdcore serve there, with the same --db."}
	case !storedName.MatchString(o.Report):
		return nil, &trouble{status: http.StatusNotFound, what: "The index names a file that no batch writes.",
			why: "It is not opened.", remedy: "Somebody else has changed the index: make a new one with sdcore batch --store."}
	}
	return &subject{dir: s.o.Store, file: o.Report, Name: o.Name(), Base: "/crash/" + o.Name(), Group: o.GroupName, Back: "/group/" + o.GroupName, key: o.Name()}, nil
}

// ofDirectory answers about a report in the directory of saved ones.
func (s *Server) ofDirectory(f func(*request, *subject) error) func(*request) error {
	return func(q *request) error {
		name := q.r.PathValue("name")
		if s.o.Saved == "" || !savedName(name) {
			return notFound("report")
		}
		return f(q, &subject{dir: s.o.Saved, file: name, Name: index.Printable(name), Base: "/saved/" + url.PathEscape(name), Back: "/saved/", key: "report"})
	}
}

func notFound(what string) error {
	return &trouble{status: http.StatusNotFound, what: "There is no such " + what + "."}
}

// errSlow means that others hold as many reports as there may be.
var errSlow = errors.New("others are reading reports")

// read reads a report, redacts it again, and hands it to f. Few are held at a
// time.
func (s *Server) read(ctx context.Context, sub *subject, f func(redact.Result) error) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errSlow, ctx.Err())
	}
	file, err := openIn(sub.dir, sub.file, s.o.MaxReport)
	if err != nil {
		return s.unreadable(err)
	}
	decoded, err := report.Decode(file, report.DecodeOptions{MaxBytes: s.o.MaxReport})
	file.Close()
	if err != nil {
		return s.unreadable(err)
	}
	res, err := s.o.Redact(decoded.Report)
	if err != nil {
		return s.unproven(err)
	}
	return f(res)
}

// Why a file is not opened.
var (
	errNoReport = errors.New("it is no ordinary file")
	errOutside  = errors.New("it is not in the directory of the reports")
)

// openIn opens an ordinary file of a directory: no link, no pipe, no device, and
// nothing outside, whatever the name and whoever swaps it for another one
// meanwhile.
func openIn(dir, name string, most int64) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, errNoReport
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular() || !os.SameFile(before, info):
		err = errNoReport
	case info.Size() > most:
		err = report.ErrTooLarge
	default:
		return f, nil
	}
	f.Close()
	return nil, err
}

// unreadable says why a report can't be read, without what it holds and without
// paths: those of the machine are nobody's business who only sees the page.
func (s *Server) unreadable(err error) error {
	t := &trouble{status: http.StatusUnprocessableEntity, what: "The report can't be read.", remedy: s.o.Remedy(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.status, t.why, t.remedy = http.StatusNotFound, "Its file is not there.", "Was it cleaned or moved? sdcore batch makes it again if the core is still there and its index is not."
	case errors.Is(err, fs.ErrPermission):
		t.why = "Its file belongs to another user."
	case errors.Is(err, errNoReport):
		t.why, t.remedy = "Its file is a link, a pipe, a directory or a device, and only ordinary files are opened.", "Copy the report itself there."
	case errors.Is(err, report.ErrTooLarge):
		t.status, t.why, t.remedy = http.StatusRequestEntityTooLarge, fmt.Sprintf("It is larger than %d MiB.", s.o.MaxReport>>20), "sdcore view shows it, and sdcore convert --format html writes the page."
	case errors.Is(err, report.ErrNewerSchema):
		t.why = "A newer version wrote it."
	case errors.Is(err, report.ErrNotReport):
		t.why, t.remedy = "The file is damaged, or no crash report.", "Make it again: sdcore analyze, or sdcore batch --retry with a new --store."
	default:
		var path *fs.PathError
		if errors.As(err, &path) && strings.Contains(path.Err.Error(), "escapes") {
			t.why = errOutside.Error()
		} else if t.why = "It ends early, or is not written whole yet."; t.remedy == "" {
			t.remedy = "Reload in a moment; if it stays so, make the report again."
		}
	}
	return t
}

// unproven says that a report is not shown because nobody can say that it is
// safe.
func (s *Server) unproven(err error) error {
	return &trouble{status: http.StatusUnprocessableEntity, what: "The report is not shown: it could not be redacted.",
		why: "What can't be judged is not shown.", remedy: orElse(s.o.Remedy(err), "sdcore view NAME says more on a terminal. It may be a bug of sdcore: please report it.")}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
