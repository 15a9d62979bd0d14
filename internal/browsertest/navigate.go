package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// Navigate goes to another URL in the same tab, as typing it does: cookies stay.
func (p *Page) Navigate(url string) {
	p.t.Helper()
	p.do("open "+url, chromedp.Navigate(url))
	p.url = url
}

// At goes on with a page in another test, which fails in its place.
func (p *Page) At(t testing.TB) *Page {
	q := *p
	q.t = t
	return &q
}

// Forget drops the events until now.
func (p *Page) Forget() {
	p.rec.mu.Lock()
	defer p.rec.mu.Unlock()
	p.rec.events = Events{}
}
