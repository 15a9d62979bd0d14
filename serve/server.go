package serve

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/index"
)

// Options are what a server shows, and to whom.
type Options struct {
	// Addr is the host and port that it listens on.
	Addr string
	// AllowHosts are other names that requests may be for: those of a proxy.
	AllowHosts []string

	// Store is the directory of a batch, in which reports are; Home what an index
	// that hosts share calls it.
	Store string
	Home  index.Home
	// Saved is a directory of reports that stand beside the index, "" for none.
	Saved string
	// Open opens the index. As long as there is none, each page asks again.
	Open func(context.Context) (*index.Index, error)
	// Which tells whether the index is still the one that was opened. May be nil.
	Which func() string
	// Redact redacts a stored report again.
	Redact func(*report.Report) (redact.Result, error)
	// Remedy is what to do about an error, "" when nobody knows. May be nil.
	Remedy func(error) string

	// Token is what scripts show. Without one there are only browsers.
	Token string
	// Used is told of the next one-time link when one was used. May be nil.
	Used func(link string)
	// MaxReport bounds the bytes of a report, unpacked; 0 means 64 MiB.
	MaxReport int64
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// atOnce is how many reports are held at a time: one of the largest takes a few
// hundred megabytes while it is laid out.
const atOnce = 2

// Server answers requests. It may be used by several goroutines.
type Server struct {
	o        Options
	hosts    map[string]bool
	base     string // what the paths of pages begin with, a secret
	sessions *sessions
	views    *views
	slots    chan struct{}
	shelf    shelf
	handler  http.Handler
}

// New makes a server.
func New(o Options) (*Server, error) {
	if o.Open == nil || o.Redact == nil || o.Addr == "" {
		return nil, errors.New("serve: an address, an index and a way to redact are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Remedy == nil {
		o.Remedy = func(error) string { return "" }
	}
	if o.Which == nil {
		o.Which = func() string { return "" }
	}
	if o.Used == nil {
		o.Used = func(string) {}
	}
	if o.MaxReport <= 0 {
		o.MaxReport = report.DefaultMaxBytes
	}
	hosts, err := hostNames(o.Addr, o.AllowHosts)
	if err != nil {
		return nil, err
	}
	v, err := newViews()
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, hosts: hosts, base: "/" + secret(pathBytes), sessions: newSessions(o.Token), views: v, slots: make(chan struct{}, atOnce)}
	s.handler = s.guard(s.entrance())
	return s, nil
}

// Handler is the server as a handler, with all of its checks.
func (s *Server) Handler() http.Handler { return s.handler }

// Close closes the index.
func (s *Server) Close() { s.shelf.forget() }

// Link is the path of the link that opens the pages. It works once.
func (s *Server) Link() string { return loginPath + s.sessions.link() }

// pages are what is behind the entrance.
func (s *Server) pages() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, f := range map[string]func(*request) error{
		"GET /{$}":                                      s.groups,
		"GET /group/{name}":                             s.group,
		"POST /group/{name}/status":                     s.mark,
		"GET /crash/{name}":                             s.ofIndex(s.reportPage),
		"GET /crash/{name}/redactions":                  s.ofIndex(s.redactions),
		"GET /crash/{name}/report.json":                 s.ofIndex(s.reportJSON),
		"GET /crash/{name}/report.md":                   s.ofIndex(s.reportMarkdown),
		"GET /saved/{$}":                                s.saved,
		"GET /saved/{name}":                             s.ofDirectory(s.reportPage),
		"GET /saved/{name}/redactions":                  s.ofDirectory(s.redactions),
		"GET /saved/{name}/report.json":                 s.ofDirectory(s.reportJSON),
		"GET /saved/{name}/report.md":                   s.ofDirectory(s.reportMarkdown),
		"POST /logout":                                  s.logout,
		"GET " + apiPath + "groups":                     s.apiGroups,
		"GET " + apiPath + "groups/{name}":              s.apiGroup,
		"POST " + apiPath + "groups/{name}/status":      s.apiMark,
		"GET " + apiPath + "crashes":                    s.apiCrashes,
		"GET " + apiPath + "crashes/{name}/report.json": s.ofIndex(s.reportJSON),
		"GET " + apiPath + "crashes/{name}/report.md":   s.ofIndex(s.reportMarkdown),
		"GET " + apiPath + "crashes/{name}/redactions":  s.ofIndex(s.apiRedactions),
		"GET " + apiPath + "stats":                      s.apiStats,
	} {
		mux.Handle(pattern, s.answer(f))
	}
	return mux
}

// noPage answers where there is none, or none for that method, in our own words.
func (s *Server) noPage(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &statusOnly{header: http.Header{}}
		h.ServeHTTP(probe, r)
		t := &trouble{status: http.StatusNotFound, what: "There is no such page."}
		if probe.status == http.StatusMethodNotAllowed {
			t = &trouble{status: probe.status, what: "That is not done so.", why: "This address takes " + probe.header.Get("Allow") + "."}
			w.Header().Set("Allow", probe.header.Get("Allow"))
		}
		s.answer(func(*request) error { return t }).ServeHTTP(w, r)
	})
}

// statusOnly takes an answer and keeps its status and header.
type statusOnly struct {
	header http.Header
	status int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (w *statusOnly) WriteHeader(status int)      { w.status = status }
