package redact

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// holdoutCase is one case of testdata/holdout. Nothing in these tests prints
// one: totals by class are all that anybody who writes rules is to see.
type holdoutCase struct {
	class  holdoutClass
	text   string // what a scanner of text is shown
	secret string // what must go; empty for an innocent case
	// field and owner are set for names: the case is a field of a struct then.
	field, owner, typ string
}

// holdoutClass is one row of the table, cases of which are counted together.
type holdoutClass struct {
	set, name string
	innocent  bool
	target    float64 // declared by the project, 0 for none
}

// The targets of the classes: recall of secrets, innocents left alone.
const (
	targetPasswords = 0.95
	targetTokens    = 0.90
	targetInnocent  = 0.95
)

// holdoutSets are the files, in the order of the table.
var holdoutSets = []struct {
	name string
	load func(t *testing.T) []holdoutCase
}{
	{"lines", loadLines},
	{"vectors", loadVectors},
	{"names", loadNames},
}

func holdoutFile(name string) string { return filepath.Join("testdata", "holdout", name) }

// eachJSON calls f for each line of a compressed file.
func eachJSON[T any](t *testing.T, name string, f func(T)) {
	t.Helper()
	file, err := os.Open(holdoutFile(name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for dec := json.NewDecoder(z); ; {
		var c T
		if err := dec.Decode(&c); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f(c)
	}
}

// loadLines reads lines of projects, labelled by people. Their classes: is the
// label's category one of passwords, and if so, does the secret stand as the value of
// a pair or in a URL or DSN? A line that is labelled both ways is no innocent.
func loadLines(t *testing.T) (cases []holdoutCase) {
	type line struct{ Truth, Category, Text, Secret string }
	guilty := map[string]bool{}
	eachJSON(t, "lines.jsonl.gz", func(l line) { guilty[l.Text] = guilty[l.Text] || l.Truth == "T" })
	eachJSON(t, "lines.jsonl.gz", func(l line) {
		switch {
		case l.Truth == "T":
			cases = append(cases, holdoutCase{text: l.Text, secret: l.Secret, class: lineClass(l.Category, l.Text, l.Secret)})
		case !guilty[l.Text]:
			cases = append(cases, holdoutCase{text: l.Text, class: innocentClass("lines", "no credential", l.Text)})
		}
	})
	return cases
}

// innocentClass tells innocents apart in which something stands as the value of a
// telling name, or as a password in a URL: what the rules promise to remove is
// then told from what is none by the value alone.
func innocentClass(set, name, text string) holdoutClass {
	if tellingName.MatchString(text) {
		name += ", beside a telling name"
	}
	return holdoutClass{set, name, true, targetInnocent}
}

// tellingName is a word of Safedump's list, or its short form, that begins or ends
// a name with a value, or user information in a URL.
var tellingName = regexp.MustCompile("(?i)(?:token|secret|passw(?:or)?d|passphrase|pass|pwd|credential|authorization|bearer|certificate|" +
	"(?:api|private|secret|access|session|master|aws|stripe|ssh|encryption|signing)[_-]?key|auth)[\\w.-]*\\\\*[\"'`\\]]?(?:[ \t]*(?:=>|:=|==?|:)|[ \t]*[(>])[ \t]*\\S|" +
	"://[^/\\s:@]*:[^@\\s]+@")

var (
	passwordCategory = regexp.MustCompile(`Password|URL Credentials`)
	uuidCategory     = regexp.MustCompile(`UUID|Nonce|Salt|Bucket`)
	// pairBefore is what stands before the value of a pair, and before a
	// password in a URL or a DSN such as user:password@tcp(host).
	pairBefore = regexp.MustCompile("(?:=|:|=>|:=|\\?)[ \t]*\\\\?[\"'`]?$|//[^/ ]*:$|[\\w.-]+:$")
)

func lineClass(category, text, secret string) holdoutClass {
	switch {
	case uuidCategory.MatchString(category):
		return holdoutClass{"lines", "UUIDs, nonces, salts, buckets", false, 0}
	case !passwordCategory.MatchString(category):
		return holdoutClass{"lines", "tokens and keys", false, targetTokens}
	}
	for from := 0; ; {
		i := strings.Index(text[from:], secret)
		if i < 0 {
			return holdoutClass{"lines", "passwords in other places", false, 0}
		}
		if pairBefore.MatchString(text[:from+i]) {
			return holdoutClass{"lines", "passwords in key=value and DSN", false, targetPasswords}
		}
		from += i + 1
	}
}

// loadVectors reads the texts of betterleaks' own generator. The class of a
// secret is mechanical: does every secret of its rule begin alike (three bytes
// or more, of two secrets or more), so that it has a form of its own?
func loadVectors(t *testing.T) (cases []holdoutCase) {
	type vector struct {
		Rule     string
		Positive bool
		Text     string
		Secrets  []string
	}
	head := map[string]string{} // by rule, of its secrets
	seen := map[string]map[string]bool{}
	eachJSON(t, "vectors.jsonl.gz", func(v vector) {
		for _, s := range v.Secrets {
			if seen[v.Rule] == nil {
				seen[v.Rule], head[v.Rule] = map[string]bool{}, s
			}
			seen[v.Rule][s] = true
			head[v.Rule] = commonHead(head[v.Rule], s)
		}
	})
	eachJSON(t, "vectors.jsonl.gz", func(v vector) {
		c := holdoutCase{text: v.Text}
		switch {
		case !v.Positive:
			c.class = innocentClass("vectors", "nothing that betterleaks finds", v.Text)
		case strings.HasSuffix(v.Rule, "-instance-url.1") || strings.HasSuffix(v.Rule, "-project-url") || strings.HasSuffix(v.Rule, "-jfrog-url"):
			c.class = holdoutClass{"vectors", "addresses of accounts", false, 0}
		case v.Rule == "generic-api-key":
			c.class = holdoutClass{"vectors", "generic keys", false, targetTokens}
		case len(head[v.Rule]) >= 3 && len(seen[v.Rule]) >= 2:
			c.class = holdoutClass{"vectors", "tokens with a form of their own", false, targetTokens}
		default:
			c.class = holdoutClass{"vectors", "tokens that only the text before them tells", false, targetTokens}
		}
		if v.Positive {
			c.secret = v.Secrets[0]
		}
		cases = append(cases, c)
	})
	return cases
}

func commonHead(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return a[:i]
}

// loadNames reads labelled names of fields.
func loadNames(t *testing.T) (cases []holdoutCase) {
	b, err := os.ReadFile(holdoutFile("names.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	token := innocentToken(t)
	for s := bufio.NewScanner(strings.NewReader(string(b))); s.Scan(); {
		f := strings.Split(s.Text(), "\t")
		if len(f) != 5 || strings.HasPrefix(f[0], "#") {
			continue
		}
		c := holdoutCase{field: f[1], typ: f[2], owner: f[3], text: f[1] + ": \"" + token + "\","}
		switch {
		case f[0] == "secret":
			c.class, c.secret = holdoutClass{"names", "secret", false, targetTokens}, token
		case f[0] == "innocent" && Denied(f[1]):
			c.class = holdoutClass{"names", "innocent, but on Safedump's list", true, 0}
		case f[0] == "innocent":
			c.class = holdoutClass{"names", "innocent", true, targetInnocent}
		default:
			continue // counts for nothing
		}
		cases = append(cases, c)
	}
	return cases
}

// innocentToken is a token of 24 characters that is no secret by itself: under
// a name that says nothing it is left alone, so that only names decide.
func innocentToken(t *testing.T) string {
	t.Helper()
	x := holdoutRedactor(t)
	for _, token := range []string{"q7d2m9x4k1v8r5w3t6b0z7n2", "north4harbour7lantern2ox", "north-harbour-lantern-ox"} {
		v := redactedVar(t, x, "v", structOf("main.T", "v", str(token)))
		if s, _ := v.Children[0].Value.Contents(); s == token {
			return token
		}
	}
	t.Fatal("every token is redacted under an innocent name: the names cannot be measured")
	return ""
}

// holdoutRedactor shows e-mail addresses, which are no secrets here, and cuts
// nothing.
func holdoutRedactor(t *testing.T) *Redactor {
	t.Helper()
	x, err := New(Policy{Tier: 2, Limits: report.Limits{MaxString: -1}})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// redactedVar takes a variable through the whole pipeline.
func redactedVar(t *testing.T, x *Redactor, name string, v report.Value) report.Value {
	t.Helper()
	res, err := x.Apply(reportWith(variable(name, v)))
	if err != nil {
		t.Fatal(err)
	}
	return res.Report().Goroutines[0].Frames[0].Vars[0].Value
}

// fieldValue is a value of the type with the token in it, where the type holds
// text.
func fieldValue(typ, token string) report.Value {
	elem := func(prefix string) report.Value { return fieldValue(typ[len(prefix):], token) }
	switch {
	case typ == "string":
		return str(token)
	case typ == "[]byte", typ == "json.RawMessage":
		v := bytesOf(token)
		v.Type = typ
		return v
	case strings.HasPrefix(typ, "*"):
		return ptr(elem("*"))
	case strings.HasPrefix(typ, "[]"):
		return sliceOf(typ, elem("[]"))
	case strings.HasPrefix(typ, "map[string]"):
		return mapOf(typ, str("a"), elem("map[string]"))
	case typ == "bool":
		return boolean("true")
	case strings.HasPrefix(typ, "int"), strings.HasPrefix(typ, "uint"), strings.HasPrefix(typ, "float"), typ == "rune", strings.HasSuffix(typ, "Duration"):
		v := num("17000")
		v.Type = typ
		return v
	}
	return structOf(typ, "v", str(token))
}
