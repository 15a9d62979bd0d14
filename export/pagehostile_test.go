package export

import (
	"regexp"
	"slices"
	"testing"

	"github.com/safedump/sdcore/internal/browsertest"
)

// pageHostile: a report full of what acts shows it as text, in a browser, in all
// of its fields.
func pageHostile(t *testing.T, b *browsertest.Browser) {
	const search = `(() => { q.value = "evil"; q.dispatchEvent(new Event("input")); })()`
	plain := open(t, b, payReport(), browsertest.Options{})
	tags := browsertest.Eval[[]string](plain, tagNames)
	shown := map[string]bool{}
	fields := 0
	// Each page has every payload, in other fields; the other turns, and words, are
	// for TestHostile, which needs no browser.
	for _, turn := range []int{0, 5, 10} {
		for _, words := range []bool{false, true} {
			if words && turn > 0 {
				continue
			}
			r, n := filled(turn, words)
			fields = max(fields, n)
			p := open(t, b, r, browsertest.Options{})
			browsertest.Eval[any](p, unfoldAll+";"+search+"; null")
			p.Wait("count.textContent")
			browsertest.Eval[any](p, `for (const e of document.querySelectorAll("#hits summary, .members button")) e.click()`+"; null")
			for _, tag := range browsertest.Eval[[]string](p, tagNames) {
				if !slices.Contains(tags, tag) {
					t.Errorf("turn %d: the page has a %s", turn, tag)
				}
			}
			if bad := browsertest.Eval[[]string](p, badAttributes); len(bad) > 0 {
				t.Errorf("turn %d: %q", turn, bad)
			}
			if browsertest.Eval[bool](p, `"owned" in window || document.title.includes("\u001b")`) {
				t.Errorf("turn %d: something ran", turn)
			}
			text := browsertest.Eval[string](p, "document.body.innerText + md.value")
			checkShown(t, text, shown)
			if bad := unprintable(regexp.MustCompile(`[\n\t\x{a0}]`).ReplaceAllString(text, "")); bad != "" {
				t.Errorf("turn %d: the page shows %s", turn, bad)
			}
			p.Quiet()
		}
	}
	if len(shown) < fields/3 {
		t.Errorf("of %d fields the page shows %d", fields, len(shown))
	}
	t.Logf("%d of %d fields are shown, each as text", len(shown), fields)
}

// checkShown looks for the numbers of fields in what a page shows: the core
// stands before each, whole. What was cut has no number.
func checkShown(t *testing.T, text string, shown map[string]bool) {
	t.Helper()
	for _, at := range regexp.MustCompile(`\(\d+\)`).FindAllStringIndex(text, -1) {
		number := text[at[0]:at[1]]
		before := text[max(at[0]-len(core), 0):at[0]]
		switch {
		case before == core:
			shown[number] = true
		case regexp.MustCompile(`]]>$`).MatchString(before):
			t.Errorf("before %s stands %q, want %q", number, before, core)
		}
	}
}

const tagNames = `[...new Set([...document.querySelectorAll("*")].map((e) => e.tagName))]`

// badAttributes are those that act or ask for something.
const badAttributes = `[...document.querySelectorAll("*")].flatMap((e) => [...e.attributes].filter((a) => /^(on|src|style|action|formaction|srcdoc|background|autofocus|ping)/i.test(a.name) || a.name === "href" && !a.value.startsWith("#")).map((a) => e.tagName + " " + a.name + "=" + a.value))`
