package safedump

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestPresets: no two presets do the same, and what a program asks for itself
// goes before its preset.
func TestPresets(t *testing.T) {
	all := []Preset{Production, Development, Debug, Minimal}
	for i, a := range all {
		x, err := Options{Preset: a}.settle()
		if err != nil {
			t.Errorf("%s: %v", a, err)
		}
		if x.level != "crash" || x.filter&filterNeeded != filterNeeded {
			t.Errorf("%s: level %q, filter %#x", a, x.level, x.filter)
		}
		for _, b := range all[i+1:] {
			y, _ := Options{Preset: b}.settle()
			x.Preset, y.Preset = "", ""
			if reflect.DeepEqual(x, y) {
				t.Errorf("%s and %s do the same", a, b)
			}
		}
	}
	production, _ := Options{}.settle()
	if production.Args || production.tier != 1 || production.NoSidecar || production.keep.Crashes <= 0 || production.keep.Bytes <= 0 || production.keep.Age <= 0 {
		t.Errorf("production: %+v", production)
	}
	if debug, _ := (Options{Preset: Debug}).settle(); !debug.Args || debug.tier != 4 || debug.SetDumpable {
		t.Errorf("debug: %+v", debug)
	}
	if minimal, _ := (Options{Preset: Minimal}).settle(); !minimal.NoSidecar || !minimal.NoCrashText {
		t.Errorf("minimal: %+v", minimal)
	}
	own, _ := Options{Preset: Debug, Keep: Keep{Crashes: 3, Age: time.Hour}, Traceback: "keep"}.settle()
	if own.keep != (Keep{3, -1, time.Hour}) || own.level != "" {
		t.Errorf("own: %+v", own)
	}
}

func TestSenselessOptions(t *testing.T) {
	for _, o := range []Options{{Preset: "prodution"}, {Traceback: "loud"}} {
		s, err := o.settle()
		if !errors.Is(err, ErrOptions) || s.level != "crash" || s.tier != 1 {
			t.Errorf("%+v: %+v, %v", o, s, err)
		}
	}
}

func TestEnvOptions(t *testing.T) {
	for _, tt := range []struct {
		env  string
		want Options
		on   bool
		bad  bool
	}{
		{"", Options{}, false, false},
		{"SAFEDUMP=0 SAFEDUMP_DIR=/x", Options{}, false, false},
		{"SAFEDUMP=off", Options{}, false, false},
		{"SAFEDUMP=1", Options{}, true, false},
		{"SAFEDUMP=Debug SAFEDUMP_DIR=/x SAFEDUMP_TRACEBACK=keep", Options{Preset: Debug, Dir: "/x", Traceback: "keep"}, true, false},
		{"SAFEDUMP=on SAFEDUMP_KEEP=-1 SAFEDUMP_KEEP_BYTES=1000 SAFEDUMP_KEEP_AGE=36h", Options{Keep: Keep{-1, 1000, 36 * time.Hour}}, true, false},
		{"SAFEDUMP=1 SAFEDUMP_KEEP=many SAFEDUMP_KEEP_AGE=3", Options{}, true, true},
	} {
		env := map[string]string{}
		for _, kv := range strings.Fields(tt.env) {
			k, v, _ := strings.Cut(kv, "=")
			env[k] = v
		}
		o, on, err := EnvOptions(func(name string) string { return env[name] })
		if o != tt.want || on != tt.on || errors.Is(err, ErrOptions) != tt.bad {
			t.Errorf("%s: %+v %v %v", tt.env, o, on, err)
		}
	}
}

func TestRedactArgs(t *testing.T) {
	for in, want := range map[string]string{
		"./pay --port 8080 -v":                       "./pay --port 8080 -v",
		"./pay --token=abc --api-key abc --x y":      "./pay --token=[REDACTED] --api-key [REDACTED] --x y",
		"./pay -password abc":                        "./pay -password [REDACTED]",
		"./pay --no-auth --port 1":                   "./pay --no-auth --port 1",
		"./pay DB_PASSWORD=abc":                      "./pay DB_PASSWORD=[REDACTED]",
		"./pay postgres://u:p4ss@h/db":               "./pay [REDACTED]",
		"./pay --dsn=u:p@h --redis-url redis://:p@h": "./pay --dsn=[REDACTED] --redis-url [REDACTED]",
		"./pay " + strings.Repeat("x", 5000):         "./pay [REDACTED]",
		"./pay --secret -v plain":                    "./pay --secret -v plain",
	} {
		if got := strings.Join(redactArgs(strings.Fields(in)), " "); got != want {
			t.Errorf("%.60s: %.80s, want %.80s", in, got, want)
		}
	}
	if got := redactArgs(make([]string, 1000)); len(got) != maxArgs {
		t.Errorf("%d arguments", len(got))
	}
}
