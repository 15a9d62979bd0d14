package serve

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/browsertest"
	"github.com/safedump/sdcore/triage/index"
)

var pictures = flag.String("pictures", "", "write pictures of the pages to `DIR`")

// live is a server that a browser can reach.
func live(t *testing.T, fill func(*world)) (w *world, origin string) {
	t.Helper()
	l, err := Listen("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, func(o *Options) { o.Addr = l.Addr().String() })
	fill(w)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w, "http://" + l.Addr().String()
}

// fillShop is a shop with a group that came back, one that is fixed, and hostile
// text.
func fillShop(t *testing.T) func(*world) {
	return func(w *world) {
		t.Helper()
		var all []crash
		for i := range 60 {
			all = append(all, crash{bug: "charge", host: fmt.Sprint("web", i%4), version: fmt.Sprintf("v1.%d.0", i%3), at: testNow.Add(-time.Duration(i*i/3) * time.Hour), n: i})
		}
		for i, bug := range []string{"refund", "ship", "login with a name that is longer than most because somebody wraps every error eight times: dial tcp 10.0.0.7:5432: connect: connection refused"} {
			all = append(all, crash{bug: bug, host: "web9", version: "v2.0.0", at: testNow.Add(-time.Duration(5+i*30) * time.Hour), n: 100 + i})
		}
		w.add(append(all, crash{bug: evil, at: testNow.Add(-100 * time.Hour), n: 7})...)
		w.write("shop-2026-11-28.safedump.json.gz", reportOf(all[0]))
	}
}

// in opens the pages by the link and forgets what the way in did.
func in(t *testing.T, b *browsertest.Browser, w *world, origin string, o browsertest.Options) *browsertest.Page {
	t.Helper()
	p := b.Open(t, origin+w.s.Link(), o)
	p.Wait(`location.pathname === "` + w.s.base + `/" && document.readyState === "complete"`)
	return p
}

// quiet fails when a page of ours did anything but load pages of ours.
func quiet(t *testing.T, p *browsertest.Page, origin string) {
	t.Helper()
	e := p.Events()
	if len(e.Console)+len(e.Violations)+len(e.Dialogs) > 0 {
		t.Errorf("the pages did more than load:\n%v", e)
	}
	for _, url := range e.Requests {
		if !strings.HasPrefix(url, origin+"/") && url != "data:," {
			t.Errorf("a request to %s", url)
		}
	}
}

func TestInBrowser(t *testing.T) {
	b := browsertest.Start(t)
	t.Run("ways", func(t *testing.T) { ways(t, b) })
	t.Run("keys", func(t *testing.T) { keys(t, b) })
	t.Run("filter", func(t *testing.T) { filter(t, b) })
	t.Run("without script", func(t *testing.T) { withoutScript(t, b) })
	t.Run("hostile text", func(t *testing.T) { hostile(t, b) })
	t.Run("link of a file", func(t *testing.T) { ofFile(t, b) })
	t.Run("other sites", func(t *testing.T) { otherSites(t, b) })
	t.Run("narrow and dark", func(t *testing.T) { narrow(t, b) })
}

// ways goes from the link to what was removed from a report, and marks a group.
func ways(t *testing.T, b *browsertest.Browser) {
	w, origin := live(t, fillShop(t))
	p := in(t, b, w, origin, browsertest.Options{})
	arrive := func(path, shows string) {
		t.Helper()
		p.Wait(fmt.Sprintf(`location.pathname.startsWith(%q) && document.readyState === "complete" && document.body?.innerText.includes(%q)`, w.s.base+path, shows))
	}
	p.Click(".groups .what a")
	arrive("/group/", "most in one day")
	p.Click(".actions .button")
	arrive("/crash/", "main.charge")
	p.Click(`header a[href$="/redactions"]`)
	arrive("/crash/", "variable password in main.charge")
	if strings.Contains(p.Text("body"), secretValue) {
		t.Error("the value is on the page")
	}
	p.Click("[data-up]")
	arrive("/group/", "Mark as fixed")
	p.Click("[name=fixed_in]")
	p.Keys("v1.9.0\tthe lock\r")
	arrive("/group/", "fixed in v1.9.0: the lock")
	if w.status(crash{bug: "charge", n: 0}) != index.Fixed {
		t.Error("the index does not know")
	}
	quiet(t, p, origin)
	p.Navigate(origin + w.s.base + "/saved/")
	p.Click(".list a")
	arrive("/saved/", "main.charge")
	p.Click(`header a[href$="/saved/"]`)
	arrive("/saved/", "shop-2026-11-28")
	p.Click("nav form button")
	arrive("/logout", "Logged out")
	p.Navigate(origin + w.s.base + "/")
	if !strings.Contains(p.Text("body"), "not logged in") {
		t.Errorf("after the way out: %s", p.Text("body"))
	}
}

// keys walks without a mouse.
func keys(t *testing.T, b *browsertest.Browser) {
	w, origin := live(t, fillShop(t))
	p := in(t, b, w, origin, browsertest.Options{})
	focused := func() string {
		return browsertest.Eval[string](p, `document.activeElement.innerText || document.activeElement.id || document.activeElement.name || ""`)
	}
	p.Keys("\t")
	if got := focused(); got != "To the contents" {
		t.Errorf("Tab goes to %q first", got)
	}
	p.Keys("j")
	if got := focused(); !strings.Contains(got, "in charge") {
		t.Errorf("j goes to %q", got)
	}
	p.Keys("jjk")
	if got := focused(); !strings.Contains(got, "in refund") {
		t.Errorf("j, j, k go to %q", got)
	}
	p.Keys("/")
	if got := focused(); got != "q" {
		t.Errorf("/ goes to %q", got)
	}
	// The protocol types the key's character by itself, which a keyboard does not
	// when the key was taken.
	browsertest.Eval[bool](p, `(() => { document.activeElement.value = ""; return true })()`)
	p.Keys("ship\r")
	p.Wait(`location.search.includes("q=ship") && document.querySelectorAll("[data-row]").length === 1`)
	p.Keys("j\r")
	p.Wait(`location.pathname.includes("/group/") && document.readyState === "complete"`)
	p.Keys("u")
	p.Wait(`location.pathname === "` + w.s.base + `/"`)
	quiet(t, p, origin)
}

// filter chooses from lists.
func filter(t *testing.T, b *browsertest.Browser) {
	w, origin := live(t, fillShop(t))
	p := in(t, b, w, origin, browsertest.Options{})
	for name, value := range map[string]string{"version": "v2.0.0", "status": "new"} {
		browsertest.Eval[bool](p, fmt.Sprintf(`(() => { const s = document.querySelector("[name=%s]"); s.value = %q; s.dispatchEvent(new Event("change")); return true })()`, name, value))
		p.Wait(fmt.Sprintf(`location.search.includes(%q) && document.readyState === "complete"`, name+"="+value))
	}
	if n := p.Count("[data-row]"); n != 3 {
		t.Errorf("%d groups of v2.0.0", n)
	}
	quiet(t, p, origin)
}

// withoutScript reads and marks with scripts switched off.
func withoutScript(t *testing.T, b *browsertest.Browser) {
	w, origin := live(t, fillShop(t))
	p := in(t, b, w, origin, browsertest.Options{NoScript: true})
	if p.Visible(".js") {
		t.Error("the page tells of keys that do nothing")
	}
	p.Click("#q")
	p.Keys("ship\r")
	p.Wait(`document.querySelectorAll("[data-row]").length === 1 && document.readyState === "complete"`)
	p.Click(".groups .what a")
	p.Wait(`location.pathname.includes("/group/") && document.readyState === "complete"`)
	p.Click("[name=fixed_in]")
	p.Keys("v3.0.0\r")
	p.Wait(`document.body?.innerText.includes("fixed in v3.0.0")`)
	p.Click(".actions .button")
	p.Wait(`document.body?.innerText.includes("main.charge") && location.pathname.includes("/crash/")`)
	quiet(t, p, origin)
}

// hostile opens each page of what a hostile process left, and asks the browser
// what it made of it.
func hostile(t *testing.T, b *browsertest.Browser) {
	bad := crash{bug: evil, at: testNow, n: 7}
	w, origin := live(t, func(w *world) {
		w.add(bad)
		w.write("evil <img src=x onerror=alert(9)>\x1b[31m.safedump.json.gz", reportOf(bad))
	})
	p := in(t, b, w, origin, browsertest.Options{})
	for _, path := range []string{"/", "/group/" + w.group(bad), "/crash/" + bad.key(), "/crash/" + bad.key() + "/redactions", "/crash/" + bad.key() + "/report.md", "/saved/"} {
		p.Navigate(origin + w.s.base + path)
		if n := browsertest.Eval[int](p, `[...document.querySelectorAll("img, iframe, object, [onerror], [onload], svg svg, main script")].length`); n > 0 {
			t.Errorf("%s: %d elements of the process's making", path, n)
		}
		if !strings.HasSuffix(path, "/redactions") && !strings.Contains(browsertest.Eval[string](p, "document.body.textContent"), "alert(") {
			t.Errorf("%s: the text is not shown", path)
		}
		if s := browsertest.Eval[string](p, "document.body.textContent"); strings.ContainsAny(s, "\x1b\u202e\a") {
			t.Errorf("%s: it holds an escape", path)
		}
	}
	quiet(t, p, origin)
}

// ofFile: --open hands the browser a file with the link.
func ofFile(t *testing.T, b *browsertest.Browser) {
	w, origin := live(t, fillShop(t))
	file := filepath.Join(t.TempDir(), "open.html")
	if err := os.WriteFile(file, []byte(`<!DOCTYPE html><meta http-equiv="refresh" content="0; url=`+origin+w.s.Link()+`">`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := b.Open(t, "file://"+file, browsertest.Options{})
	p.Wait(`location.pathname === "` + w.s.base + `/" && document.querySelectorAll("[data-row]").length > 3`)
	if got := browsertest.Eval[string](p, "document.referrer + document.cookie"); got != "" {
		t.Errorf("a script sees %q", got)
	}
}

// attacker is a page of somebody else's on this machine: the same host, another
// port. It writes down which cookies it is sent.
type attacker struct {
	url string
	mu  sync.Mutex
	got []string
}

func newAttacker(t *testing.T, page string) *attacker {
	a := &attacker{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.got = append(a.got, r.Header.Get("Cookie"), r.Header.Get("Referer"))
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
	}))
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

// otherSites: a page of another port asks in every way that a page can, with the
// path of ours, which it can't know, and with a browser that is logged in.
func otherSites(t *testing.T, b *browsertest.Browser) {
	w, origin := live(t, fillShop(t))
	c := crash{bug: "charge", n: 0}
	group, report := origin+w.s.base+"/group/"+w.group(c), origin+w.s.base+"/crash/"+c.key()
	a := newAttacker(t, `<!DOCTYPE html><link rel="icon" href="data:,"><title>waiting</title><body></body>`)
	p := in(t, b, w, origin, browsertest.Options{})
	p.Navigate(a.url)
	a.mu.Lock()
	for _, s := range a.got {
		if s != "" {
			t.Errorf("another server is sent %q", s)
		}
	}
	a.mu.Unlock()
	for what, js := range map[string]string{
		"fetch":           `fetch(%[1]q, {credentials: "include"}).then((r) => r.text()).then((s) => "read: " + s, () => "nothing")`,
		"fetch, opaque":   `fetch(%[1]q, {credentials: "include", mode: "no-cors"}).then((r) => r.text()).then((s) => s ? "read: " + s : "nothing", () => "nothing")`,
		"fetch of JSON":   `fetch(%[1]q + "/report.json", {credentials: "include"}).then((r) => r.text()).then((s) => "read: " + s, () => "nothing")`,
		"script":          `new Promise((f) => { const s = document.createElement("script"); s.src = %[1]q + "/report.json"; s.onload = () => f("loaded"); s.onerror = () => f("nothing"); document.body.append(s) })`,
		"image":           `new Promise((f) => { const i = new Image(); i.src = %[1]q; i.onload = () => f("loaded"); i.onerror = () => f("nothing") })`,
		"style":           `new Promise((f) => { const l = document.createElement("link"); l.rel = "stylesheet"; l.href = %[1]q; l.onload = () => f("loaded"); l.onerror = () => f("nothing"); document.head.append(l) })`,
		"frame":           `new Promise((f) => { const i = document.createElement("iframe"); i.src = %[1]q; i.onload = () => { let s; try { s = i.contentDocument.body.innerText } catch { s = "" } f(s.includes("charge") ? "read" : "nothing") }; document.body.append(i) })`,
		"window":          `new Promise((f) => { const v = window.open(%[1]q); setTimeout(() => { let s = ""; try { s = v.document.body.innerText } catch {} f(s.includes("charge") ? "read" : "nothing") }, 300) })`,
		"WebSocket":       `new Promise((f) => { const s = new WebSocket(%[1]q.replace("http", "ws")); s.onopen = () => f("open"); s.onerror = () => f("nothing") })`,
		"event source":    `new Promise((f) => { const s = new EventSource(%[1]q, {withCredentials: true}); s.onopen = () => f("open"); s.onerror = () => { s.close(); f("nothing") } })`,
		"form":            `new Promise((f) => { const i = document.createElement("iframe"); i.name = "x"; document.body.append(i); const m = document.createElement("form"); m.method = "post"; m.target = "x"; m.action = %[2]q + "/status"; m.innerHTML = '<input name=status value=fixed><input name=fixed_in value=v9>'; document.body.append(m); i.onload = () => f("nothing"); m.submit() })`,
		"posted":          `fetch(%[2]q + "/status", {method: "POST", credentials: "include", mode: "no-cors", body: new URLSearchParams({status: "fixed", fixed_in: "v9"})}).then((r) => r.text()).then((s) => s ? "read" : "nothing", () => "nothing")`,
		"asked in front":  `fetch(%[2]q + "/status", {method: "POST", credentials: "include", headers: {"X-Form": "1"}, body: "x"}).then(() => "read", () => "nothing")`,
		"the link":        `fetch(%[3]q, {credentials: "include", mode: "no-cors"}).then(() => "nothing", () => "nothing")`,
		"the link, shown": `new Promise((f) => { const i = document.createElement("iframe"); i.src = %[3]q; i.onload = () => f("nothing"); document.body.append(i) })`,
	} {
		link := w.s.Link()
		if got := browsertest.Eval[string](p, fmt.Sprintf("/* %[4]s */"+js, report, group, origin+link, what)); got != "nothing" {
			t.Errorf("%s: another site gets %.200s", what, got)
		}
		if w.status(c) == index.Fixed {
			t.Errorf("%s: another site has marked a group", what)
			w.reset()
		}
		if w.s.Link() != link {
			t.Errorf("%s: another site has used the link", what)
		}
	}
	// A link of another site is not followed into the pages, but they are still open.
	browsertest.Eval[bool](p, fmt.Sprintf(`(() => { location.href = %q; return true })()`, report))
	p.Wait(`document.body?.innerText.includes("Another site has asked for this")`)
	p.Navigate(report)
	p.Wait(`document.body?.innerText.includes("main.charge")`)
}

// narrow: no page is wider than a small phone, also in the dark.
func narrow(t *testing.T, b *browsertest.Browser) {
	w, origin := live(t, fillShop(t))
	c := crash{bug: "charge", n: 0}
	paths := map[string]string{
		"groups": "/", "group": "/group/" + w.group(c), "redactions": "/crash/" + c.key() + "/redactions", "saved": "/saved/", "report": "/crash/" + c.key(),
		"none": "/?q=nothing", "trouble": "/none", "hostile": "/group/" + w.group(crash{bug: evil, n: 7}),
	}
	for kind, o := range map[string]browsertest.Options{"": {}, "narrow": {Width: 360, Height: 740}, "dark": {Dark: true}, "narrow-dark": {Width: 360, Height: 740, Dark: true}} {
		p := in(t, b, w, origin, o)
		for name, path := range paths {
			p.Navigate(origin + w.s.base + path)
			if wide := browsertest.Eval[int](p, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
				t.Errorf("%s %s is %d pixels wider than the window", name, kind, wide)
			}
			if bg := browsertest.Eval[string](p, `getComputedStyle(document.body).backgroundColor`); (bg == "rgb(255, 255, 255)") == o.Dark {
				t.Errorf("%s %s: the background is %s", name, kind, bg)
			}
			if *pictures != "" {
				p.Screenshot(filepath.Join(*pictures, name+"-"+kind+".png"), true)
			}
		}
	}
}
