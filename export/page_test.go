package export

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/browsertest"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// TestPage opens pages in a browser. The parts share one, which takes a second
// to start.
func TestPage(t *testing.T) {
	b := browsertest.Start(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *browsertest.Browser)
	}{
		{"cores", pageOfCores}, {"policy", pagePolicy}, {"group", pageGroup}, {"search", pageSearch}, {"keys", pageKeys},
		{"copy", pageCopy}, {"contrast", pageContrast}, {"no script", pageWithoutScript}, {"narrow", pageNarrow},
		{"paper", pagePaper}, {"accessible", pageAccessible}, {"hostile", pageHostile}, {"many", pageMany},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, b) })
	}
}

// open serves the page of a report and opens it.
func open(t *testing.T, b *browsertest.Browser, r *report.Report, o browsertest.Options) *browsertest.Page {
	t.Helper()
	return b.Open(t, browsertest.Serve(t, []byte(htmlOf(t, r)), nil), o)
}

// ofCore is the redacted report of a fixture's core.
func ofCore(t *testing.T, name string) redact.Result {
	t.Helper()
	core := coretest.Core(t, name)
	rep, err := sdcore.Analyze(context.Background(), core.Core, core.Bin, sdcore.Options{Limits: report.Limits{MaxSize: -1}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := redact.Apply(rep, redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// unfoldAll opens everything that is folded.
const unfoldAll = `for (const d of document.querySelectorAll("details")) d.open = true`

func pageOfCores(t *testing.T, b *browsertest.Browser) {
	for _, name := range []string{"payment", "manywait", "waiters", "leaks", "secrets", "deadlock"} {
		t.Run(name, func(t *testing.T) {
			res := ofCore(t, name)
			r := res.Report()
			var page bytes.Buffer
			if err := HTML(&page, res); err != nil {
				t.Fatal(err)
			}
			p := b.Open(t, browsertest.Serve(t, page.Bytes(), nil), browsertest.Options{})
			p.Quiet()
			if got, want := p.Text("h1"), strings.Join(plainLines(deathText(&r.Crash), messageLines), "\n"); got != want {
				t.Errorf("the headline is %q, want %q", got, want)
			}
			i := crashedGoroutine(r)
			if i < 0 { // a deadlock: who waits for whom, and where
				if name != "deadlock" || !p.Visible("#waits pre") || !strings.Contains(p.Text("#waits pre"), "deadlock of 2 goroutines") || p.Count("#crash > details.f[open]") < 4 {
					t.Errorf("the page shows\n%s", p.Text("main"))
				}
				return
			}
			f := &r.Goroutines[i].Frames[crashSite(r.Goroutines[i].Frames)]
			site := p.Text("#crash > .site")
			if got := browsertest.Eval[string](p, `document.querySelector("#crash > .site .p").title`); got != f.File {
				t.Errorf("the whole name of the file is %q, want %q", got, f.File)
			}
			names := newPaths(r)
			for _, text := range []string{f.Function, place(names.short(f.File), f.Line)} {
				if !strings.Contains(site, text) {
					t.Errorf("the crash site does not show %q:\n%s", text, site)
				}
			}
			for j := range f.Vars {
				text, _ := oneLine(&f.Vars[j].Value, htmlValue, false)
				if want := f.Vars[j].Name + " " + f.Vars[j].Value.Type + " " + text; !strings.Contains(site, want) {
					t.Errorf("the crash site does not show %q:\n%s", want, site)
				}
			}
			// All of it is to be seen without scrolling.
			if bottom := browsertest.Eval[float64](p, `document.querySelector("#crash > .site > summary").getBoundingClientRect().bottom`); bottom > 500 {
				t.Errorf("the crash site begins at %v", bottom)
			}
		})
	}
}

// pagePolicy: the page works under the policy that it names, sent as a header
// with more, and from a file.
func pagePolicy(t *testing.T, b *browsertest.Browser) {
	page := []byte(htmlOf(t, payReport()))
	header := http.Header{"Content-Security-Policy": {HTMLPolicy() + "; frame-ancestors 'none'"}, "X-Content-Type-Options": {"nosniff"}}
	file := filepath.Join(t.TempDir(), "pay.html")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{browsertest.Serve(t, page, header), "file://" + file} {
		p := b.Open(t, url, browsertest.Options{})
		p.Keys("/mutex")
		p.Wait(`count.textContent`)
		p.Quiet()
	}
	// The policy is what keeps others from acting: without their hash they don't.
	evil := bytes.Replace(page, []byte("<main>"), []byte("<main><script>document.title = 'owned'</script><style>body { display: none }</style><img src=x onerror=alert(1)>"), 1)
	p := b.Open(t, browsertest.Serve(t, evil, nil), browsertest.Options{})
	if e := p.Events(); len(e.Violations) < 3 || len(e.Dialogs) > 0 || browsertest.Eval[string](p, "document.title") == "owned" || !p.Visible("h1") {
		t.Errorf("a foreign script, style or picture acted: %v", e)
	}
}

func pageGroup(t *testing.T, b *browsertest.Browser) {
	p := open(t, b, payReport(), browsertest.Options{})
	const group = `details.g[data-g="2"]`
	p.Click(group + " > summary")
	if !p.Visible(group+" .fn") || !strings.Contains(p.Text(group), "main.main.func1") {
		t.Errorf("the group shows %q", p.Text(group))
	}
	p.Wait(`document.querySelectorAll('` + group + ` .members button').length >= 3`)
	p.Click(group + " .members button:nth-of-type(2)")
	if got := p.Text(group + " .members .f"); !strings.HasPrefix(got, "goroutine 19 shop=eu, created in goroutine 1") || !strings.Contains(got, "main.main.func1") {
		t.Errorf("goroutine 19 shows %q", got)
	}
	if p.Count(group+" [aria-pressed=true]") != 1 {
		t.Error("which goroutine is shown is not marked")
	}
	p.Quiet()
}

func pageSearch(t *testing.T, b *browsertest.Browser) {
	p := open(t, b, payReport(), browsertest.Options{})
	for _, c := range []struct{ query, count, hit string }{
		{"premium", "2 values of the crash and of package variables, 1 goroutine of 5, 0 groups of 3 (below)", "main.charge req › User › Tier"},
		{"MUTEX", "1 value of the crash and of package variables, 0 goroutines of 5, 1 group of 3 (below)", "package variable mu"},
		{"main.go:55", "0 values of the crash and of package variables, 0 goroutines of 5, 1 group of 3 (below)", ""},
		{"charge", "1 value of the crash and of package variables, 1 goroutine of 5, 1 group of 3 (below)", "goroutine 1 "},
		{"shop=eu", "0 values of the crash and of package variables, 3 goroutines of 5, 0 groups of 3 (below)", "goroutine 18"},
		{"19", "0 values of the crash and of package variables, 1 goroutine of 5, 1 group of 3 (below)", "goroutine 19"},
		{"nowhere", "0 values of the crash and of package variables, 0 goroutines of 5, 0 groups of 3 (below)", ""},
	} {
		p.Keys("\x1b/")
		p.Keys(c.query)
		p.Wait(`count.textContent && q.value === "` + c.query + `"`)
		browsertest.Eval[int](p, "new Promise((f) => setTimeout(() => f(0), 150))") // it waits for the next key
		if got := p.Text("#count"); got != c.count {
			t.Errorf("%s: %q, want %q", c.query, got, c.count)
		}
		if hits := p.Text("#hits"); !strings.Contains(hits, c.hit) {
			t.Errorf("%s: the hits are %q, want %q among them", c.query, hits, c.hit)
		}
	}
	// A hit leads to the value, through all that is folded.
	p.Keys("\x1b/")
	p.Keys("basic\r")
	p.Wait(`document.activeElement.matches("#hits .way")`)
	if p.Visible("#globals .v .v") {
		t.Error("nothing is folded: the test shows nothing")
	}
	p.Keys("\r")
	p.Wait(`document.activeElement.closest("#globals .v .v")`)
	if !p.Visible("#globals .v .v") {
		t.Error("the value that was found is folded")
	}
	p.Keys("\x1b")
	if p.Visible("#found") || p.Count("details.g[hidden]") > 0 {
		t.Error("Escape does not end the search")
	}
	p.Quiet()
}

func pageKeys(t *testing.T, b *browsertest.Browser) {
	p := open(t, b, payReport(), browsertest.Options{})
	focused := func() string { return browsertest.Eval[string](p, "document.activeElement.innerText || ''") }
	p.Keys("?")
	if !p.Visible("#keys") {
		t.Fatal("? shows no help")
	}
	// The help names every key that there is.
	help := p.Text("#keys")
	for _, key := range []string{"/", "Enter", "j", "k", "e", "m", "Esc", "?"} {
		if !strings.Contains(help, key) {
			t.Errorf("the help does not name %s", key)
		}
	}
	p.Keys("\x1b")
	if p.Visible("#keys") {
		t.Error("Escape does not close the help")
	}
	p.Click("#help")
	p.Click("#close")
	if p.Visible("#keys") {
		t.Error("the help does not close")
	}
	p.Keys("j")
	if got := focused(); !strings.HasPrefix(got, "1 frame above") {
		t.Errorf("j goes to %q", got)
	}
	p.Keys("j")
	if got := focused(); !strings.HasPrefix(got, "main.charge") {
		t.Errorf("j again goes to %q", got)
	}
	p.Keys("\r") // closes the crash site, which began open
	p.Wait(`!document.querySelector("#crash > .site").open`)
	p.Keys("\r")
	p.Wait(`document.querySelector("#crash > .site").open`)
	p.Keys("jk")
	if got := focused(); !strings.HasPrefix(got, "main.charge") {
		t.Errorf("j and k lead to %q", got)
	}
	p.Keys("e")
	p.Wait(`[...document.querySelectorAll("#crash > details.f")].every((f) => f.open)`)
	p.Keys("e")
	p.Wait(`[...document.querySelectorAll("#crash > details.f")].every((f) => !f.open)`)
	p.Keys("/j") // the letter is typed
	if got := browsertest.Eval[string](p, "q.value"); got != "j" {
		t.Errorf("the search has %q", got)
	}
	p.Quiet()
}

// pageCopy: what is copied is what --format markdown writes, to the byte.
func pageCopy(t *testing.T, b *browsertest.Browser) {
	for name, r := range map[string]*report.Report{"pay": payReport(), "hostile": hostileReport(), "html": reportOf("\n</textarea><b>\r\n&lt;")} {
		var want bytes.Buffer
		if err := writeMarkdown(&want, r); err != nil {
			t.Fatal(err)
		}
		for _, forbidden := range []bool{false, true} {
			p := open(t, b, r, browsertest.Options{NoClipboard: forbidden})
			if forbidden {
				p.Keys("m")
			} else {
				p.Click("#copy")
			}
			p.Wait(`said.textContent === "Copied"`)
			if forbidden && p.Visible("#md") {
				t.Error("the Markdown was left unfolded")
			}
			if got := p.Clipboard(); got != want.String() {
				t.Errorf("%s, clipboard forbidden %v: %s", name, forbidden, firstDifference(want.Bytes(), []byte(got)))
			}
			p.Quiet()
		}
	}
	// Where nothing is let do it, the text is selected, and the page says so.
	p := open(t, b, payReport(), browsertest.Options{NoClipboard: true})
	browsertest.Eval[any](p, "document.execCommand = () => false, null")
	p.Click("#copy")
	p.Wait(`said.textContent === "Selected: press Ctrl+C"`)
	if !browsertest.Eval[bool](p, "md.checkVisibility() && md.selectionEnd - md.selectionStart === md.value.length") {
		t.Error("the Markdown is not selected")
	}
}

func pageWithoutScript(t *testing.T, b *browsertest.Browser) {
	r := payReport()
	p := open(t, b, r, browsertest.Options{NoScript: true})
	p.Quiet()
	for _, control := range []string{"#q", "#copy", "#help", "#found", "footer", ".members", "#keys"} {
		if p.Visible(control) {
			t.Errorf("%s is shown, and does nothing", control)
		}
	}
	for _, text := range []string{"panic: runtime error", "main.charge", "premium_plus", "main.handle"} {
		if !strings.Contains(p.Text("body"), text) {
			t.Errorf("the page does not show %q", text)
		}
	}
	// Each fold opens by a click or Enter.
	for _, fold := range []string{"#crash > .above", "#crash > details.f ~ details.f", `#goroutines > [data-g="2"]`, "#goroutines > .system", "#globals .v", "#markdown > details"} {
		p.Click(fold + " > summary")
		if !p.Visible(fold + "[open] > :not(summary)") {
			t.Errorf("%s shows nothing", fold)
		}
	}
	if got := p.Text(`[data-g="2"]`); !strings.Contains(got, "main.main.func1 main.go:55") {
		t.Errorf("the group shows %q", got)
	}
	var md bytes.Buffer
	if err := writeMarkdown(&md, r); err != nil {
		t.Fatal(err)
	}
	if got := browsertest.Eval[string](p, "md.value"); got != md.String() {
		t.Errorf("the Markdown differs: %s", firstDifference(md.Bytes(), []byte(got)))
	}
}

func pagePaper(t *testing.T, b *browsertest.Browser) {
	p := open(t, b, payReport(), browsertest.Options{Print: true})
	for _, control := range []string{"nav", "footer", "#markdown"} {
		if p.Visible(control) {
			t.Errorf("%s is printed", control)
		}
	}
	if n := browsertest.Eval[float64](p, `document.querySelector("#crash > details.f:not([open]) .v").getBoundingClientRect().height`); n == 0 {
		t.Error("the variables of callers are not printed")
	}
}
