package redact

import (
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// tagField is a field with a tag.
func tagField(name, tag string, v report.Value) report.Child {
	c := report.Child{Name: name, Value: v}
	if tag != "" {
		c.Tag = &tag
	}
	return c
}

func structWith(typ string, fields ...report.Child) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindStruct, Type: typ, Children: fields}
}

// TestTags: what struct tags make of an innocent text in a field with an
// innocent name.
func TestTags(t *testing.T) {
	const plain, token = "winter meadow", "q7Zr4LmT0yX9w7VbN2cKd"
	for _, c := range []struct {
		tag, text, reason string // no reason: it stays
	}{
		{`secret:"true"`, plain, "struct tag: 'secret'"},
		{`secret:""`, plain, "struct tag: 'secret'"},
		{`secret`, plain, "struct tag: 'secret'"},
		{`json:"x" secret`, plain, "struct tag: 'secret'"},
		{`json:"x",sensitive`, plain, "struct tag: 'sensitive'"},
		{`sensitive:"true"`, plain, "struct tag: 'sensitive'"},
		{`json:"x" datapolicy:"token"`, plain, "struct tag: 'datapolicy'"},
		{`masq:"secret"`, plain, "struct tag: 'masq'"},
		{`zlog:"secret"`, plain, "struct tag: 'secret'"},
		{`log:"redact"`, plain, "struct tag: 'redact'"},
		{`format:"password"`, plain, "struct tag: 'password'"},
		{`validate:"required,password"`, plain, "struct tag: 'password'"},
		{`json:"x,omitempty,sensitive"`, plain, "struct tag: 'sensitive'"},
		{`gorm:"column:db_password;type:text"`, plain, "struct tag: 'password'"},
		{`protobuf:"bytes,3,opt,name=access_token,proto3"`, plain, "struct tag: 'token'"},
		{`json:"password"`, plain, "struct tag: 'password'"},
		{`yaml:"apiKey,omitempty"`, plain, "struct tag: 'api key'"},
		{`env:"DB_PASSWORD"`, plain, "struct tag: 'password'"},
		{`header:"X-Api-Key"`, plain, "struct tag: 'api key'"},
		{`log:"-"`, plain, "struct tag: 'log:-'"},
		{`logfmt:"-"`, plain, "struct tag: 'logfmt:-'"},
		{`loggable:"false"`, plain, "struct tag: 'loggable:-'"},
		{`json:"-"`, token, "struct tag: 'json:-'"},
		{`yaml:"-"`, token, "struct tag: 'yaml:-'"},

		{`json:"-"`, plain, ""},
		{`json:"-" yaml:"-" xml:"-"`, "/var/lib/orders/eu-west", ""},
		{`json:"-,"`, token, ""}, // a field whose name is a dash
		{`secret:"false"`, plain, ""},
		{`redact:"none"`, plain, ""},
		{`json:"x" validate:"required"`, plain, ""},
		{`validate:"eqfield=Password"`, plain, ""},
		{`help:"the secret of a good password"`, plain, ""},
		{`json:"token_type"`, plain, ""},
		{`json:"masked"`, plain, ""},
		{`json:"key"`, plain, ""}, // weak: Safedump's list is about names of variables
		{`loggable:"true"`, plain, ""},
		{`no convention`, plain, ""},
		{`json:"unclosed`, plain, ""},
		{"", plain, ""},
	} {
		r := reportWith(variable("v", structWith("main.T", tagField("Line", c.tag, str(c.text)), tagField("Next", "", str("quiet river")))))
		got := applied(t, r, Policy{Tier: 2})
		f := got.Goroutines[0].Frames[0].Vars[0].Value.Children
		if gone := f[0].Value.State == report.StateRedacted; gone != (c.reason != "") {
			t.Errorf("%s on %q: gone: %v", c.tag, c.text, gone)
		}
		if c.reason != "" {
			if x := got.Goroutines[0].Redactions; len(x) != 1 || x[0].Rule != RuleTag || x[0].Reason != c.reason {
				t.Errorf("%s: records %+v, want %q", c.tag, x, c.reason)
			}
		}
		if f[1].Value.Text != "quiet river" {
			t.Errorf("%s: the other field is %+v", c.tag, f[1].Value)
		}
	}
}

// TestTagsOfParts: what a tag says holds for what is below the field.
func TestTagsOfParts(t *testing.T) {
	const mark = `secret:"true"`
	list := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[]string", Len: 1, Children: []report.Child{{Value: str("winter meadow")}}}
	nums := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[]int", Len: 1, Children: []report.Child{{Value: num("77001")}}}
	r := reportWith(variable("v", structWith("main.T",
		tagField("A", mark, list), tagField("B", mark, ptr(str("winter meadow"))), tagField("C", mark, structWith("main.I", tagField("Line", "", str("winter meadow")))),
		tagField("D", mark, nums), tagField("E", mark, num("77002")),
		tagField("F", mark, report.Value{State: report.StateOK, Kind: report.KindBool, Type: "bool", Text: "true"}),
		tagField("G", mark, report.Value{State: report.StateOK, Kind: report.KindFunc, Type: "func()", Text: "main.run"}),
		tagField("H", `log:"-"`, nums),
	)))
	out := encode(t, applied(t, r, Policy{Tier: 2}))
	for _, s := range []string{"winter", "77001", "77002"} {
		if strings.Contains(out, s) {
			t.Errorf("%s is left: %s", s, out)
		}
	}
	for _, s := range []string{"main.run", `"text":"true"`} {
		if !strings.Contains(out, s) {
			t.Errorf("%s is gone: %s", s, out)
		}
	}
}

// TestTagsAreThePolicys: a policy that allows the field's name, the name in the tag,
// the type or the place undoes what a tag says; one that denies the name in the
// tag removes the value.
func TestTagsAreThePolicys(t *testing.T) {
	for name, c := range map[string]struct {
		tag  string
		p    Policy
		gone bool
	}{
		"nothing":     {`secret:"true"`, Policy{}, true},
		"field":       {`secret:"true"`, Policy{Allow: []string{"line"}}, false},
		"name in tag": {`json:"db_password"`, Policy{Allow: []string{"dbPassword"}}, false},
		"type":        {`secret:"true"`, Policy{AllowTypes: []string{"main.T"}}, false},
		"place":       {`secret:"true"`, Policy{AllowPaths: []string{"**.v.Line"}}, false},
		"denied":      {`json:"region"`, Policy{Deny: []string{"region"}}, true},
		"not denied":  {`json:"region"`, Policy{Deny: []string{"zone"}}, false},
	} {
		c.p.Tier = 2
		got := applied(t, reportWith(variable("v", structWith("main.T", tagField("Line", c.tag, str("winter meadow"))))), c.p)
		if gone := got.Goroutines[0].Frames[0].Vars[0].Value.Children[0].Value.State == report.StateRedacted; gone != c.gone {
			t.Errorf("%s: gone: %v", name, gone)
		}
	}
}

// TestTagsOfOneName: two types of the same name, which functions may declare, are
// told apart by the tags themselves.
func TestTagsOfOneName(t *testing.T) {
	var vars []report.Variable
	for range 4 { // often enough to be remembered
		vars = append(vars, variable("v", structWith("main.T", tagField("Line", `secret:"true"`, str("winter meadow")))),
			variable("v", structWith("main.T", tagField("Line", `json:"line"`, str("silver harbour")))))
	}
	var states []report.State
	for _, v := range applied(t, reportWith(vars...), Policy{Tier: 2}).Goroutines[0].Frames[0].Vars {
		states = append(states, v.Value.Children[0].Value.State)
	}
	want := slices.Repeat([]report.State{report.StateRedacted, report.StateOK}, 4)
	if !slices.Equal(states, want) {
		t.Errorf("states %v", states)
	}
}

// FuzzTagPairs: any tag is split, and a well-formed one as package reflect does.
func FuzzTagPairs(f *testing.F) {
	f.Add(`json:"a,omitempty" yaml:"b"`)
	f.Add(`secret json:"\"" x:"`)
	x, err := New(Policy{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		pairs, bare := tagPairs(tag)
		if len(pairs)+len(bare) > maxTagPairs {
			t.Errorf("%d parts of %q", len(pairs)+len(bare), tag)
		}
		x.judgeTag(nameKey{ownerType: "T", name: "F", tag: tag})
	})
}
