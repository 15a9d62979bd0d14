package browsertest

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBrowser shows that each thing that a page must not do is seen: a test
// that stays quiet would prove nothing otherwise.
func TestBrowser(t *testing.T) {
	b := Start(t)
	open := func(t *testing.T, body string, o Options) *Page {
		return b.Open(t, Serve(t, []byte("<!DOCTYPE html><html><head><meta name=viewport content=\"width=device-width\"><link rel=icon href=data:,></head><body>"+body), nil), o)
	}
	t.Run("console", func(t *testing.T) {
		p := open(t, "<script>console.log('hello', 7); setTimeout(() => { throw new Error('thrown') })</script>", Options{})
		p.Wait("document.readyState === 'complete'")
		want(t, p, "hello", func(e Events) []string { return e.Console })
		want(t, p, "thrown", func(e Events) []string { return e.Console })
	})
	t.Run("requests", func(t *testing.T) {
		p := open(t, "<img src=/picture.png><img src=http://192.0.2.1/a><img src=http://outside.example/b>", Options{})
		for _, url := range []string{"/picture.png", "192.0.2.1", "outside.example"} {
			want(t, p, url, func(e Events) []string { return e.Requests })
		}
		if n := Eval[int](p, "[...document.images].filter((i) => i.naturalWidth).length"); n > 0 {
			t.Errorf("%d pictures came from somewhere", n)
		}
	})
	t.Run("violations", func(t *testing.T) {
		url := Serve(t, []byte("<!DOCTYPE html><body onload=alert(1)><img src=x.png>"), http.Header{"Content-Security-Policy": {"default-src 'none'"}})
		for _, o := range []Options{{}, {NoScript: true}} {
			p := b.Open(t, url, o)
			want(t, p, "img-src", func(e Events) []string { return e.Violations })
			if len(p.Events().Dialogs) > 0 {
				t.Errorf("it ran: %v", p.Events())
			}
		}
	})
	t.Run("dialogs", func(t *testing.T) {
		p := open(t, "<script>alert('evil'); document.title = 'after'</script>", Options{})
		want(t, p, "evil", func(e Events) []string { return e.Dialogs })
		p.Wait("document.title === 'after'")
	})
	t.Run("quiet", func(t *testing.T) {
		open(t, "<p>nothing", Options{}).Quiet()
	})
	t.Run("script switched off", func(t *testing.T) {
		p := open(t, "<p id=p>before</p><script>document.getElementById('p').textContent = 'after'</script>", Options{NoScript: true})
		if got := p.Text("#p"); got != "before" {
			t.Errorf("the page shows %q", got)
		}
	})
	t.Run("media", func(t *testing.T) {
		for want, o := range map[string]Options{
			"light 1280 800": {}, "dark 1280 800": {Dark: true}, "light print 360 640": {Print: true, Width: 360, Height: 640},
		} {
			got := Eval[string](open(t, "<p>x", o), `[matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
				...(matchMedia("print").matches ? ["print"] : []), document.documentElement.clientWidth, innerHeight].join(" ")`)
			if got != want {
				t.Errorf("%+v: %s, want %s", o, got, want)
			}
		}
	})
	t.Run("keys and clipboard", func(t *testing.T) {
		const body = `<input id=i><button id=b>copy</button><script>
			document.getElementById("b").onclick = () => navigator.clipboard.writeText(document.getElementById("i").value).then(
				() => { document.title = "copied" }, () => { document.title = "refused" })
		</script>`
		p := open(t, body, Options{})
		p.Click("#i")
		p.Keys("typed")
		p.Click("#b")
		p.Wait("document.title === 'copied'")
		if got := p.Clipboard(); got != "typed" {
			t.Errorf("the clipboard has %q", got)
		}
		p = open(t, body, Options{NoClipboard: true})
		p.Click("#b")
		p.Wait("document.title === 'refused'")
	})
	t.Run("visible", func(t *testing.T) {
		p := open(t, "<p id=a>a</p><p id=b hidden>b</p><details><summary>c</summary><p id=d>d</p></details>", Options{})
		if !p.Visible("#a") || p.Visible("#b") || p.Visible("#d") || p.Count("p") != 3 {
			t.Error("what is hidden or folded counts as visible, or the other way round")
		}
	})
	t.Run("picture and metrics", func(t *testing.T) {
		p := open(t, "<p>x", Options{})
		file := filepath.Join(t.TempDir(), "x.png")
		p.Screenshot(file, false)
		if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), "\x89PNG") {
			t.Errorf("no picture: %v", err)
		}
		if m := p.Metrics(); m["Nodes"] < 3 || m["JSHeapUsedSize"] == 0 {
			t.Errorf("metrics %v", m)
		}
	})
}

// want waits until an event of the page holds text.
func want(t *testing.T, p *Page, text string, of func(Events) []string) {
	t.Helper()
	for range 300 {
		if slices.ContainsFunc(of(p.Events()), func(s string) bool { return strings.Contains(s, text) }) {
			return
		}
		Eval[int](p, "new Promise((f) => setTimeout(() => f(0), 10))")
	}
	t.Errorf("no event with %q:\n%v", text, p.Events())
}
