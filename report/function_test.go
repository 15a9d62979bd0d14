package report

import (
	"strings"
	"testing"
)

// TestLiteralIn: names as Go 1.25 to 1.27 make them.
func TestLiteralIn(t *testing.T) {
	for name, want := range map[string]string{
		"main.f":                               "",
		"main.init.0":                          "", // the first func init
		"main.(*T).func1":                      "", // a method of that name
		"main.T.val-fm":                        "",
		"main.Gen[...]":                        "",
		"main.f.func1":                         "main.f",
		"main.init.0.func2":                    "main.init.0",
		"main.init.func1":                      "", // of a package variable
		"main.glob..func1":                     "",
		"main.main.func5.1":                    "main.main",
		"main.main.func5.func1":                "main.main",
		"main.main.gowrap2":                    "main.main",
		"main.main.deferwrap1":                 "main.main",
		"main.main-range1":                     "main.main",
		"main.main.func1-range2":               "main.main",
		"main.(*T).run.1":                      "main.(*T).run",
		"main.main.gowrap2.(*T).run2.1":        "main.main.gowrap2.(*T).run2",
		"example.com/x.v2/lib.Gen[...].func1":  "example.com/x.v2/lib.Gen[...]",
		"main.main.(*B).Walk.func8":            "main.main.(*B).Walk",
		"example%2ecom/a.b.func3":              "example%2ecom/a.b",
		"":                                     "",
		".func1":                               "",
		"main..func1":                          "",
		"main.f.func1.func2.gowrap3-range4.55": "main.f",
	} {
		if got := LiteralIn(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzLiteralIn(f *testing.F) {
	f.Add("main.main.gowrap2.(*T).run2.1")
	f.Add("a/b.c[...].func1-range2")
	f.Fuzz(func(t *testing.T, name string) {
		base := LiteralIn(name)
		if base == name && base != "" || !strings.HasPrefix(name, base) || LiteralIn(base) != "" {
			t.Errorf("%q: %q", name, base)
		}
	})
}
