package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/triage/index"
)

// shop is a world with groups that differ in all that can be asked for.
func shop(t *testing.T, change func(*Options)) (*world, []crash) {
	w := newWorld(t, change)
	var all []crash
	for i := range 60 {
		all = append(all, crash{bug: "charge", host: fmt.Sprint("web", i%4), version: fmt.Sprintf("v1.%d.0", i%3), at: testNow.Add(-time.Duration(i*11) * time.Hour), n: i})
	}
	all = append(all, crash{bug: "refund", host: "web9", version: "v2.0.0", at: testNow.Add(-200 * time.Hour), n: 100})
	for i := range 55 {
		all = append(all, crash{bug: "rare" + strconv.Itoa(i), host: "web1", version: "v1.0.0", at: testNow.Add(-time.Duration(i) * time.Minute), n: 200 + i})
	}
	w.add(all...)
	return w, all
}

// TestAsked: each filter, order and page of the list.
func TestAsked(t *testing.T) {
	w, all := shop(t, nil)
	cookie := w.enter()
	if res := w.post(cookie, "/group/"+w.group(all[60])+"/status", "form="+w.s.sessions.formToken(cookie.Value)+"&status=fixed&fixed_in=v2.1.0&reason=the+lock"); res.Code != 303 {
		t.Fatal(res.Code)
	}
	for query, want := range map[string]struct{ rows, charge, refund int }{
		"":                           {50, 1, 0},
		"?from=50":                   {7, 0, 1},
		"?sort=count":                {50, 1, 0},
		"?sort=first&from=50":        {7, 1, 1},
		"?q=refund":                  {1, 0, 1},
		"?q=ref*":                    {1, 0, 1},
		"?q=nothing":                 {0, 0, 0},
		"?q=%22%27%3B--":             {0, 0, 0},
		"?version=v2.0.0":            {1, 0, 1},
		"?version=v1.2.0":            {1, 1, 0},
		"?version=v9":                {0, 0, 0},
		"?status=fixed":              {1, 0, 1},
		"?status=open&from=50":       {6, 0, 0},
		"?status=new&version=v1.2.0": {1, 1, 0},
		"?kind=panic%3Aindex+out+of+range&version=v1.2.0": {1, 1, 0},
		"?kind=odd": {0, 0, 0},
	} {
		code, body := w.get(cookie, "/"+query)
		rows, charge, refund := strings.Count(body, "<tr data-row>"), strings.Count(body, "index out of range in charge</a>"), strings.Count(body, "index out of range in refund</a>")
		if code != 200 || rows != want.rows || charge != want.charge || refund != want.refund {
			t.Errorf("%s: %d, %d rows, %d charge, %d refund, want %+v", query, code, rows, charge, refund, want)
		}
	}
	for _, query := range []string{"?from=-1", "?from=x", "?limit=0", "?sort=odd", "?status=gone", "?from=99999999999999999999"} {
		if code, body := w.get(cookie, "/"+query); code != 400 || !strings.Contains(body, "can&#39;t be asked") {
			t.Errorf("%s: %d", query, code)
		}
	}
}

// TestGroupPage: what a page says of a group, and older crashes of it.
func TestGroupPage(t *testing.T) {
	w, all := shop(t, nil)
	cookie := w.enter()
	path := "/group/" + w.group(all[0])
	code, body := w.get(cookie, path)
	for _, want := range []string{
		"index out of range in charge", "60 crashes", "v1.2.0", "web3", "premium_plus", "The same in every crash", "What differs", "Variants",
		"Crashes by day", `role="img"`, "most in one day", "Mark as fixed", "/crash/" + all[0].key()[:12] + `"`, "sdcore view g",
	} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("no %q on the page (%d)", want, code)
		}
	}
	bars := regexp.MustCompile(`<title>2026-[0-9-]+: (\d+)</title>`).FindAllStringSubmatch(body, -1)
	sum := 0
	for _, m := range bars {
		n, _ := strconv.Atoi(m[1])
		sum += n
	}
	if sum != 60 || len(bars) < 27 {
		t.Errorf("%d bars of %d crashes, want 60 crashes", len(bars), sum)
	}
	if n := strings.Count(body, "<tr data-row>"); n != crashesShown {
		t.Errorf("%d crashes are listed", n)
	}
	older := regexp.MustCompile(`href="(\?before=\d+)#crashes"`).FindStringSubmatch(body)
	if older == nil {
		t.Fatal("no way to older crashes")
	}
	if code, body := w.get(cookie, path+older[1]); code != 200 || strings.Count(body, "<tr data-row>") != crashesShown || !strings.Contains(body, "The newest") {
		t.Errorf("older crashes: %d", code)
	}
	// A young one is shown by the hour.
	if _, body := w.get(cookie, "/group/"+w.group(all[70])); !strings.Contains(body, "Crashes by hour") {
		t.Error("a group of an hour is not shown by hours")
	}
	// What becomes of it is told, with the reason.
	form := "form=" + w.s.sessions.formToken(cookie.Value)
	if res := w.post(cookie, path+"/status", form+"&status=fixed&fixed_in=v1.3.0&reason=a+%3Cb%3Elock"); res.Code != 303 || res.Header().Get("Location") != w.s.base+path {
		t.Fatalf("%d, to %q", res.Code, res.Header().Get("Location"))
	}
	w.add(crash{bug: "charge", host: "web1", version: "v1.4.0", at: testNow, n: 77})
	_, body = w.get(cookie, path)
	for _, want := range []string{"was fixed in", "regressed", "a &lt;b&gt;lock", "of version v1.4.0"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in what became of it:\n%s", want, text(body))
		}
	}
}

// TestLive: the pages of a store before, while and after there is something.
func TestLive(t *testing.T) {
	w := newWorld(t, nil)
	cookie := w.enter()
	code, body := w.get(cookie, "/")
	if code != 200 || !strings.Contains(body, "What to do next") || !strings.Contains(body, "sdcore batch") {
		t.Errorf("without an index: %d\n%s", code, text(body))
	}
	if code, body := w.get(cookie, "/group/gabcd"); code != 404 || !strings.Contains(body, "no index yet") {
		t.Errorf("a group without an index: %d\n%s", code, text(body))
	}
	w.add()
	if code, body := w.get(cookie, "/"); code != 200 || !strings.Contains(body, "What to do next") {
		t.Errorf("an empty index: %d\n%s", code, text(body))
	}
	w.add(crash{bug: "charge", host: "web1", at: testNow})
	if code, body := w.get(cookie, "/"); code != 200 || !strings.Contains(body, "in charge</a>") {
		t.Errorf("a crash that came: %d\n%s", code, text(body))
	}
	// Another index in its place.
	if err := os.RemoveAll(w.store); err != nil {
		t.Fatal(err)
	}
	if code, body := w.get(cookie, "/"); code != 200 || !strings.Contains(body, "What to do next") {
		t.Errorf("an index that went: %d\n%s", code, text(body))
	}
	w.add(crash{bug: "refund", host: "web1", at: testNow})
	if code, body := w.get(cookie, "/"); code != 200 || !strings.Contains(body, "in refund</a>") || strings.Contains(body, "in charge</a>") {
		t.Errorf("an index that was made anew: %d\n%s", code, text(body))
	}
}

// TestRedactionsPage: which rule, where, and what to do, but never the value.
func TestRedactionsPage(t *testing.T) {
	w := newWorld(t, nil)
	c := crash{bug: "charge", host: "web1", at: testNow}
	w.add(c)
	code, body := w.get(w.enter(), "/crash/"+c.key()+"/redactions")
	for _, want := range []string{
		`id="variable_name_denylist"`, "variable password in main.charge, frame 0 of goroutine 17", "goroutines[0].frames[0].vars.password", "matched denylist",
		"allow: {names: [password]}", `id="propagated_value"`, "variable note in main.charge", "docs/redaction.md",
	} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("no %q on the page (%d):\n%s", want, code, text(body))
		}
	}
	if strings.Contains(body, secretValue) {
		t.Error("the value is on the page")
	}
}

// TestHostileTextOnPages: text of a process makes no markup and no escape,
// whoever brings it, also an index that nobody cleaned.
func TestHostileTextOnPages(t *testing.T) {
	w := newWorld(t, nil)
	bad, good := crash{bug: evil, at: testNow, n: 1}, crash{bug: "x", at: testNow, n: 1}
	w.add(bad)
	w.write("evil <img src=x onerror=alert(9)>\x1b[31m.safedump.json.gz", reportOf(bad))
	plain := newWorld(t, nil)
	plain.add(good)
	plain.write("plain.safedump.json.gz", reportOf(good))
	cookie, other := w.enter(), plain.enter()
	check := func(what, path, plainPath string) {
		t.Helper()
		code, body := w.get(cookie, path)
		_, want := plain.get(other, plainPath)
		if code != 200 {
			t.Errorf("%s: %s: %d", what, path, code)
		}
		if got, want := tags(body, what), tags(want, what); got != want {
			t.Errorf("%s: %s: the page has other tags:\n%s\nwant\n%s", what, path, got, want)
		}
		for _, r := range body {
			if r != '\n' && r != thin && !strconv.IsPrint(r) {
				t.Errorf("%s: %s holds %U", what, path, r)
				break
			}
		}
		if !strings.Contains(body, "owned") && !strings.Contains(body, "alert(9)") {
			t.Errorf("%s: %s does not show it at all", what, path)
		}
	}
	for _, what := range []string{"as batch writes it", "as nobody should"} {
		for path, plainPath := range map[string]string{
			"/": "/", "/group/" + w.group(bad): "/group/" + plain.group(good), "/saved/": "/saved/",
		} {
			check(what, path, plainPath)
		}
		check("report", "/crash/"+bad.key(), "/crash/"+good.key())
		for _, col := range []string{"title", "type", "site", "program", "kind", "fixed_in", "status"} {
			w.exec("UPDATE groups SET "+col+" = ?", evil)
			plain.exec("UPDATE groups SET " + col + " = 'x'")
		}
		for _, col := range []string{"host", "program", "version", "type", "message", "site", "narrow", "missing"} {
			w.exec("UPDATE occurrences SET "+col+" = ?", evil)
			plain.exec("UPDATE occurrences SET " + col + " = 'x'")
		}
		w.exec("UPDATE counts SET value = ?||what", evil)
		w.exec("UPDATE variables SET path = ?, value = ?", evil, evil)
	}
	// What is sent as text is no page.
	for path, kind := range map[string]string{"/report.md": "text/plain; charset=utf-8", "/report.json": "application/json"} {
		r := asBrowser(http.MethodGet, w.s.base+"/crash/"+bad.key()+path)
		r.AddCookie(cookie)
		if res := w.do(r); res.Code != 200 || res.Header().Get("Content-Type") != kind {
			t.Errorf("%s: %d, %s", path, res.Code, res.Header().Get("Content-Type"))
		}
	}
	// The names of downloads are ours.
	r := asBrowser(http.MethodGet, w.s.base+"/saved/evil%20%3Cimg%20src=x%20onerror=alert(9)%3E%1B[31m.safedump.json.gz/report.json")
	r.AddCookie(cookie)
	if res := w.do(r); res.Code != 200 || res.Header().Get("Content-Disposition") != `attachment; filename="report.safedump.json"` {
		t.Errorf("the download is called %q", res.Header().Get("Content-Disposition"))
	}
}

var tag = regexp.MustCompile(`<[A-Za-z!/][^<>]*>?`)

// tags counts the tags of a page by their names. How a report folds long text is
// export's: of its page those count that can act.
func tags(page, what string) string {
	n := map[string]int{}
	for _, m := range tag.FindAllString(page, -1) {
		word, _, _ := strings.Cut(strings.Trim(m, "<>"), " ")
		if what != "report" || strings.Contains("script style img svg title a form input meta iframe object", strings.TrimPrefix(word, "/")) {
			n[word]++
		}
	}
	return fmt.Sprint(n)
}

// TestAPI: what scripts read.
func TestAPI(t *testing.T) {
	w, all := shop(t, func(o *Options) { o.Token = "t" })
	ask := func(method, path, form string, to any) int {
		t.Helper()
		r := asBrowser(method, path)
		r.Header = http.Header{"Authorization": {"Bearer t"}}
		if form != "" {
			r.Body, r.ContentLength = http.NoBody, int64(len(form))
			r = asBrowser(method, path)
			r.Header = http.Header{"Authorization": {"Bearer t"}, "Content-Type": {"application/x-www-form-urlencoded"}}
			body(r, form)
		}
		res := w.do(r)
		protected(t, path, res.Header())
		if err := json.Unmarshal(res.Body.Bytes(), to); err != nil || res.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d, %s: %v: %s", path, res.Code, res.Header().Get("Content-Type"), err, res.Body)
		}
		return res.Code
	}
	var list struct {
		List []index.Group
		Next string
	}
	seen := map[string]bool{}
	for path := "/api/groups?limit=25"; ; path = "/api/groups" + list.Next {
		list.Next, list.List = "", nil
		if code := ask("GET", path, "", &list); code != 200 {
			t.Fatal(code)
		}
		for _, g := range list.List {
			seen[g.Name] = true
		}
		if list.Next == "" {
			break
		}
	}
	if len(seen) != 57 {
		t.Errorf("%d groups in all pages, want 57", len(seen))
	}
	var crashes struct {
		List []index.Listed
		Next string
	}
	n, group := 0, w.group(all[0])
	for path := "/api/crashes?limit=7&group=" + group; ; path = "/api/crashes" + crashes.Next {
		crashes.Next, crashes.List = "", nil
		if code := ask("GET", path, "", &crashes); code != 200 {
			t.Fatal(code)
		}
		n += len(crashes.List)
		if crashes.Next == "" {
			break
		}
	}
	if n != 60 {
		t.Errorf("%d crashes in all pages, want 60", n)
	}
	var g groupAnswer
	if code := ask("GET", "/api/groups/"+group, "", &g); code != 200 || g.Count != 60 || len(g.Hosts) != 4 || len(g.Versions) != 3 || len(g.Crashes) != 50 || len(g.Variants) != 3 {
		t.Errorf("%d, %+v", code, g)
	}
	var st index.Stats
	if code := ask("GET", "/api/stats", "", &st); code != 200 || st.Crashes != 116 || st.Groups != 57 {
		t.Errorf("%d, %+v", code, st)
	}
	var marked index.Group
	if code := ask("POST", "/api/groups/"+group+"/status", "status=fixed&fixed_in=v3.0.0&reason=done", &marked); code != 200 || marked.Status != index.Fixed || w.status(all[0]) != index.Fixed {
		t.Errorf("%d, %+v", code, marked)
	}
	var what map[string]any
	if code := ask("GET", "/api/crashes/"+all[0].key()+"/report.json", "", &what); code != 200 || what["safedump_version"] == nil {
		t.Errorf("%d, %v", code, what)
	}
	what = nil
	if code := ask("GET", "/api/crashes/"+all[0].key()+"/redactions", "", &what); code != 200 || what["redaction_counts"] == nil {
		t.Errorf("%d, %v", code, what)
	}
	for path, want := range map[string]int{"/api/groups/gffff": 404, "/api/crashes/ffffffff/report.json": 404, "/api/none": 404, "/api/crashes?before=x": 400, "/api/crashes?kind=x": 400, "/api/crashes?group=gffff": 404} {
		what = nil
		if code := ask("GET", path, "", &what); code != want || what["error"] == "" || what["error"] == nil {
			t.Errorf("%s: %d, %v", path, code, what)
		}
	}
}

// TestAtOnce: many ask at the same time, few reports are held, and who waits too
// long is told.
func TestAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	c := crash{bug: "charge", host: "web1", at: testNow}
	w.add(c)
	cookie := w.enter()
	var wait sync.WaitGroup
	for i := range 12 {
		wait.Go(func() {
			if code, _ := w.get(cookie, []string{"/", "/crash/" + c.key(), "/group/" + w.group(c)}[i%3]); code != 200 {
				t.Errorf("%d", code)
			}
		})
	}
	wait.Wait()
	for range atOnce {
		w.s.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // who has waited long enough
	err := w.s.read(ctx, &subject{dir: w.dir}, func(redact.Result) error { return nil })
	if got := w.s.troubleOf(err); got.status != 503 || got.what != "Others are reading reports." {
		t.Errorf("%v", err)
	}
}

// TestBug: what panics is a line, without what it says.
func TestBug(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Open = func(context.Context) (*index.Index, error) { panic(secretValue) }
	})
	code, body := w.get(w.enter(), "/")
	if code != 500 || !strings.Contains(body, "bug of sdcore") || strings.Contains(body, secretValue) {
		t.Errorf("%d\n%s", code, text(body))
	}
}

// TestOptions: what can't be served is said at once.
func TestOptions(t *testing.T) {
	open := func(context.Context) (*index.Index, error) { return nil, errors.New("none") }
	w := newWorld(t, nil)
	for what, o := range map[string]Options{
		"nothing":       {},
		"no way to ask": {Addr: testAddr, Redact: w.s.o.Redact},
		"no port":       {Addr: "127.0.0.1", Open: open, Redact: w.s.o.Redact},
		"a URL":         {Addr: testAddr, Open: open, Redact: w.s.o.Redact, AllowHosts: []string{"https://crash.example"}},
		"any host":      {Addr: testAddr, Open: open, Redact: w.s.o.Redact, AllowHosts: []string{"*"}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s is served", what)
		}
	}
}
