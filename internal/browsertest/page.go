package browsertest

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Options say how a page is opened. The zero value is a window of 1280 by 800,
// light, with script and a clipboard.
type Options struct {
	Width, Height int
	Dark          bool // prefers-color-scheme: dark
	Print         bool // the style for paper
	NoScript      bool
	NoClipboard   bool // the page may not use the clipboard's interface
}

// Page is a page that is open in a tab of its own. Its methods end the test
// when the browser refuses.
type Page struct {
	t   testing.TB
	b   *Browser
	ctx context.Context
	url string
	rec *recorder
}

// Open opens a page, waits until it has loaded, and closes it with the test.
func (b *Browser) Open(t testing.TB, url string, o Options) *Page {
	t.Helper()
	rec := &recorder{opened: make(chan struct{}, 1)}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(rec.take))
	t.Cleanup(cancel)
	p := &Page{t: t, b: b, ctx: ctx, url: url, rec: rec}
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as ctx
		t.Fatalf("open a tab: %v", err)
	}
	go p.dismissDialogs()
	p.prepare(o)
	p.do("open "+url, chromedp.Navigate(url))
	return p
}

// prepare sets a tab up for a page.
func (p *Page) prepare(o Options) {
	p.t.Helper()
	if o.Width == 0 {
		o.Width = 1280
	}
	if o.Height == 0 {
		o.Height = 800
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}}
	if o.Dark {
		media.Features[0].Value = "dark"
	}
	if o.Print {
		media.Media = "print"
	}
	clipboard := browser.PermissionSettingGranted
	if o.NoClipboard {
		clipboard = browser.PermissionSettingDenied
	}
	call(p, audits.Enable, cdp.Empty{})
	call(p, performance.Enable, performance.EnableParams{})
	call(p, emulation.SetEmulatedMedia, media)
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(o.Width), Height: int64(o.Height), DeviceScaleFactor: 1, Mobile: o.Width < 600})
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: o.NoScript})
	for _, name := range []string{"clipboard-write", "clipboard-read"} {
		_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: clipboard,
			BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		})
		if err != nil {
			p.t.Fatalf("permission %s: %v", name, err)
		}
	}
}

// dismissDialogs keeps a dialog from stopping the page for good.
func (p *Page) dismissDialogs() {
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.rec.opened:
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}
	}
}

// call runs a command of the browser's protocol.
func call[P, R any](p *Page, cmd cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	res, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		p.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return res
}

func (p *Page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v\n%v", what, err, p.Events())
	}
}

// Eval evaluates JavaScript in the page, where a policy does not bind it and
// with scripts switched off, too; a promise is waited for. The value has to be
// one that JSON can hold.
func Eval[T any](p *Page, js string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](js, chromedp.EvalAwaitPromise))
	var v T
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// Text is what the first element of a selector shows, as innerText has it.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return Eval[string](p, "document.querySelector("+quote(selector)+").innerText")
}

// Count counts the elements of a selector.
func (p *Page) Count(selector string) int {
	p.t.Helper()
	return Eval[int](p, "document.querySelectorAll("+quote(selector)+").length")
}

// Visible reports whether an element of the selector is shown: laid out, and
// neither hidden nor in something that is folded.
func (p *Page) Visible(selector string) bool {
	p.t.Helper()
	return Eval[bool](p, "[...document.querySelectorAll("+quote(selector)+")].some((e) => e.checkVisibility({visibilityProperty: true}))")
}

// Keys presses keys as a person does; "\x1b" is Escape, "\r" Enter, "\t" Tab. A
// key that the page handles types nothing.
func (p *Page) Keys(keys string) {
	p.t.Helper()
	for _, r := range keys {
		for _, k := range kb.Encode(r) {
			switch k.Type {
			case kb.KeyChar: // comes with the key that is down, unless the page prevents it
				continue
			case kb.KeyDown:
				if key := kb.Keys[r]; key != nil && key.Print {
					k.Text, k.UnmodifiedText = key.Text, key.Unmodified
				}
			}
			call(p, input.DispatchKeyEvent, *k)
		}
	}
}

// Click clicks on the first element of a selector, which has to be visible.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Wait waits until a JavaScript expression is true.
func (p *Page) Wait(js string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !Eval[bool](p, "Boolean("+js+")"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("never true: %s\n%v", js, p.Events())
		}
	}
}

// Clipboard is the text on the clipboard. Another tab reads it: this page may
// not be allowed to.
func (p *Page) Clipboard() string {
	p.t.Helper()
	other := p.b.Open(p.t, Serve(p.t, []byte("<!DOCTYPE html><title>clipboard</title>"), nil), Options{})
	call(other, page.BringToFront, cdp.Empty{})
	return Eval[string](other, "navigator.clipboard.readText()")
}

// Screenshot writes a picture of the window to a PNG file, or of the whole page.
func (p *Page) Screenshot(file string, whole bool) {
	p.t.Helper()
	res := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	if err := os.WriteFile(file, res.Data, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// Metrics are the browser's own counts of the page: Nodes, JSHeapUsedSize,
// LayoutCount and others.
func (p *Page) Metrics() map[string]float64 {
	p.t.Helper()
	m := map[string]float64{}
	for _, x := range call(p, performance.GetMetrics, cdp.Empty{}).Metrics {
		m[x.Name] = x.Value
	}
	return m
}

// Events are what the page did until now.
func (p *Page) Events() Events { return p.rec.snapshot() }

// Quiet fails the test when the page did anything but load its own document:
// a message, a violation, another request, a dialog.
func (p *Page) Quiet() {
	p.t.Helper()
	e := p.Events()
	if len(e.Console)+len(e.Violations)+len(e.Dialogs) > 0 || len(e.Requests) != 1 || e.Requests[0] != p.url {
		p.t.Errorf("the page did more than load %s:\n%v", p.url, e)
	}
}

// quote returns s as a JavaScript string.
func quote(s string) string {
	b, _ := json.Marshal(s) // of a string: no error
	return string(b)
}
