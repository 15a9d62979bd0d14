package policyfile

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

const everything = `# what we show of the payment service
tier: 2
mode: values
personal: true
numbers: false
entropy: 4.25
limits:
  max_string: 200
  max_items: -1
  max_size: 20000000000
add:
  - pattern: 'ACME-\d{6}'
    name: customer
    replacement: '[CUSTOMER]'
  - {pattern: '(?i)^tenant', apply_to: names}
allow:
  names: [commit_hash, 'trace*']
  types: [example.com/svc.Secret]
  paths: ['goroutines[*].labels.*.value']
  patterns: ['AKIAIOSFODNN7EXAMPLE']
deny:
  names: [customer_no]
  types: ['billing.*']
  paths: ['process.args[*]']
  patterns: ['ACME-INTERNAL']
preset: debug
`

func TestParse(t *testing.T) {
	f, err := Parse("p.yaml", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	debug, _ := redact.Preset("debug")
	limits := debug.Limits
	limits.MaxString, limits.MaxItems, limits.MaxSize = 200, -1, 20_000_000_000
	want := redact.Policy{
		Tier: 2, Personal: true, Unnumbered: true, Entropy: 4.25, Limits: limits,
		Rules: []redact.Rule{{Name: "customer", Pattern: `ACME-\d{6}`, Replacement: "[CUSTOMER]"},
			{Pattern: "(?i)^tenant", ApplyTo: redact.ApplyNames}, {Pattern: "ACME-INTERNAL"}},
		Allow: []string{"commit_hash", "trace*"}, AllowTypes: []string{"example.com/svc.Secret"},
		AllowPaths: []string{"goroutines[*].labels.*.value"}, AllowPatterns: []string{"AKIAIOSFODNN7EXAMPLE"},
		Deny: []string{"customer_no"}, DenyTypes: []string{"billing.*"}, DenyPaths: []string{"process.args[*]"},
	}
	for range 2 { // a File can be used again
		if got := f.Apply(redact.Policy{Tier: 4}); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	if err := want.Validate(); err != nil {
		t.Error(err)
	}
	// What a file does not say stays.
	f, err = Parse("p.yaml", []byte("mode: shape\n"))
	if err != nil {
		t.Fatal(err)
	}
	base := redact.Policy{Tier: 3, Deny: []string{"a"}, Limits: report.Limits{MaxItems: 7}}
	if want = base; true {
		want.Shape = true
	}
	if got := f.Apply(base); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestErrors: each names the line, says what is wrong and what is wanted.
func TestErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                   {"p.yaml: the file is empty: want one of preset, tier,"},
		"# nothing\n":                        {"p.yaml: the file is empty"},
		"tier: 1\n---\ntier: 2\n":            {"more than one document"},
		"- tier\n":                           {"p.yaml:1: want a mapping of add, allow,"},
		"tier: 1\ndenny: {}\n":               {`p.yaml:2: unknown key "denny": want one of add, allow, deny,`},
		"tier: 1\ntier: 2\n":                 {"p.yaml:2: tier stands here twice, first in line 1"},
		"tier: 5\n":                          {"p.yaml:1: tier: tier 5: want 0 to 4"},
		"tier: '1'\n":                        {`p.yaml:1: tier: "1": want a whole number of 0 or more`},
		"tier:\n":                            {`p.yaml:1: tier: "": want a whole number`},
		"tier: 1.5\n":                        {`tier: "1.5": want a whole number`},
		"mode: shapes\n":                     {`p.yaml:1: mode: "shapes": want one of values, shape`},
		"preset: prod\n":                     {`p.yaml:1: preset: "prod": want one of minimal, production,`},
		"personal: yes\n":                    {`p.yaml:1: personal: "yes": want true`},
		"numbers: off\n":                     {`p.yaml:1: numbers: "off": want true`},
		"entropy: 9\n":                       {`p.yaml:1: entropy: "9": want 0 (off) to 8`},
		"entropy: .nan\n":                    {`entropy: ".nan": want 0`},
		"limits: {max_string: -2}\n":         {`limits.max_string: "-2": want a whole number of -1`},
		"limits: {max_strings: 2}\n":         {`limits: unknown key "max_strings"`},
		"limits: 3\n":                        {"limits: want a mapping of max_depth"},
		"deny: {names: secret}\n":            {"deny.names: want a list of strings"},
		"deny:\n  names:\n  - a\n  - 17\n":   {`p.yaml:4: deny.names[1]: want a string: put "17" in single quotes`},
		"deny:\n  names:\n  - a\n  - '--'\n": {`p.yaml:4: deny.names[1]: denied names: name "--" holds no letter`},
		"deny: {types: ['*']}\n":             {`deny.types[0]: denied types: "*" would be everything`},
		"deny: {paths: ['**']}\n":            {`deny.paths[0]: denied paths: "**" would be everything`},
		"deny: {patterns: ['(']}\n":          {"deny.patterns[0]: pattern: error parsing regexp", "want Go's syntax"},
		"allow: {patterns: ['(?=x)']}\n":     {"allow.patterns[0]: allowed patterns: pattern: error parsing regexp", "no look-around"},
		"add:\n- pattern: 'x*'\n":            {"p.yaml:2: add[0]: pattern \"x*\" matches the empty string: let it need"},
		"add:\n- replacement: 'x'\n":         {"p.yaml:2: add[0]: empty pattern: say what"},
		"add:\n- pattern: a\n  replacement: banana\n":  {"matches its own replacement: choose another"},
		"add:\n- pattern: a\n  apply_to: files\n":      {`apply to "files": want values, names or all`},
		"add:\n- pattern: a\n  applyto: names\n":       {`p.yaml:3: add[0]: unknown key "applyto"`},
		"add: {pattern: a}\n":                          {"add: want a list of rules"},
		"add: ['x']\n":                                 {"add[0]: want a mapping of apply_to, name, pattern"},
		"deny: &a {names: [x]}\nallow: *a\n":           {"p.yaml:1: deny: anchors and aliases are not read", "p.yaml:2: allow: anchors"},
		"deny: {names: [!!binary aGk=]}\n":             {"tags such as !!binary are not read"},
		"deny:\n\tnames: [x]\n":                        {"policy: p.yaml: yaml: line 2"},
		"deny: {<<: {names: [x]}}\n":                   {`unknown key "<<"`},
		"tier: 7\nmode: x\nlimits: {max_string: -9}\n": {"p.yaml:1: tier", "p.yaml:2: mode", "p.yaml:3: limits.max_string"},
	} {
		f, err := Parse("p.yaml", []byte(text))
		if err == nil || f != nil {
			t.Errorf("%q is let through", text)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q:\ngot  %v\nwant %s", text, err, part)
			}
		}
	}
	_, err := Parse("p.yaml", []byte("deny:\n  names: ['-'"+strings.Repeat(", '-'", 40)+"]\n"))
	if err == nil || strings.Count(err.Error(), "\n") != maxErrors || !strings.HasSuffix(err.Error(), "and 33 more") {
		t.Errorf("41 errors: %v", err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.yaml")
	if err := os.WriteFile(path, []byte("tier: 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Read(path)
	if err != nil || f.Apply(redact.Default()).Tier != 0 {
		t.Errorf("%+v, %v", f, err)
	}
	for _, bad := range []string{dir, filepath.Join(dir, "none"), "/dev/null"} {
		if f, err := Read(bad); err == nil || f != nil || !strings.HasPrefix(err.Error(), "policy: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := os.WriteFile(path, []byte("tier: 0\n"+strings.Repeat("#", maxBytes)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a large file: %v", err)
	}
}

// FuzzParse: whatever the file holds, there is an error or a policy that can be
// used.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("deny: {names: [[[[{{{{"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("p", data)
		if err != nil {
			if file != nil {
				t.Fatal("an error and a file")
			}
			return
		}
		if _, err := redact.New(file.Apply(redact.Default())); err != nil {
			t.Fatal(err)
		}
	})
}
