package serve

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/triage/index"
)

// protected fails unless an answer has what every answer has, and nothing that
// lets another site read it.
func protected(t *testing.T, what string, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	csp := h.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; ") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("%s: the policy is %q", what, csp)
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: it has %s", what, name)
		}
	}
}

// TestWhoMayAsk sends what other sites, other users and other names send.
func TestWhoMayAsk(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Token, o.AllowHosts = "token-of-scripts", []string{"crash.example"} })
	c := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow.Add(-time.Hour)}
	w.add(c)
	cookie, group := w.enter(), ""
	group = w.group(c)
	form := "form=" + w.s.sessions.formToken(cookie.Value) + "&status=fixed&fixed_in=v2.0.0"
	report := "/crash/" + c.key()[:12]
	for _, test := range []struct {
		name, method, path string
		change             func(*http.Request)
		status             int
	}{
		{"page", "GET", "/", nil, 200},
		{"page by localhost", "GET", "/", host("localhost:4567"), 200},
		{"page by IPv6", "GET", "/", host("[::1]:4567"), 200},
		{"page by the proxy's name", "GET", "/", host("crash.example"), 200},
		{"page by the proxy's name and our port", "GET", "/", host("CRASH.example:4567"), 200},
		{"report", "GET", report, nil, 200},
		{"head", "HEAD", report, nil, 200},
		{"old browser", "GET", "/", without("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"), 200},
		{"rebound name", "GET", "/", host("evil.example:4567"), 421},
		{"rebound name without port", "GET", "/", host("127.0.0.1"), 421},
		{"other port", "GET", "/", host("127.0.0.1:80"), 421},
		{"no host", "GET", "/", host(""), 421},
		{"host with a user", "GET", "/", host("x@127.0.0.1:4567"), 421},
		{"link of another site", "GET", "/", header("Sec-Fetch-Site", "cross-site"), 403},
		{"page of another port", "GET", report, header("Sec-Fetch-Site", "same-site"), 403},
		{"site said twice", "GET", "/", add("Sec-Fetch-Site", "same-origin"), 403},
		{"fetch with an origin", "GET", report + "/report.json", header("Origin", "http://127.0.0.1:9999"), 403},
		{"origin of a file", "GET", report, header("Origin", "null"), 403},
		{"image", "GET", report, header("Sec-Fetch-Dest", "image"), 403},
		{"frame", "GET", report, header("Sec-Fetch-Dest", "iframe"), 403},
		{"script", "GET", report + "/report.json", header("Sec-Fetch-Dest", "script"), 403},
		{"no cookie", "GET", "/", without("Cookie"), 401},
		{"no cookie, a report", "GET", report, without("Cookie"), 401},
		{"wrong cookie", "GET", "/", header("Cookie", "sdcore="+strings.Repeat("A", 43)), 401},
		{"empty cookie", "GET", "/", header("Cookie", "sdcore="), 401},
		{"the token where the cookie belongs", "GET", "/", both(without("Cookie"), header("Authorization", "Bearer token-of-scripts")), 401},
		{"options", "OPTIONS", "/", nil, 405},
		{"delete", "DELETE", report, nil, 405},
		{"trace", "TRACE", "/", nil, 405},
		{"connect", "CONNECT", "/", nil, 405},
		{"post to a page", "POST", report, nil, 405},
		{"get of what changes", "GET", "/group/" + group + "/status", nil, 405},
		{"get of the way out", "GET", "/logout", nil, 405},
		{"body of a question", "GET", "/", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1 }, 400},
		{"long address", "GET", "/?q=" + strings.Repeat("a", 3000), nil, 414},
		{"no such page", "GET", "/none", nil, 404},
	} {
		r := asBrowser(test.method, w.s.base+test.path)
		r.AddCookie(cookie)
		if test.method == http.MethodPost {
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		if test.change != nil {
			test.change(r)
		}
		res := w.do(r)
		if res.Code != test.status {
			t.Errorf("%s: %d, want %d: %s", test.name, res.Code, test.status, text(res.Body.String()))
		}
		protected(t, test.name, res.Header())
		if test.status != 200 && strings.Contains(res.Body.String(), "index out of range") {
			t.Errorf("%s: what is refused is told", test.name)
		}
	}
	for _, test := range []struct {
		name, form string
		change     func(*http.Request)
		status     int
	}{
		{"own form", form, nil, 303},
		{"own form of an old browser", form, both(without("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"), header("Origin", "http://"+testAddr)), 303},
		{"no token", "status=fixed&fixed_in=v2.0.0", nil, 403},
		{"wrong token", "form=" + strings.Repeat("A", 43) + "&status=fixed&fixed_in=v2.0.0", nil, 403},
		{"token twice", form + "&form=x", nil, 403},
		{"form of another site", form, header("Sec-Fetch-Site", "cross-site"), 403},
		{"form of another port", form, header("Sec-Fetch-Site", "same-site"), 403},
		{"form of nobody", form, header("Sec-Fetch-Site", "none"), 403},
		{"another origin", form, header("Origin", "http://127.0.0.1:9999"), 403},
		{"another origin, old browser", form, both(without("Sec-Fetch-Site"), header("Origin", "http://localhost:9999")), 403},
		{"hidden origin, old browser", form, without("Sec-Fetch-Site"), 403},
		{"two origins", form, add("Origin", "http://"+testAddr), 403},
		{"no cookie", form, without("Cookie"), 401},
		{"rebound name", form, host("evil.example"), 421},
		{"JSON", `{"status":"fixed"}`, header("Content-Type", "application/json"), 415},
		{"text that another site may send", form, header("Content-Type", "text/plain"), 415},
		{"upload", form, header("Content-Type", "multipart/form-data; boundary=x"), 415},
		{"too large", form + "&reason=" + strings.Repeat("a", 10<<10), nil, 400},
		{"broken", form + "&%zz", nil, 400},
		{"long reason", form + "&reason=" + strings.Repeat("a", 600), nil, 422},
		{"no version", "form=" + w.s.sessions.formToken(cookie.Value) + "&status=fixed", nil, 422},
		{"odd status", "form=" + w.s.sessions.formToken(cookie.Value) + "&status=gone", nil, 422},
	} {
		w.reset()
		r := asBrowser(http.MethodPost, w.s.base+"/group/"+group+"/status")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(test.form)), int64(len(test.form))
		for name, value := range map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Origin": "null"} {
			r.Header.Set(name, value)
		}
		r.AddCookie(cookie)
		if test.change != nil {
			test.change(r)
		}
		res := w.do(r)
		if res.Code != test.status {
			t.Errorf("%s: %d, want %d: %s", test.name, res.Code, test.status, text(res.Body.String()))
		}
		protected(t, test.name, res.Header())
		if fixed := w.status(c) == index.Fixed; fixed != (test.status == 303) {
			t.Errorf("%s: it is fixed: %t", test.name, fixed)
		}
	}
}

func host(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}
func add(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}
func without(names ...string) func(*http.Request) {
	return func(r *http.Request) {
		for _, n := range names {
			r.Header.Del(n)
		}
	}
}
func both(a, b func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) { a(r); b(r) }
}

// TestLink: a link works once, for a person, and says nothing to others.
func TestLink(t *testing.T) {
	w := newWorld(t, nil)
	link := w.s.Link()
	for name, change := range map[string]func(*http.Request){
		"head":            func(r *http.Request) { r.Method = http.MethodHead },
		"post":            func(r *http.Request) { r.Method = http.MethodPost; r.Header.Set("Sec-Fetch-Site", "same-origin") },
		"ahead of time":   header("Sec-Purpose", "prefetch"),
		"image":           header("Sec-Fetch-Dest", "image"),
		"fetch":           both(header("Sec-Fetch-Site", "cross-site"), both(header("Sec-Fetch-Mode", "cors"), header("Sec-Fetch-Dest", "empty"))),
		"frame":           both(header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Dest", "iframe")),
		"rebound name":    host("evil.example:4567"),
		"wrong link":      func(r *http.Request) { r.URL.Path = loginPath + strings.Repeat("A", 43) },
		"no link":         func(r *http.Request) { r.URL.Path = loginPath },
		"beginning of it": func(r *http.Request) { r.URL.Path = link[:len(link)-1] },
		"more than all":   func(r *http.Request) { r.URL.Path = link + "A" },
	} {
		r := asBrowser(http.MethodGet, link)
		change(r)
		if res := w.do(r); res.Code < 400 || len(res.Result().Cookies()) > 0 {
			t.Errorf("%s: %d", name, res.Code)
		}
	}
	r := asBrowser(http.MethodGet, link)
	r.Header.Set("Sec-Fetch-Site", "cross-site") // from a file, or a mail
	res := w.do(r)
	cookies := res.Result().Cookies()
	if res.Code != 200 || len(cookies) != 1 {
		t.Fatalf("the link answers %d", res.Code)
	}
	if c := cookies[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != w.s.base+"/" || len(w.s.base) < 16 || c.Domain != "" {
		t.Errorf("the cookie is %v", c)
	}
	if len(w.links) != 1 || w.links[0] == link || w.links[0] != w.s.Link() {
		t.Errorf("the next links are %q", w.links)
	}
	if again := w.do(asBrowser(http.MethodGet, link)); again.Code != 403 || len(again.Result().Cookies()) > 0 {
		t.Errorf("a used link answers %d", again.Code)
	}
	// Out means out.
	if code, _ := w.get(cookies[0], "/"); code != 200 {
		t.Errorf("in: %d", code)
	}
	if res := w.post(cookies[0], "/logout", "form="+w.s.sessions.formToken(cookies[0].Value)); res.Code != 200 {
		t.Errorf("out: %d", res.Code)
	}
	if code, _ := w.get(cookies[0], "/"); code != 401 {
		t.Errorf("a session that has ended is let in: %d", code)
	}
}

// TestScripts: the token opens /api/ and nothing else; a session opens it, too.
func TestScripts(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Token = "token-of-scripts" })
	c := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow}
	w.add(c)
	ask := func(path, auth string) int {
		r := asBrowser(http.MethodGet, path)
		r.Header = http.Header{}
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		return w.do(r).Code
	}
	for auth, want := range map[string]int{
		"Bearer token-of-scripts": 200, "": 401, "Bearer ": 401, "Bearer token-of-script": 401, "Bearer token-of-scriptss": 401, "token-of-scripts": 401, "Basic dG9rZW4=": 401,
	} {
		if got := ask("/api/groups", auth); got != want {
			t.Errorf("%q: %d, want %d", auth, got, want)
		}
	}
	if got := ask("/", "Bearer token-of-scripts"); got != 401 {
		t.Errorf("the token opens pages: %d", got)
	}
	w.s.sessions = newSessions("")
	w.s.handler = w.s.guard(w.s.entrance())
	if got := ask("/api/groups", "Bearer "); got != 401 {
		t.Errorf("without a token an empty one does: %d", got)
	}
}
