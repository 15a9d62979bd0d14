package redact

import (
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// spell is s as a list of the numbers of its characters.
func spell(typ, s string) report.Value {
	var els []report.Value
	for _, r := range s {
		els = append(els, num(strconv.Itoa(int(r))))
	}
	return sliceOf(typ, els...)
}

func TestSpelled(t *testing.T) {
	token := "q7Zp" + "Wm3xV9rT"
	for name, c := range map[string]struct {
		v    report.Value
		gone bool
	}{
		"a pair":               {spell("[]int32", "password: "+token), true},
		"a secret found there": {spell("[]int32", "it is "+token), true},
		"UTF-16":               {spell("[]uint16", token+"\x00\x00"), true},
		"text":                 {spell("[]int32", "what was typed"), false},
		"numbers":              {sliceOf("[]int32", num("1"), num("2"), num("-3"), num("4"), num("5"), num("6"), num("7"), num("8")), false},
		"others":               {spell("[]int", "years: 2024"), false},
	} {
		got := applied(t, reportWith(variable("apiToken", str(token)), variable("line", c.v)), Policy{Tier: 4}).Goroutines[0].Frames[0].Vars[1].Value
		if (got.State == report.StateRedacted) != c.gone {
			t.Errorf("%s: %+v", name, got)
		}
		if c.gone && strings.Contains(got.Text, "1") || c.gone && len(got.Children) > 0 {
			t.Errorf("%s: left %+v", name, got)
		}
	}
}
