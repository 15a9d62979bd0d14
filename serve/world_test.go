package serve

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/index"
)

// The address that the handler believes to have, and what time it is there.
const testAddr = "127.0.0.1:4567"

var testNow = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// evil is text that would act where it is not kept from it.
const evil = "<script>alert('owned')</script><img src=x onerror=alert(1)></title></style>\"'><svg onload=alert(2)> **bold** [x](javascript:alert(3)) {{.}} \x1b[31m\x1b]0;owned\a \u202etxet \xff"

// redactor is compiled once.
var redactor = sync.OnceValue(func() *redact.Redactor {
	x, err := redact.New(redact.Default())
	if err != nil {
		panic(err)
	}
	return x
})

// world is a store with reports, and a server for it.
type world struct {
	t       *testing.T
	dir     string // saved reports; the store is below
	store   string
	s       *Server
	links   []string // that were told when one was used
	refused error    // what Redact says instead
}

// newWorld makes a store with one crash of each name, each a group of its own.
func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.store = filepath.Join(w.dir, "store")
	if err := os.MkdirAll(filepath.Join(w.store, "reports"), 0o700); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Addr: testAddr, Store: w.store, Saved: w.dir, Now: func() time.Time { return testNow },
		Open: func(ctx context.Context) (*index.Index, error) {
			return index.Open(ctx, filepath.Join(w.store, "index.db"), index.Options{MustExist: true})
		},
		Redact: func(r *report.Report) (redact.Result, error) {
			if w.refused != nil {
				return redact.Result{}, w.refused
			}
			return redactor().Apply(r)
		},
		Which: func() string {
			info, err := os.Stat(filepath.Join(w.store, "index.db"))
			if err != nil {
				return ""
			}
			return fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino)
		},
		Used: func(link string) { w.links = append(w.links, link) },
	}
	if change != nil {
		change(&o)
	}
	var err error
	if w.s, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.s.Close)
	return w
}

// crash is an occurrence of a bug.
type crash struct {
	bug, host, version string
	at                 time.Time
	n                  int // tells crashes of the same bug apart
}

func (c crash) key() string {
	sum := sha256.Sum256([]byte(c.bug + strconv.Itoa(c.n)))
	return hex.EncodeToString(sum[:16])
}

// add puts crashes with their reports into the store.
func (w *world) add(crashes ...crash) {
	w.t.Helper()
	ctx := context.Background()
	if err := os.MkdirAll(w.store, 0o700); err != nil {
		w.t.Fatal(err)
	}
	x, err := index.Open(ctx, filepath.Join(w.store, "index.db"), index.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer x.Close()
	run, err := x.BeginRun(ctx, "here", testNow)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range crashes {
		key := c.key()
		name := "reports/" + key[:2] + "/" + key + ".safedump.json.gz"
		w.write(filepath.Join("store", name), reportOf(c))
		o := index.Occurrence{
			Key: key, Seen: c.at, Host: c.host, Program: "shop", Version: c.version, PID: 1000 + c.n, Type: "runtime.boundsError",
			Message: "index out of range in " + c.bug, Site: "main.charge (server.go:55)", Group: "sd1:group:" + crash{bug: c.bug}.key(),
			Narrow: fmt.Sprintf("sd1:narrow:%d", c.n%3), Kind: "panic:index out of range", Title: "index out of range in " + c.bug, Functions: []string{"main.charge"},
			Variables: []index.Variable{{Path: "main.charge.user.Tier", Value: `"premium_plus"`}, {Path: "main.charge.n", Value: fmt.Sprint(c.n)}}, Missing: "2 frames", Report: name, Bytes: 1000,
		}
		if c.bug == evil {
			for _, s := range []*string{&o.Host, &o.Program, &o.Version, &o.Type, &o.Message, &o.Site, &o.Kind, &o.Title, &o.Missing} {
				*s = evil
			}
			o.Variables = []index.Variable{{Path: evil, Value: evil}}
		}
		if _, err := x.Add(ctx, index.Source{Key: key, Path: "/var/crash/" + key}, o, run); err != nil {
			w.t.Fatal(err)
		}
	}
}

// write saves a report below the directory.
func (w *world) write(name string, r *report.Report) {
	w.t.Helper()
	res, err := redactor().Apply(r)
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(export.JSON(f, res, export.Options{Gzip: true}), f.Close()); err != nil {
		w.t.Fatal(err)
	}
}

const secretValue = "hunter2-Zk39fQx81LmPw"

// reportOf is a report with a variable that is shown and one that is not.
func reportOf(c crash) *report.Report {
	text := func(s string) report.Value {
		v := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Len: int64(len(s))}
		v.SetContents(s)
		return v
	}
	name := "tier"
	if c.bug == evil {
		name = evil
	}
	return &report.Report{
		Complete: true, Tier: 1, CrashTime: c.at,
		Crash: report.Crash{Kind: report.KindPanic, Goroutine: 17, Exception: report.Exception{Type: "runtime.boundsError", Message: "index out of range in " + c.bug}},
		Goroutines: []report.Goroutine{{
			ID: 17, Status: "running", Crashed: true,
			Frames: []report.Frame{{
				Function: "main.charge", Package: "main", File: "/srv/shop/server.go", Line: 55, CrashSite: true,
				Vars: []report.Variable{
					{Name: name, Role: report.RoleLocal, Value: text(c.bug)},
					{Name: "password", Role: report.RoleLocal, Value: text(secretValue)},
					{Name: "note", Role: report.RoleLocal, Value: text("with " + secretValue + " in it")},
				},
			}},
		}},
	}
}

// enter logs a browser in and returns its cookie.
func (w *world) enter() *http.Cookie {
	w.t.Helper()
	res := w.do(asBrowser(http.MethodGet, w.s.Link()))
	cookies := res.Result().Cookies()
	if res.Code != http.StatusOK || len(cookies) != 1 {
		w.t.Fatalf("the link answers %d", res.Code)
	}
	return cookies[0]
}

// asBrowser is a request as a person's browser makes it.
func asBrowser(method, path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://"+testAddr+"/", nil)
	u, err := url.ParseRequestURI(path)
	if err != nil { // as no server would read it
		u = &url.URL{Path: path}
	}
	r.Method, r.URL, r.RequestURI = method, u, path
	r.Header.Set("Sec-Fetch-Site", "none")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	return r
}

func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.s.Handler().ServeHTTP(rec, r)
	return rec
}

// get asks for a page behind the entrance, as a browser that is logged in.
func (w *world) get(cookie *http.Cookie, path string) (int, string) {
	r := asBrowser(http.MethodGet, w.s.base+path)
	r.AddCookie(cookie)
	res := w.do(r)
	body, _ := io.ReadAll(res.Result().Body)
	return res.Code, string(body)
}

// post sends a form as a page of ours does.
func (w *world) post(cookie *http.Cookie, path, form string) *httptest.ResponseRecorder {
	r := asBrowser(http.MethodPost, w.s.base+path)
	r.Body = io.NopCloser(strings.NewReader(form))
	r.ContentLength = int64(len(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "null")
	r.AddCookie(cookie)
	return w.do(r)
}

// group is the name of the group of a crash.
func (w *world) group(c crash) string {
	w.t.Helper()
	x, err := w.s.o.Open(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	defer x.Close()
	_, o, err := x.Find(context.Background(), c.key())
	if err != nil {
		w.t.Fatal(err)
	}
	return o.GroupName
}

// exec changes the index behind its back.
func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.store, "index.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) status(c crash) index.Status {
	w.t.Helper()
	ctx := context.Background()
	x, err := w.s.o.Open(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	defer x.Close()
	g, _, err := x.Find(ctx, w.group(c))
	if err != nil {
		w.t.Fatal(err)
	}
	return g.Status
}

// reset opens all groups again.
func (w *world) reset() { w.exec("UPDATE groups SET status = 'known', fixed_in = ''") }
