package serve

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
)

// How paths begin, and how long what is secret is.
const (
	loginPath   = "/login/"
	apiPath     = "/api/"
	cookieName  = "sdcore"
	secretBytes = 32
	pathBytes   = 12
	maxSessions = 32
)

// secret is a text that nobody guesses.
func secret(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program first
	return base64.RawURLEncoding.EncodeToString(b)
}

// NewToken is a token for scripts.
func NewToken() string { return secret(secretBytes) }

// digest is what is kept and compared instead of a secret: equally long, and
// how far two agree says nothing of the secrets.
type digest [sha256.Size]byte

func digestOf(s string) digest { return sha256.Sum256([]byte(s)) }

func (d digest) is(s string) bool {
	other := digestOf(s)
	return subtle.ConstantTimeCompare(d[:], other[:]) == 1
}

// sessions are the browsers that have used a link.
type sessions struct {
	script digest // of the token of scripts
	any    bool   // there is one
	key    []byte // of the forms' tokens

	mu   sync.Mutex
	once string // of the next link
	live []digest
}

func newSessions(token string) *sessions {
	return &sessions{script: digestOf(token), any: token != "", key: []byte(secret(secretBytes)), once: secret(secretBytes)}
}

func (x *sessions) link() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.once
}

// use makes a session of a link, which is spent then.
func (x *sessions) use(once string) (cookie string, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !digestOf(x.once).is(once) {
		return "", false
	}
	x.once = secret(secretBytes)
	cookie = secret(secretBytes)
	if len(x.live) == maxSessions { // the oldest one has to log in again
		x.live = x.live[1:]
	}
	x.live = append(x.live, digestOf(cookie))
	return cookie, true
}

// known reports whether a cookie is of a session.
func (x *sessions) known(cookie string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := false
	for _, d := range x.live {
		found = d.is(cookie) || found
	}
	return found
}

// end ends a session.
func (x *sessions) end(cookie string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, d := range x.live {
		if d.is(cookie) {
			x.live = append(x.live[:i:i], x.live[i+1:]...)
			return
		}
	}
}

// formToken is what the forms of a session send along.
func (x *sessions) formToken(cookie string) string {
	m := hmac.New(sha256.New, x.key)
	m.Write([]byte(cookie))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// bearer reports whether a request shows the token of scripts.
func (x *sessions) bearer(r *http.Request) bool {
	values := r.Header.Values("Authorization")
	if !x.any || len(values) != 1 {
		return false
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	return ok && x.script.is(token)
}

// cookieOf is the cookie of a session in a request.
func (x *sessions) cookieOf(r *http.Request) (string, bool) {
	for _, c := range r.CookiesNamed(cookieName) {
		if x.known(c.Value) {
			return c.Value, true
		}
	}
	return "", false
}

// entrance lets in who has a link, a cookie or the token, and tells others
// nothing, not even which pages there are.
//
// Cookies don't know ports: a server of another user on this machine would get
// ours from every browser that visits it. So the cookie is for paths below one
// that only this server and its browsers know.
func (s *Server) entrance() http.Handler {
	pages := s.noPage(s.pages())
	inside := http.StripPrefix(s.base, pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		switch {
		case strings.HasPrefix(path, loginPath):
			s.login(w, r)
		case strings.HasPrefix(path, apiPath) && s.sessions.bearer(r):
			pages.ServeHTTP(w, r.WithContext(withVisitor(r.Context(), visitor{script: true})))
		case strings.HasPrefix(path, s.base+"/"):
			if cookie, ok := s.sessions.cookieOf(r); ok {
				inside.ServeHTTP(w, r.WithContext(withVisitor(r.Context(), visitor{cookie: cookie})))
				return
			}
			fallthrough
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="sdcore"`)
			s.refuse(w, &trouble{status: http.StatusUnauthorized, what: "This browser is not logged in.",
				remedy: "Open the newest link that sdcore serve has printed on its terminal. Scripts: see --token-file."})
		}
	})
}

// login takes a one-time link. Who only looks ahead does not use it up.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	switch dest := r.Header.Get("Sec-Fetch-Dest"); {
	case r.Method != http.MethodGet:
		s.refuse(w, &trouble{status: http.StatusMethodNotAllowed, what: "A link is opened, nothing else."})
		return
	case r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") != "", dest != "" && dest != "document":
		s.refuse(w, &trouble{status: http.StatusForbidden, what: "A link is opened by a person, not ahead of time."})
		return
	}
	cookie, ok := s.sessions.use(strings.TrimPrefix(r.URL.Path, loginPath))
	if !ok {
		t := &trouble{status: http.StatusForbidden, what: "This link has been used, or is not of this server.", why: "Each link works once.",
			remedy: "Open the newest one that sdcore serve has printed. If nobody of yours used this one, end the server."}
		s.refuse(w, t)
		return
	}
	s.o.Used(s.Link())
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: cookie, Path: s.base + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.Header.Get("X-Forwarded-Proto") == "https", // a client that lies spoils its own cookie only
	})
	// A redirection would still be the request of the page that had the link,
	// which gets no strict cookie: this page asks itself.
	s.views.write(w, http.StatusOK, "entered", frame{Base: s.base, Title: "Logged in", Refresh: s.base + "/"})
}

// logout ends the session of a browser.
func (s *Server) logout(q *request) error {
	if err := q.mayChange(); err != nil {
		return err
	}
	s.sessions.end(q.visitor.cookie)
	http.SetCookie(q.w, &http.Cookie{Name: cookieName, Path: s.base + "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return &trouble{status: http.StatusOK, what: "Logged out.", remedy: "The next link is on the terminal of sdcore serve."}
}
