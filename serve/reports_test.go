package serve

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
)

// TestOnlyItsReports: what is not a report of the directory is not opened, by
// whatever name, and the reason is told.
func TestOnlyItsReports(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxReport = 1 << 20 })
	good := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow, n: 1}
	w.add(good)
	cookie := w.enter()
	outside := filepath.Join(t.TempDir(), "outside.safedump.json")
	for _, err := range []error{
		os.WriteFile(outside, []byte(`{"safedump_version":"1","outside":true}`), 0o600),
		os.Symlink(outside, filepath.Join(w.dir, "link.safedump.json")),
		os.Symlink("store/reports", filepath.Join(w.dir, "inside.safedump.json")),
		os.Link(outside, filepath.Join(w.dir, ".hidden.safedump.json")),
		syscall.Mkfifo(filepath.Join(w.dir, "pipe.safedump.json"), 0o600),
		os.Mkdir(filepath.Join(w.dir, "dir.safedump.json"), 0o700),
		os.WriteFile(filepath.Join(w.dir, "large.safedump.json"), make([]byte, 2<<20), 0o600),
		os.WriteFile(filepath.Join(w.dir, "bomb.safedump.json.gz"), zeros(t, 8<<20), 0o600),
		os.WriteFile(filepath.Join(w.dir, "damaged.safedump.json"), []byte(`{"safedump_version":`), 0o600),
		os.WriteFile(filepath.Join(w.dir, "other.safedump.json"), []byte(`{"a": 1}`), 0o600),
		os.WriteFile(filepath.Join(w.dir, "newer.safedump.json"), []byte(`{"safedump_version":"9","schema_version":99}`), 0o600),
		os.WriteFile(filepath.Join(w.dir, "empty.safedump.json"), nil, 0o600),
		os.WriteFile(filepath.Join(w.dir, "secret.txt"), []byte("outside"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() != 0 {
		t.Log("not root: no device is made")
	} else if err := syscall.Mknod(filepath.Join(w.dir, "device.safedump.json"), syscall.S_IFCHR|0o600, 1<<8|5); err != nil {
		t.Logf("no device: %v", err)
	}
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/saved/link.safedump.json":                           {422, "only ordinary files are opened"},
		"/saved/inside.safedump.json":                         {422, "only ordinary files are opened"},
		"/saved/pipe.safedump.json":                           {422, "only ordinary files are opened"},
		"/saved/device.safedump.json":                         {422, "only ordinary files are opened"},
		"/saved/dir.safedump.json":                            {422, "only ordinary files are opened"},
		"/saved/large.safedump.json":                          {413, "larger than 1 MiB"},
		"/saved/bomb.safedump.json.gz":                        {413, "larger than 1 MiB"},
		"/saved/damaged.safedump.json":                        {422, "damaged, or no crash report"},
		"/saved/other.safedump.json":                          {422, "damaged, or no crash report"},
		"/saved/newer.safedump.json":                          {422, "newer version"},
		"/saved/empty.safedump.json":                          {422, "damaged, or no crash report"},
		"/saved/gone.safedump.json":                           {404, "not there"},
		"/saved/.hidden.safedump.json":                        {404, "no such report"},
		"/saved/secret.txt":                                   {404, "no such report"},
		"/saved/..%2foutside.safedump.json":                   {404, "no such report"},
		"/saved/%2e%2e%2foutside.safedump.json":               {404, "no such report"},
		"/saved/..%5coutside.safedump.json":                   {404, "no such report"},
		"/saved/%252e%252e%252foutside.safedump.json":         {404, "not there"},
		"/saved/" + "%c0%ae%c0%ae%c0%afoutside.safedump.json": {404, "not there"},
		"/saved/a%00b.safedump.json":                          {404, "no such report"},
		"/saved/%2fetc%2fpasswd":                              {404, "no such report"},
		"/saved/store%2freports%2fa.safedump.json":            {404, "no such report"},
		"/crash/..%2f..%2foutside":                            {404, "no such crash"},
		"/crash/ffff0000ffff":                                 {404, "no such group or crash"},
		"/crash/%":                                            {404, ""},
		"/group/..":                                           {307, ""},
		"/group/g%25":                                         {404, "no such"},
	} {
		for _, more := range []string{"", "/redactions", "/report.json", "/report.md"} {
			code, body := w.get(cookie, path+more)
			if strings.HasPrefix(path, "/saved/device") && code == 404 {
				continue
			}
			if path == "/group/.." && more != "" {
				continue // the way is cleaned, whatever it leads to
			}
			if code != want.status || !strings.Contains(body, want.says) {
				t.Errorf("%s: %d, want %d and %q:\n%s", path+more, code, want.status, want.says, text(body))
			}
			if strings.Contains(body, "outside\":") || strings.Contains(body, w.dir) || strings.Contains(body, outside) {
				t.Errorf("%s: it tells of what is outside:\n%s", path+more, text(body))
			}
		}
	}
	if code, body := w.get(cookie, "/saved/"); code != 200 || strings.Contains(body, "link.safedump") || strings.Contains(body, "pipe.") || strings.Contains(body, ".hidden") || !strings.Contains(body, "damaged.safedump.json") {
		t.Errorf("the list of saved reports: %d\n%s", code, text(body))
	}
}

// text is a page without its style and script.
func text(page string) string {
	_, body, _ := strings.Cut(page, "<body>")
	body, _, _ = strings.Cut(body, "<script>")
	return body
}

func zeros(t *testing.T, n int) []byte {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// TestIndexIsAClaim: what the index says of files is not believed.
func TestIndexIsAClaim(t *testing.T) {
	w := newWorld(t, nil)
	c := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow, n: 1}
	w.add(c)
	cookie := w.enter()
	if err := os.WriteFile(filepath.Join(w.dir, "x.safedump.json.gz"), zeros(t, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{
		"../x.safedump.json.gz": 404, "/etc/passwd": 404, "reports/../../x.safedump.json.gz": 404, "reports/aa/../../../x.safedump.json.gz": 404,
		"reports/zz/x.safedump.json.gz": 404, "reports/aa/aa.safedump.json.gz\x00": 404, "": 410, "reports/aa/aa.safedump.json.gz": 404,
	} {
		w.exec("UPDATE occurrences SET report = ?", name)
		if code, body := w.get(cookie, "/crash/"+c.key()); code != want || strings.Contains(body, w.dir) {
			t.Errorf("%q: %d, want %d:\n%s", name, code, want, text(body))
		}
	}
	// A report that another host keeps is not looked for here.
	w.exec("UPDATE occurrences SET report = ?, home = 7", "reports/"+c.key()[:2]+"/"+c.key()+".safedump.json.gz")
	w.exec("INSERT INTO homes (id, host, dir) VALUES (7, 'web7', '/srv/<b>store')")
	if code, body := w.get(cookie, "/crash/"+c.key()); code != 404 || !strings.Contains(body, "on host web7, in /srv/&lt;b&gt;store") {
		t.Errorf("another host's: %d\n%s", code, text(body))
	}
	// A row that can't be read, an index that can't, and one of the future are lines.
	w.exec("UPDATE groups SET count = 'many'")
	for path, want := range map[string]int{"/": 503, "/api/groups": 503, "/crash/" + c.key(): 404} {
		if code, body := w.get(cookie, path); code != want || !strings.Contains(body, "can&#39;t be read") && !strings.Contains(body, "can't be read") && !strings.Contains(body, "nother host") {
			t.Errorf("%s of a broken row: %d\n%s", path, code, text(body))
		}
	}
	w.exec("PRAGMA user_version = 99")
	if code, body := w.get(cookie, "/"); code != 503 || !strings.Contains(body, "Update sdcore") {
		t.Errorf("a newer index: %d\n%s", code, text(body))
	}
	if err := os.WriteFile(filepath.Join(w.store, "index.db"), []byte("no database at all, and long enough to be one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, body := w.get(cookie, "/"); code != 503 || !strings.Contains(body, "The index can&#39;t be read") {
		t.Errorf("a broken index: %d\n%s", code, text(body))
	}
}

// TestNotProven: what can't be redacted, or still holds a secret, is not shown.
func TestNotProven(t *testing.T) {
	w := newWorld(t, nil)
	c := crash{bug: "charge", host: "web1", version: "v1.0.0", at: testNow, n: 1}
	w.add(c)
	cookie := w.enter()
	w.refused = errors.New("at " + secretValue)
	for _, more := range []string{"", "/redactions", "/report.json", "/report.md"} {
		code, body := w.get(cookie, "/crash/"+c.key()+more)
		if code != 422 || !strings.Contains(body, "could not be redacted") || strings.Contains(body, secretValue) || strings.Contains(body, "main.charge") {
			t.Errorf("%s: %d\n%s", more, code, text(body))
		}
	}
	w.refused = nil
	// An export that the last scan stops: nothing of what was written is sent.
	w.s.handler = w.s.guard(w.s.answer(w.s.ofIndex(func(q *request, sub *subject) error {
		_, err := w.s.exported(q, sub, func(out io.Writer, _ redact.Result) error {
			_, err := io.WriteString(out, secretValue)
			return errors.Join(err, fmt.Errorf("export html: %w", export.ErrSecret))
		})
		return err
	})))
	r := asBrowser(http.MethodGet, "/")
	r.SetPathValue("name", c.key())
	if res := w.do(r); res.Code != 422 || !strings.Contains(res.Body.String(), "the last scan found a secret") || strings.Contains(res.Body.String(), secretValue) {
		t.Errorf("%d\n%s", res.Code, text(res.Body.String()))
	}
	for _, err := range []error{w.s.stopped(export.ErrSecret), w.s.stopped(errors.New(secretValue))} {
		if s := err.Error(); strings.Contains(s, secretValue) || !strings.Contains(s, "report it as a bug") {
			t.Errorf("an export that was stopped says %q", s)
		}
	}
}

// TestPageIsScanned: a page that is made here of what was scanned is scanned
// again: here by chance the paths of all pages hold the secret.
func TestPageIsScanned(t *testing.T) {
	w := newWorld(t, nil)
	raw := `{"safedump_version":"1.0","schema_version":1,"exception":{"type":"E","message":"m"},"frames":[{"function":"main.f","file":"f.go","line":1,"locals":{"password":"` + secretValue + `"}}]}`
	if err := os.WriteFile(filepath.Join(w.dir, "raw.safedump.json"), []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	for base, want := range map[string]int{w.s.base: 200, "/" + secretValue: 422} {
		w.s.base = base
		w.s.handler = w.s.guard(w.s.entrance())
		if code, body := w.get(w.enter(), "/saved/raw.safedump.json/redactions"); code != want || want == 422 && !strings.Contains(body, "the last scan found a secret") {
			t.Errorf("%s: %d\n%s", base, code, text(body))
		}
	}
}

// TestUnredactedFile: a file that nobody redacted is redacted on its way.
func TestUnredactedFile(t *testing.T) {
	w := newWorld(t, nil)
	raw := `{"safedump_version":"1.0","schema_version":1,"exception":{"type":"E","message":"password=` + secretValue + `"},"frames":[{"function":"main.f","file":"f.go","line":1,"locals":{"password":"` + secretValue + `"}}]}`
	if err := os.WriteFile(filepath.Join(w.dir, "raw.safedump.json"), []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	cookie := w.enter()
	for _, more := range []string{"", "/redactions", "/report.json", "/report.md"} {
		code, body := w.get(cookie, "/saved/raw.safedump.json"+more)
		if code != 200 || strings.Contains(body, secretValue) || more == "/redactions" && !strings.Contains(body, "variable_name_denylist") {
			t.Errorf("%s: %d\n%s", more, code, text(body))
		}
	}
}
