package serve

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/safedump/sdcore/triage/index"
)

// visitor is who asks: a browser with a session, or a script with the token.
type visitor struct {
	cookie string
	script bool
}

type visitorKey struct{}

func withVisitor(ctx context.Context, v visitor) context.Context {
	return context.WithValue(ctx, visitorKey{}, v)
}

// request is one that was let in.
type request struct {
	s       *Server
	w       http.ResponseWriter
	r       *http.Request
	visitor visitor
}

func (q *request) ctx() context.Context { return q.r.Context() }

// frame is what every page of this visitor has.
func (q *request) frame(title string) frame {
	return frame{Base: q.s.base, Title: title, Form: q.s.sessions.formToken(q.visitor.cookie), Path: q.r.URL.Path, inside: true}
}

// mayChange reports why a request may not change anything. A browser has to send
// what a form of its session holds; a script has shown its token, which no
// page can.
func (q *request) mayChange() error {
	kind, _, err := mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return &trouble{status: http.StatusUnsupportedMediaType, what: "A change is a form.", why: "Its Content-Type is application/x-www-form-urlencoded."}
	}
	if err := q.r.ParseForm(); err != nil {
		return &trouble{status: http.StatusBadRequest, what: "The form can't be read."}
	}
	if q.visitor.script {
		return nil
	}
	if sent := q.r.PostForm["form"]; len(sent) != 1 || !digestOf(q.s.sessions.formToken(q.visitor.cookie)).is(sent[0]) {
		return &trouble{status: http.StatusForbidden, what: "The form is not of this session.", why: "Nothing was changed.", remedy: "Go back, reload the page, and send it again."}
	}
	return nil
}

// trouble is an answer that says what is wrong, why, and what helps. It says
// nothing that a request or a report holds.
type trouble struct {
	status            int
	what, why, remedy string
	ofIndex           bool // the index could not be asked
}

func (t *trouble) Error() string {
	return strings.Join(strings.Fields(t.what+" "+t.why+" "+t.remedy), " ")
}

// answer makes a handler of a function that may end in an error.
func (s *Server) answer(f func(*request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, _ := r.Context().Value(visitorKey{}).(visitor)
		q := &request{s: s, w: w, r: r, visitor: v}
		t := s.troubleOf(f(q))
		if t != nil && t.ofIndex && r.Method != http.MethodPost {
			// It may have become another one, or been mended.
			s.shelf.forget()
			t = s.troubleOf(f(q))
		}
		if t == nil {
			return
		}
		if strings.HasPrefix(r.URL.Path, apiPath) {
			if jerr := writeJSON(w, t.status, map[string]string{"error": t.Error()}); jerr != nil {
				panic(http.ErrAbortHandler)
			}
			return
		}
		f := q.frame(t.what)
		f.Trouble = t
		s.views.write(w, t.status, "trouble", f)
	})
}

// refuse answers somebody who was not let in.
func (s *Server) refuse(w http.ResponseWriter, t *trouble) {
	s.views.write(w, t.status, "trouble", frame{Base: s.base, Title: t.what, Trouble: t})
}

// troubleOf says in words what an error is. What the database says stays here:
// it may name its server, or hold a row.
func (s *Server) troubleOf(err error) *trouble {
	var t *trouble
	switch {
	case err == nil:
		return nil
	case errors.As(err, &t):
		return t
	case errors.Is(err, index.ErrNotFound):
		return &trouble{status: http.StatusNotFound, what: "There is no such group or crash.", remedy: "Was the index made anew? The list of groups has the names."}
	case errors.Is(err, index.ErrAmbiguous):
		return &trouble{status: http.StatusNotFound, what: "Several groups or crashes begin with this name.", remedy: "Give more of it."}
	case errors.Is(err, index.ErrNone):
		return &trouble{status: http.StatusNotFound, what: "There is no index yet.", remedy: "sdcore batch DIR makes one."}
	case errors.Is(err, errSlow):
		return &trouble{status: http.StatusServiceUnavailable, what: "Others are reading reports.", why: fmt.Sprintf("%d are held at a time.", atOnce), remedy: "Reload in a moment."}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &trouble{status: http.StatusServiceUnavailable, what: "It took too long.", remedy: "Reload in a moment, or ask for less."}
	case errors.Is(err, index.ErrNewer):
		return &trouble{status: http.StatusServiceUnavailable, what: "The index was written by a newer version of sdcore.", remedy: "Update sdcore on this host."}
	}
	return &trouble{ofIndex: true, status: http.StatusServiceUnavailable, what: "The index can't be read.", why: "It is damaged, locked for long, or its database does not answer.",
		remedy: orElse(s.o.Remedy(err), "sdcore list says more on a terminal.")}
}
