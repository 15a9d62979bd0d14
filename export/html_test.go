package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func htmlOf(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := writeHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHTMLTags: text of the process makes no markup, wherever it stands.
func TestHTMLTags(t *testing.T) {
	tag := regexp.MustCompile(`<[A-Za-z!/][^>]*>`)
	count := func(page string) map[string]int {
		n := map[string]int{}
		for _, m := range tag.FindAllString(page, -1) {
			word, _, _ := strings.Cut(strings.Trim(m, "</>"), " ")
			n[word]++
		}
		return n
	}
	// What stands in quotes may hold no quote, and what ends a script nothing.
	for _, e := range []string{evil(), `"><img src=x onerror=alert(1)>`, "</script><script>alert(1)</script>", "</textarea></pre>", "<!--", "{{.}}", "'\" onload=x"} {
		got, plain := count(htmlOf(t, reportOf(e))), count(htmlOf(t, reportOf("plain")))
		if fmt.Sprint(got) != fmt.Sprint(plain) {
			t.Errorf("%q makes tags: %v, plain text makes %v", e, got, plain)
		}
	}
}

// TestHTMLPolicy: nothing is loaded from elsewhere, and what acts is named.
func TestHTMLPolicy(t *testing.T) {
	page := htmlOf(t, payReport())
	want := fmt.Sprintf(`content="default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'"`, sourceHash(htmlStyle()), sourceHash(htmlScript))
	if !strings.Contains(page, want) || !strings.Contains(want, HTMLPolicy()) {
		t.Errorf("no policy %s", want)
	}
	if !strings.HasPrefix(htmlStyle(), HTMLStyle()) || !strings.Contains(HTMLStyle(), "prefers-color-scheme: dark") {
		t.Error("pages beside it get another style")
	}
	if !strings.Contains(page, "<style>"+htmlStyle()+"</style>") || !strings.Contains(page, "<script>"+htmlScript+"</script>") {
		t.Error("style or script are others than the policy names")
	}
	if m := regexp.MustCompile(`(?i)<[^>]*\s(src|style|on[a-z]+)\s*=|<link|<iframe|<form|href="[^#]`).FindString(regexp.MustCompile(`(?s)<(script|textarea|pre)[^>]*>.*?</(script|textarea|pre)>`).ReplaceAllString(page, "")); m != "" {
		t.Errorf("the page has %q", m)
	}
}

// TestHTMLHoldsAll: every variable of the crashed goroutine stands in the page,
// and every goroutine in its data.
func TestHTMLHoldsAll(t *testing.T) {
	r := payReport()
	page := htmlOf(t, r)
	g := &r.Goroutines[crashedGoroutine(r)]
	for i := range g.Frames {
		for j := range g.Frames[i].Vars {
			if n := g.Frames[i].Vars[j].Name; !strings.Contains(page, `<span class="n">`+n+"</span>") {
				t.Errorf("no variable %s", n)
			}
		}
	}
	_, data, _ := strings.Cut(page, `id="data">`)
	data, _, _ = strings.Cut(data, "</script>")
	var rows []struct {
		ID uint64
		V  [][][3]string
	}
	if err := json.Unmarshal([]byte(data), &rows); err != nil || len(rows) != len(r.Goroutines) {
		t.Fatalf("%d goroutines in the data, want %d: %v", len(rows), len(r.Goroutines), err)
	}
	for i := range rows {
		if rows[i].ID != r.Goroutines[i].ID {
			t.Errorf("goroutine %d, want %d", rows[i].ID, r.Goroutines[i].ID)
		}
	}
}

// TestHTMLIsBounded: values of any size leave a page that opens.
func TestHTMLIsBounded(t *testing.T) {
	r := payReport()
	v := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[][]int", Len: 2000}
	for range 2000 {
		v.Children = append(v.Children, report.Child{Value: report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[]int", Len: 50,
			Children: slicesOf(50, report.Child{Value: report.Value{State: report.StateOK, Kind: report.KindInt, Type: "int", Text: "1234567"}})}})
	}
	f := &r.Goroutines[crashedGoroutine(r)].Frames
	(*f)[1].Vars = append((*f)[1].Vars, report.Variable{Name: "huge", Value: v})
	page := htmlOf(t, r)
	if n := strings.Count(page, `<div class="v leaf">`); n > htmlNodes+1000 || n < htmlNodes/2 || !strings.Contains(page, "too much for a page") {
		t.Errorf("%d leaves, want at most %d and a word about the rest", n, htmlNodes)
	}
}

func slicesOf(n int, c report.Child) []report.Child {
	out := make([]report.Child, n)
	for i := range out {
		out[i] = c
	}
	return out
}
