package main

import (
	"strings"
	"testing"
)

const sample = "[[rules]]\nid = \"generic-api-key\"\nregex = '''x'''\nkeywords = [\"key\"]\n" +
	"[[rules]]\nid = \"a\"\ndescription = \"d\"\nregex = '''\\b(abc_[a-f0-9]{32})" + ending + "'''\nkeywords = [\"ABC_\"]\nfilter = '''\nentropy(finding[\"secret\"]) <= 3.5\n'''\n" +
	"[[rules.required]]\nid = \"other\"\n" +
	"[[rules]]\nid = \"b\"\nregex = '''(?i)(?:two|2)" + assignment + "([a-z0-9]{20})" + ending + "'''\nkeywords = [\n    \"two\",\n    \"tw o\",\n]\nsecretGroup = 1\n"

func TestTable(t *testing.T) {
	rules, err := read(strings.NewReader(sample))
	if err != nil || len(rules) != 3 {
		t.Fatalf("%d rules, %v", len(rules), err)
	}
	if r := rules[1]; r.id != "a" || r.entropy != "3.5" || r.keywords[0] != "abc_" || r.group != "" {
		t.Errorf("rule %+v", r)
	}
	if r := rules[2]; r.group != "1" || len(r.keywords) != 2 || r.keywords[1] != "tw·o" {
		t.Errorf("rule %+v", r)
	}
	var out strings.Builder
	if err := run(strings.NewReader(sample), &out, "c0ffee"); err == nil || !strings.Contains(err.Error(), "left.go") {
		t.Errorf("rules of left.go are missing: %v", err)
	}
	if err := run(strings.NewReader("[[rules]]\nid = \"x\"\nregex = '''('''\n"), &out, "c0ffee"); err == nil {
		t.Error("an expression that does not compile is taken")
	}
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		regex, keyword string
		want           measured
	}{
		{`\b(abc_[a-f0-9]{32})` + ending, "abc_", measured{0, 46, 36, "token"}},
		{`(?i)(?:two)` + assignment + `([a-z0-9]{20})` + ending, "two", measured{0, 65, 20, "named"}},
		{`\b([A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk)\b`, "_mmk", measured{36, 48, 40, "named"}},
		{`\b(pat[a-z0-9]{14})\b`, "elsewhere", measured{300, 317, 17, "near"}},
		{`xox[bp]-\d{20}`, "xoxp-", measured{0, 33, 25, "token"}},
	} {
		got, err := measure(rule{regex: c.regex, keywords: []string{c.keyword}})
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, want %+v (%v)", c.regex, got, c.want, err)
		}
	}
}
