package serve

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// body gives a request a form.
func body(r *http.Request, form string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
}

// FuzzHandler asks for anything in any way, logged in or not. There is always a
// status of HTTP with the headers that every answer has, never a file that is
// outside, and nothing at all for who is not let in.
func FuzzHandler(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/", "", "", ""}, {"GET", "/crash/x", "a=b", "Origin", "null"}, {"POST", "/group/g0000/status", "", "Content-Type", "application/x-www-form-urlencoded"},
		{"GET", "/saved/../../outside.safedump.json", "", "Sec-Fetch-Site", "cross-site"}, {"GET", "/saved/%2e%2e%2foutside.safedump.json", "from=1", "Host", "evil"},
		{"GET", "/login/x", "", "Cookie", "sdcore=x"}, {"HEAD", "/api/groups", "limit=2", "Authorization", "Bearer x"}, {"GET", "/saved/link.safedump.json", "q=%00\"*", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], true)
	}
	t := f
	outer := filepath.Join(t.TempDir(), "outside.safedump.json")
	const told = "told-of-what-is-outside"
	if err := os.WriteFile(outer, []byte(`{"safedump_version":"1","exception":{"type":"E","message":"`+told+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var w *world
	f.Fuzz(func(t *testing.T, method, path, query, name, value string, in bool) {
		if w == nil {
			w = newWorld(t, nil)
			w.dir = filepath.Dir(outer)
			inner := filepath.Join(w.dir, "inner")
			w.s.o.Saved, w.s.o.Store = inner, filepath.Join(inner, "store")
			if err := os.MkdirAll(w.s.o.Store, 0o700); err != nil {
				t.Fatal(err)
			}
			_ = os.Symlink(outer, filepath.Join(inner, "link.safedump.json"))
		}
		link := w.s.Link()
		r := asBrowser(method, w.s.base+path)
		r.URL.RawQuery = query
		if in {
			r = asBrowser(method, w.s.base+path)
			r.URL.RawQuery = query
			w.s.sessions.live = []digest{digestOf("cookie")}
			r.AddCookie(&http.Cookie{Name: cookieName, Value: "cookie"})
		}
		switch {
		case name == "Host":
			r.Host = value
		case name != "":
			r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		}
		res := w.do(r)
		if res.Code < 200 || res.Code > 599 {
			t.Fatalf("status %d", res.Code)
		}
		protected(t, path, res.Header())
		if res.Code == http.StatusInternalServerError {
			t.Fatalf("it fails:\n%s", text(res.Body.String()))
		}
		if strings.Contains(res.Body.String(), told) {
			t.Fatalf("%s %q: a file that is outside", method, path)
		}
		if !in && res.Code < 400 && path != link && r.URL.Path != "/favicon.ico" {
			t.Fatalf("%s %q: %d without a cookie", method, path, res.Code)
		}
		if w.s.Link() != link {
			t.Fatal("the link was used")
		}
	})
}
