package report

import (
	"strconv"
	"testing"
)

// FuzzContents compares the contents of a quoted text with what strconv reads.
func FuzzContents(f *testing.F) {
	for _, s := range []string{"", "plain", `a\x00b`, `\u00e9\"q`, "é\xff", `\`, `"`, "\n", `\'`, `\377\n`, `\xff é`, `a"b\n`, `\u12`, "\\\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := Value{Text: s, Quoted: true}
		want, err := strconv.Unquote(`"` + s + `"`)
		if got, ok := v.Contents(); got != want || ok != (err == nil) {
			t.Errorf("%q: %q, %v, want %q, %v", s, got, ok, want, err)
		}
	})
}
