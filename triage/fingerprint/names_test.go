package fingerprint

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestWrittenIn: names of one literal as Go 1.25 to 1.27 make them, inlined or not.
func TestWrittenIn(t *testing.T) {
	for want, names := range map[string][]string{
		"f":      {"main.f.func1", "main.main.f.func7", "main.f.func2.1", "main.f.func2.func1", "main.f-range1"},
		"(*T).m": {"main.(*T).m.func1", "main.main.gowrap2.(*T).m.1", "main.main.(*T).m.func9"},
		"Gen":    {"example.com/try/lib.Gen.func1", "main.main.Gen.func9"},
		"val":    {"main.T.val.func1", "main.main.T.val.func3"},
		"":       {"main.f", "main.(*T).func1", "main.init.0", "main.init.func1", "main.glob..func1", "", ".", "func1", "a/b.func1", "main.x-fm", "main.(*T).m"},
	} {
		for _, name := range names {
			if part := writtenIn(name, ""); part != want {
				t.Errorf("%q: %q, want %q", name, part, want)
			}
		}
	}
}

func TestNormal(t *testing.T) {
	for _, c := range []struct{ function, within, want string }{
		{"main.f", "", "main.f"},
		{"main.Map[...]", "", "main.Map"},
		{"main.(*Stack[go.shape.[]int,map[string]main.T]).Pop", "", "main.(*Stack).Pop"},
		{"main.main.f.func7", "example.com/x/v3/lib.f", "example.com/x/lib.f.func"},
		{"gopkg.in/yaml%2ev3.Unmarshal", "", "gopkg.in/yaml.Unmarshal"},
		{"example.com/app/vendor/example.com/x.F", "", "example.com/x.F"},
		{"v2.F", "", "v2.F"},
		{"abort", "", "abort"},
		{"main.[REDACTED#3]", "", "main."},
		{"a\x1b[31m\x00b.f\u202e", "", "a "},
		{strings.Repeat("é", 3000), "", strings.Repeat("é", maxName/2)},
	} {
		if got := normal(c.function, c.within); got != c.want {
			t.Errorf("%.60q, %q: %.80q, want %.80q", c.function, c.within, got, c.want)
		}
	}
}

// TestInApp: by build information, and without.
func TestInApp(t *testing.T) {
	known := modulesOf(&report.Report{Identity: report.Identity{Main: report.Module{Path: "example.com/svc"}, Deps: []report.Module{
		{Path: "example.com/svc/api"}, {Path: "example.com/fork", Replaced: "../fork"}, {Path: "example.com/dep"},
	}}})
	text := modulesOf(&report.Report{})
	for _, c := range []struct {
		m         *modules
		pkg, file string
		want      bool
	}{
		{known, "main", "/src/main.go", true},
		{known, "example.com/svc/store", "/src/store.go", true},
		{known, "example.com/svc_test", "/src/x_test.go", true},
		{known, "example.com/svcs", "/src/x.go", false},
		{known, "example.com/svc/api/v1", "/src/x.go", false}, // a module of its own
		{known, "example.com/fork/x", "/src/x.go", true},
		{known, "example.com/dep", "/src/x.go", false},
		{known, "net/http", "/usr/lib/go/src/net/http/server.go", false},
		{known, "", "/src/x.c", false},
		{text, "main", "/src/main.go", true},
		{text, "example.com/svc/store", "/src/store.go", true},
		{text, "example.com/dep", "/root/go/pkg/mod/example.com/dep@v1.0.0/x.go", false},
		{text, "example.com/dep", "example.com/dep@v1.0.0/x.go", false},
		{text, "net/http", "/usr/lib/go/src/net/http/server.go", false},
	} {
		if got := c.m.inApp(c.pkg, c.file); got != c.want {
			t.Errorf("%s in %s, modules known %v: %v", c.pkg, c.file, c.m.known, got)
		}
	}
}

// TestPackageOfFile: whose a literal is that was inlined into package main.
func TestPackageOfFile(t *testing.T) {
	for file, want := range map[string]string{
		"/home/me/svc/main.go":                           "main",
		"/root/go/pkg/mod/example.com/dep@v1.2.3/x/y.go": "example.com/dep/x",
		"example.com/dep@v1.2.3/y.go":                    "example.com/dep",
		"/home/me/svc/vendor/example.com/dep/y.go":       "example.com/dep",
		"/usr/lib/go/src/slices/iter.go":                 "slices",
		"/home/me/src/slices/iter.go":                    "main",
		"":                                               "main",
	} {
		x := &reader{goroot: "/usr/lib/go/src/"}
		if got := x.packageOfFile("main", file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
	if got := (&reader{}).packageOfFile("main", "slices/iter.go"); got != "slices" {
		t.Errorf("trimmed paths: %s", got)
	}
}

// TestTemplate: what differs between occurrences is not in a title.
func TestTemplate(t *testing.T) {
	for message, want := range map[string]string{
		"order 17 failed":                             "order # failed",
		"user \"eve\" at 0xc000012340\nmore":          "user \"…\" at #",
		"id 550e8400-e29b-41d4-a716-446655440000 bad": "id # bad",
		"hash deadbeefdeadbeefdeadbeef":               "hash #",
		"token [REDACTED#3] refused":                  "token [REDACTED] refused",
		"  \x1b[31mred":                               "[#mred",
		strings.Repeat("long ", 100):                  strings.TrimSpace(strings.Repeat("long ", 16)),
	} {
		if got := template(message); got != want {
			t.Errorf("%.60q: %q, want %q", message, got, want)
		}
	}
}

// TestSignals: whether one came from outside.
func TestSignals(t *testing.T) {
	for _, c := range []struct {
		s    report.Signal
		want string
	}{
		{report.Signal{Number: 3, Name: "SIGQUIT"}, "hang"},
		{report.Signal{Number: 3, Name: "SIGQUIT", Code: codeKernel}, "hang"},
		{report.Signal{Number: 6, Name: "SIGABRT"}, "hang"},
		{report.Signal{Number: 6, Name: "SIGABRT", Code: codeThread}, "signal:SIGABRT"},
		{report.Signal{Number: 11, Name: "SIGSEGV", Code: 1}, "signal:SIGSEGV"},
		{report.Signal{Number: 11, Name: "SIGSEGV"}, "signal:SIGSEGV"},
	} {
		if got := signalled(&c.s).kind(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.s, got, c.want)
		}
	}
}
