package serve

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
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

// TestOnlyItsReports: what is not a report of the directory is not opened, by
// whatever name, and the reason is told.
func TestOnlyItsReports(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxReport = 1 << 20 })
	good := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow, n: 1}
	w.add(good)
	cookie := w.enter()
	outside := filepath.Join(t.TempDir(), "outside.safedump.json")
	for _, err := range []error{
		os.WriteFile(outside, []byte(`{"safedump_version":"1","outside":true}`), 0o600),
		os.Symlink(outside, filepath.Join(w.dir, "link.safedump.json")),
		os.Symlink("store/reports", filepath.Join(w.dir, "inside.safedump.json")),
		os.Link(outside, filepath.Join(w.dir, ".hidden.safedump.json")),
		syscall.Mkfifo(filepath.Join(w.dir, "pipe.safedump.json"), 0o600),
		os.Mkdir(filepath.Join(w.dir, "dir.safedump.json"), 0o700),
		os.WriteFile(filepath.Join(w.dir, "large.safedump.json"), make([]byte, 2<<20), 0o600),
		os.WriteFile(filepath.Join(w.dir, "bomb.safedump.json.gz"), zeros(t, 8<<20), 0o600),
		os.WriteFile(filepath.Join(w.dir, "damaged.safedump.json"), []byte(`{"safedump_version":`), 0o600),
		os.WriteFile(filepath.Join(w.dir, "other.safedump.json"), []byte(`{"a": 1}`), 0o600),
		os.WriteFile(filepath.Join(w.dir, "newer.safedump.json"), []byte(`{"safedump_version":"9","schema_version":99}`), 0o600),
		os.WriteFile(filepath.Join(w.dir, "empty.safedump.json"), nil, 0o600),
		os.WriteFile(filepath.Join(w.dir, "secret.txt"), []byte("outside"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() != 0 {
		t.Log("not root: no device is made")
	} else if err := syscall.Mknod(filepath.Join(w.dir, "device.safedump.json"), syscall.S_IFCHR|0o600, 1<<8|5); err != nil {
		t.Logf("no device: %v", err)
	}
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/saved/link.safedump.json":                           {422, "only ordinary files are opened"},
		"/saved/inside.safedump.json":                         {422, "only ordinary files are opened"},
		"/saved/pipe.safedump.json":                           {422, "only ordinary files are opened"},
		"/saved/device.safedump.json":                         {422, "only ordinary files are opened"},
		"/saved/dir.safedump.json":                            {422, "only ordinary files are opened"},
		"/saved/large.safedump.json":                          {413, "larger than 1 MiB"},
		"/saved/bomb.safedump.json.gz":                        {413, "larger than 1 MiB"},
		"/saved/damaged.safedump.json":                        {422, "damaged, or no crash report"},
		"/saved/other.safedump.json":                          {422, "damaged, or no crash report"},
		"/saved/newer.safedump.json":                          {422, "newer version"},
		"/saved/empty.safedump.json":                          {422, "damaged, or no crash report"},
		"/saved/gone.safedump.json":                           {404, "not there"},
		"/saved/.hidden.safedump.json":                        {404, "no such report"},
		"/saved/secret.txt":                                   {404, "no such report"},
		"/saved/..%2foutside.safedump.json":                   {404, "no such report"},
		"/saved/%2e%2e%2foutside.safedump.json":               {404, "no such report"},
		"/saved/..%5coutside.safedump.json":                   {404, "no such report"},
		"/saved/%252e%252e%252foutside.safedump.json":         {404, "not there"},
		"/saved/" + "%c0%ae%c0%ae%c0%afoutside.safedump.json": {404, "not there"},
		"/saved/a%00b.safedump.json":                          {404, "no such report"},
		"/saved/%2fetc%2fpasswd":                              {404, "no such report"},
		"/saved/store%2freports%2fa.safedump.json":            {404, "no such report"},
		"/crash/..%2f..%2foutside":                            {404, "no such crash"},
		"/crash/ffff0000ffff":                                 {404, "no such group or crash"},
		"/crash/%":                                            {404, ""},
		"/group/..":                                           {307, ""},
		"/group/g%25":                                         {404, "no such"},
	} {
		for _, more := range []string{"", "/redactions", "/report.json", "/report.md"} {
			code, body := w.get(cookie, path+more)
			if strings.HasPrefix(path, "/saved/device") && code == 404 {
				continue
			}
			if path == "/group/.." && more != "" {
				continue // the way is cleaned, whatever it leads to
			}
			if code != want.status || !strings.Contains(body, want.says) {
				t.Errorf("%s: %d, want %d and %q:\n%s", path+more, code, want.status, want.says, text(body))
			}
			if strings.Contains(body, "outside\":") || strings.Contains(body, w.dir) || strings.Contains(body, outside) {
				t.Errorf("%s: it tells of what is outside:\n%s", path+more, text(body))
			}
		}
	}
	if code, body := w.get(cookie, "/saved/"); code != 200 || strings.Contains(body, "link.safedump") || strings.Contains(body, "pipe.") || strings.Contains(body, ".hidden") || !strings.Contains(body, "damaged.safedump.json") {
		t.Errorf("the list of saved reports: %d\n%s", code, text(body))
	}
}

// text is a page without its style and script.
func text(page string) string {
	_, body, _ := strings.Cut(page, "<body>")
	body, _, _ = strings.Cut(body, "<script>")
	return body
}

func zeros(t *testing.T, n int) []byte {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// TestIndexIsAClaim: what the index says of files is not believed.
func TestIndexIsAClaim(t *testing.T) {
	w := newWorld(t, nil)
	c := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow, n: 1}
	w.add(c)
	cookie := w.enter()
	if err := os.WriteFile(filepath.Join(w.dir, "x.safedump.json.gz"), zeros(t, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{
		"../x.safedump.json.gz": 404, "/etc/passwd": 404, "reports/../../x.safedump.json.gz": 404, "reports/aa/../../../x.safedump.json.gz": 404,
		"reports/zz/x.safedump.json.gz": 404, "reports/aa/aa.safedump.json.gz\x00": 404, "": 410, "reports/aa/aa.safedump.json.gz": 404,
	} {
		w.exec("UPDATE occurrences SET report = ?", name)
		if code, body := w.get(cookie, "/crash/"+c.key()); code != want || strings.Contains(body, w.dir) {
			t.Errorf("%q: %d, want %d:\n%s", name, code, want, text(body))
		}
	}
	// A report that another host keeps is not looked for here.
	w.exec("UPDATE occurrences SET report = ?, home = 7", "reports/"+c.key()[:2]+"/"+c.key()+".safedump.json.gz")
	w.exec("INSERT INTO homes (id, host, dir) VALUES (7, 'web7', '/srv/<b>store')")
	if code, body := w.get(cookie, "/crash/"+c.key()); code != 404 || !strings.Contains(body, "on host web7, in /srv/&lt;b&gt;store") {
		t.Errorf("another host's: %d\n%s", code, text(body))
	}
	// A row that can't be read, an index that can't, and one of the future are lines.
	w.exec("UPDATE groups SET count = 'many'")
	for path, want := range map[string]int{"/": 503, "/api/groups": 503, "/crash/" + c.key(): 404} {
		if code, body := w.get(cookie, path); code != want || !strings.Contains(body, "can&#39;t be read") && !strings.Contains(body, "can't be read") && !strings.Contains(body, "nother host") {
			t.Errorf("%s of a broken row: %d\n%s", path, code, text(body))
		}
	}
	w.exec("PRAGMA user_version = 99")
	if code, body := w.get(cookie, "/"); code != 503 || !strings.Contains(body, "Update sdcore") {
		t.Errorf("a newer index: %d\n%s", code, text(body))
	}
	if err := os.WriteFile(filepath.Join(w.store, "index.db"), []byte("no database at all, and long enough to be one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, body := w.get(cookie, "/"); code != 503 || !strings.Contains(body, "The index can&#39;t be read") {
		t.Errorf("a broken index: %d\n%s", code, text(body))
	}
}

// TestNotProven: what can't be redacted, or still holds a secret, is not shown.
func TestNotProven(t *testing.T) {
	w := newWorld(t, nil)
	c := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow, n: 1}
	w.add(c)
	cookie := w.enter()
	w.refused = errors.New("at " + secretValue)
	for _, more := range []string{"", "/redactions", "/report.json", "/report.md"} {
		code, body := w.get(cookie, "/crash/"+c.key()+more)
		if code != 422 || !strings.Contains(body, "could not be redacted") || strings.Contains(body, secretValue) || strings.Contains(body, "main.charge") {
			t.Errorf("%s: %d\n%s", more, code, text(body))
		}
	}
	w.refused = nil
	// An export that the last scan stops: nothing of what was written is sent.
	w.s.handler = w.s.guard(w.s.answer(w.s.ofIndex(func(q *request, sub *subject) error {
		_, err := w.s.exported(q, sub, func(out io.Writer, _ redact.Result) error {
			_, err := io.WriteString(out, secretValue)
			return errors.Join(err, fmt.Errorf("export html: %w", export.ErrSecret))
		})
		return err
	})))
	r := asBrowser(http.MethodGet, "/")
	r.SetPathValue("name", c.key())
	if res := w.do(r); res.Code != 422 || !strings.Contains(res.Body.String(), "the last scan found a secret") || strings.Contains(res.Body.String(), secretValue) {
		t.Errorf("%d\n%s", res.Code, text(res.Body.String()))
	}
	for _, err := range []error{w.s.stopped(export.ErrSecret), w.s.stopped(errors.New(secretValue))} {
		if s := err.Error(); strings.Contains(s, secretValue) || !strings.Contains(s, "report it as a bug") {
			t.Errorf("an export that was stopped says %q", s)
		}
	}
}

// TestPageIsScanned: a page that is made here of what was scanned is scanned
// again: here by chance the paths of all pages hold the secret.
func TestPageIsScanned(t *testing.T) {
	w := newWorld(t, nil)
	raw := `{"safedump_version":"1.0","schema_version":1,"exception":{"type":"E","message":"m"},"frames":[{"function":"main.f","file":"f.go","line":1,"locals":{"password":"` + secretValue + `"}}]}`
	if err := os.WriteFile(filepath.Join(w.dir, "raw.safedump.json"), []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	for base, want := range map[string]int{w.s.base: 200, "/" + secretValue: 422} {
		w.s.base = base
		w.s.handler = w.s.guard(w.s.entrance())
		if code, body := w.get(w.enter(), "/saved/raw.safedump.json/redactions"); code != want || want == 422 && !strings.Contains(body, "the last scan found a secret") {
			t.Errorf("%s: %d\n%s", base, code, text(body))
		}
	}
}

// TestUnredactedFile: a file that nobody redacted is redacted on its way.
func TestUnredactedFile(t *testing.T) {
	w := newWorld(t, nil)
	raw := `{"safedump_version":"1.0","schema_version":1,"exception":{"type":"E","message":"password=` + secretValue + `"},"frames":[{"function":"main.f","file":"f.go","line":1,"locals":{"password":"` + secretValue + `"}}]}`
	if err := os.WriteFile(filepath.Join(w.dir, "raw.safedump.json"), []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	cookie := w.enter()
	for _, more := range []string{"", "/redactions", "/report.json", "/report.md"} {
		code, body := w.get(cookie, "/saved/raw.safedump.json"+more)
		if code != 200 || strings.Contains(body, secretValue) || more == "/redactions" && !strings.Contains(body, "variable_name_denylist") {
			t.Errorf("%s: %d\n%s", more, code, text(body))
		}
	}
}
