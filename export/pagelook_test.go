package export

import (
	"fmt"
	"slices"
	"testing"

	"github.com/safedump/sdcore/internal/browsertest"
	"github.com/safedump/sdcore/report"
)

// contrasts lists texts that can't be told from what is behind them: those with
// a contrast below 4.5 to 1 by WCAG 2, as "ratio class text".
const contrasts = `(() => {
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1 }; };
	const light = (rgb) => { const [r, g, b] = rgb.map((x) => { x /= 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const over = (top, below) => top.rgb.map((x, i) => x * top.a + below[i] * (1 - top.a));
	const behind = (e) => { if (!e) return [255, 255, 255]; const c = parse(getComputedStyle(e).backgroundColor); return c.a === 1 ? c.rgb : over(c, behind(e.parentElement)); };
	const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const bad = new Set();
	let seen = 0;
	const look = (color, e, text) => {
		seen++;
		const back = behind(e);
		let opacity = 1;
		for (let up = e; up; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
		const c = parse(color);
		c.a *= opacity;
		const r = ratio(over(c, back), back);
		if (r < 4.5) bad.add(r.toFixed(2) + " " + e.tagName + "." + e.className + " " + text.trim().slice(0, 30));
	};
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n = walk.nextNode(); n; n = walk.nextNode()) {
		const e = n.parentElement;
		if (n.data.trim() && e.checkVisibility()) look(getComputedStyle(e).color, e, n.data);
	}
	look(getComputedStyle(q, "::placeholder").color, q, "placeholder");
	for (const e of document.querySelectorAll("summary")) if (e.checkVisibility()) look(getComputedStyle(e, "::before").color, e, "marker");
	return { seen, bad: [...bad] };
})()`

func pageContrast(t *testing.T, b *browsertest.Browser) {
	type result struct {
		Seen int
		Bad  []string
	}
	colours := map[string]string{}
	for _, dark := range []bool{false, true} {
		p := open(t, b, payReport(), browsertest.Options{Dark: dark})
		p.Keys("/")
		p.Keys("premium")
		p.Wait("count.textContent")
		browsertest.Eval[any](p, unfoldAll+`; for (const g of document.querySelectorAll(".g")) g.hidden = false; null`)
		p.Wait(`document.querySelector(".members button")`)
		browsertest.Eval[any](p, `document.querySelector(".members button").click(), null`)
		got := browsertest.Eval[result](p, contrasts)
		if got.Seen < 200 || len(got.Bad) > 0 {
			t.Errorf("dark %v: of %d texts these are hard to read: %q", dark, got.Seen, got.Bad)
		}
		t.Logf("dark %v: %d texts", dark, got.Seen)
		p.Keys("\x1b?")
		if got := browsertest.Eval[result](p, contrasts); len(got.Bad) > 0 || !p.Visible("#keys") {
			t.Errorf("dark %v: %q", dark, got.Bad)
		}
		colours[fmt.Sprint(dark)] = browsertest.Eval[string](p, "getComputedStyle(document.body).backgroundColor")
	}
	if colours["false"] == colours["true"] {
		t.Errorf("dark is light: %v", colours)
	}
	// What is measured can fail.
	p := open(t, b, payReport(), browsertest.Options{})
	browsertest.Eval[any](p, `document.querySelector("h1").style.color = "#ccc", null`)
	if got := browsertest.Eval[result](p, contrasts); len(got.Bad) != 1 {
		t.Errorf("a pale headline is not found: %q", got.Bad)
	}
}

// pageNarrow: a telephone's width is enough, with everything unfolded.
func pageNarrow(t *testing.T, b *browsertest.Browser) {
	for name, r := range map[string]*report.Report{"pay": payReport(), "hostile": hostileReport(), "long": reportOf(longWord), "waits": waitReport()} {
		for _, o := range []browsertest.Options{{Width: 360, Height: 740}, {Width: 360, Height: 740, NoScript: true}, {Width: 320, Height: 600}} {
			p := open(t, b, r, o)
			if !o.NoScript {
				p.Keys("/")
				p.Keys("a")
				p.Keys("e")
				p.Wait("count.textContent")
			}
			browsertest.Eval[any](p, unfoldAll+"; null")
			const wide = `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest("pre")).map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 30))`
			if w := browsertest.Eval[int](p, "document.documentElement.scrollWidth"); w > o.Width {
				t.Errorf("%s, %+v: the page is %d wide: %q", name, o, w, browsertest.Eval[[]string](p, wide))
			}
		}
	}
}

func pageAccessible(t *testing.T, b *browsertest.Browser) {
	p := open(t, b, payReport(), browsertest.Options{})
	levels := browsertest.Eval[[]int](p, `[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => Number(h.tagName[1]))`)
	last := 0
	for _, l := range levels {
		if l > last+1 {
			t.Errorf("headings jump: %v", levels)
		}
		last = l
	}
	if levels[0] != 1 || slices.Contains(levels[1:], 1) {
		t.Errorf("not one headline: %v", levels)
	}
	for _, landmark := range []string{"html[lang]", "body > header", "body > nav[aria-label]", "body > main", "body > footer", "title"} {
		if n := p.Count(landmark); n != 1 {
			t.Errorf("%d of %s", n, landmark)
		}
	}
	for what, js := range map[string]string{
		"a control without a name": `[...document.querySelectorAll("input, textarea, button")].filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim()))`,
		"an ID twice":              `[...document.querySelectorAll("[id]")].filter((e) => document.querySelectorAll("#" + e.id).length > 1)`,
		"a link to nowhere":        `[...document.querySelectorAll("a")].filter((e) => !document.querySelector(e.getAttribute("href")))`,
		"a reference to nowhere":   `[...document.querySelectorAll("[aria-describedby], [aria-labelledby]")].filter((e) => !document.getElementById(e.getAttribute("aria-describedby") || e.getAttribute("aria-labelledby")))`,
	} {
		if got := browsertest.Eval[[]string](p, js+".map((e) => e.outerHTML)"); len(got) > 0 {
			t.Errorf("%s: %q", what, got)
		}
	}
	for _, live := range []string{"#count", "#said"} {
		if role := browsertest.Eval[string](p, `document.querySelector("`+live+`").getAttribute("role")`); role != "status" {
			t.Errorf("%s is not read out", live)
		}
	}
	// Whoever walks by Tab sees where, and reaches everything.
	reached := map[string]bool{}
	for range 40 {
		p.Keys("\t")
		on := browsertest.Eval[string](p, `(() => { const e = document.activeElement; return e.id || e.tagName })()`)
		if reached[on] = true; on == "BODY" { // behind the last one
			continue
		}
		if outline := browsertest.Eval[string](p, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
			t.Errorf("the focus is not to be seen on %s", browsertest.Eval[string](p, "document.activeElement.outerHTML"))
			break
		}
	}
	for _, want := range []string{"A", "q", "copy", "help", "SUMMARY"} {
		if !reached[want] {
			t.Errorf("Tab does not reach %s: %v", want, reached)
		}
	}
}
