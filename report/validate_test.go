package report

import (
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	good := func() *Report {
		return &Report{Schema: Schema, Tier: 1, Goroutines: []Goroutine{{ID: 1, Frames: []Frame{*pathFrame()}}}, Groups: []Group{{ID: 1, Count: 2, IDs: []uint64{1}}}}
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	val := func(r *Report) *Value { return &r.Goroutines[0].Frames[0].Vars[0].Value }
	for want, spoil := range map[string]func(*Report){
		"schema: is not 1":                       func(r *Report) { r.Schema = 2 },
		"tier":                                   func(r *Report) { r.Tier = 5 },
		"year":                                   func(r *Report) { r.CrashTime = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"vars[0].value: has an unknown state":    func(r *Report) { val(r).State = "sure" },
		"vars[0].value: has an unknown kind":     func(r *Report) { val(r).Kind = "thing" },
		"children[0].value: has contents in the": func(r *Report) { v := &val(r).Children[0].Value; v.State = StateOptimizedOut },
		"negative length":                        func(r *Report) { val(r).Len = -1 },
		"not valid UTF-8":                        func(r *Report) { val(r).Text = "\xff" },
		"can't be unquoted":                      func(r *Report) { val(r).Text, val(r).Quoted = `\`, true },
		"has a key where it is no map":           func(r *Report) { k := str("k"); val(r).Children[0].Key = &k },
		"negative line":                          func(r *Report) { r.Goroutines[0].Frames[0].Line = -1 },
		"counts fewer":                           func(r *Report) { r.Groups[0].Count = 0 },
		"unknown relation":                       func(r *Report) { r.Crash.Exception.Relation = "cousin" },
		"globals[0].value":                       func(r *Report) { r.Globals = []Global{{}} },
		"nested more than 256 values deep": func(r *Report) {
			v := str("x")
			for range MaxValueDepth + 2 {
				v = holder(KindPointer, "*T", v)
			}
			*val(r) = v
		},
		"is nested too deeply": func(r *Report) {
			e := Exception{}
			for range maxExceptionDepth + 2 {
				e = Exception{Sub: []Exception{e}}
			}
			r.Crash.Exception = e
		},
	} {
		r := good()
		spoil(r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	r := good()
	r.Globals = make([]Global, 1000)
	if n := strings.Count(r.Validate().Error(), "\n"); n >= maxComplaints {
		t.Errorf("%d complaints", n)
	}
}

func TestContents(t *testing.T) {
	for _, s := range []string{"", "plain", "tab\tnew\nline", "\xff\x00\"'\\", "\u202e", "é", "\x7f", "\u2028"} {
		var v Value
		v.SetContents(s)
		if got, ok := v.Contents(); !ok || got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}
