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
	for _, e := range []string{evil(), `"><img src=x onerror=alert(1)>`, "</script><script>alert(1)</script>", "</textarea></pre>", "<!--", "{{print 1}}", "'\" onload=x"} {
		harmless := strings.NewReplacer("<", "x", ">", "x", "&", "x", `"`, "x", "'", "x").Replace(e)
		got, plain := count(htmlOf(t, reportOf(e))), count(htmlOf(t, reportOf(harmless)))
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
	var got struct {
		S []string
		G [][]int
		F []int
		R [][]uint64
	}
	if err := json.Unmarshal([]byte(data), &got); err != nil || len(got.R) != len(r.Goroutines) || len(got.G) != len(r.Groups) {
		t.Fatalf("%d goroutines and %d groups in the data, want %d and %d: %v", len(got.R), len(got.G), len(r.Goroutines), len(r.Groups), err)
	}
	for i, row := range got.R {
		g := &r.Goroutines[i]
		if row[0] != g.ID || row[1] != uint64(g.Group) || got.S[row[3]] != labelsText(g.Labels) {
			t.Errorf("goroutine %d of group %d with %q, want %d of %d with %v", row[0], row[1], got.S[row[3]], g.ID, g.Group, g.Labels)
		}
		if first, n := int(row[4]), int(row[5]); n > 0 { // a stack of its own
			for at := range g.Frames {
				if fn := got.S[got.F[first+2*at]]; n != len(g.Frames) || fn != g.Frames[at].Function {
					t.Errorf("goroutine %d, frame %d is %s, want %s", g.ID, at, fn, g.Frames[at].Function)
				}
			}
		} else if len(g.Frames) > 0 && !sameStack(g.Frames, groupOf(r, g.Group).Frames) {
			t.Errorf("goroutine %d has its group's stack", g.ID)
		}
		vars := row[6:]
		for at := range g.Frames {
			for _, v := range g.Frames[at].Vars {
				text, _ := oneLine(&v.Value, htmlValue, false)
				if len(vars) < 4 || vars[0] != uint64(at) || got.S[vars[1]] != v.Name || got.S[vars[2]] != v.Value.Type || got.S[vars[3]] != text {
					t.Fatalf("goroutine %d, frame %d: %v is not %s %s", g.ID, at, vars, v.Name, text)
				}
				vars = vars[4:]
			}
		}
	}
	for _, g := range got.G {
		want := groupOf(r, g[0])
		if want == nil || g[1] != want.Count || g[7] != len(want.Frames) {
			t.Fatalf("group %v is not %v", g, want)
		}
		for i, f := range want.Frames {
			if fn := got.S[got.F[g[6]+2*i]]; fn != f.Function {
				t.Errorf("frame %d of group %d is %s, want %s", i, g[0], fn, f.Function)
			}
		}
	}
}

func groupOf(r *report.Report, id int) *report.Group {
	for i := range r.Groups {
		if r.Groups[i].ID == id {
			return &r.Groups[i]
		}
	}
	return nil
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
