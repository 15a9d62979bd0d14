package sidecar

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/report"
)

const sample = `{"sidecar_version":1,"tier":4,"pid":4711,"start_time":"2026-11-29T14:00:00.5Z","executable":"/srv/pay","cwd":"/srv",
"args":["/srv/pay","--token=[REDACTED]"],"env_names":["HOME","PAY_TOKEN"],"later":{"x":1},
"build":{"go_version":"go1.26.8","goos":"linux","goarch":"amd64","path":"a.example/pay/cmd","module":"a.example/pay","version":"v1.2.3",
"settings":{"vcs.revision":"abc","-race":"true"}}}`

func TestFill(t *testing.T) {
	s, err := parse(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	r := &report.Report{Schema: report.Schema, CrashTime: time.Date(2026, 11, 29, 15, 0, 0, 0, time.UTC)}
	s.Fill(r, "/x.sidecar.json")
	if p := r.Process; p.PID != 4711 || p.Name != "pay" || len(p.Args) != 2 || len(p.EnvNames) != 2 || p.Dir != "/srv" {
		t.Errorf("%+v", p)
	}
	id := r.Identity
	if id.GoVersion != "go1.26.8" || id.Main != (report.Module{Path: "a.example/pay", Version: "v1.2.3"}) || id.Binary != "/srv/pay" ||
		!slices.Equal(id.Settings, []report.Setting{{Key: "-race", Value: "true"}, {Key: "vcs.revision", Value: "abc"}}) {
		t.Errorf("%+v", id)
	}
	if want := []string{"process and build: the sidecar /x.sidecar.json", "the helper was installed at 2026-11-29T14:00:00Z, 1h0m0s before the crash"}; !slices.Equal(id.Evidence, want) {
		t.Errorf("%q", id.Evidence)
	}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
}

func TestBadSidecars(t *testing.T) {
	for _, s := range []string{"", "{}", "[]", `{"sidecar_version":1}`, `{"sidecar_version":"secret"}`, strings.Replace(sample, "4711", "-1", 1)} {
		if got, err := parse(strings.NewReader(s)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.30q: %+v, %v", s, got, err)
		}
	}
	if _, err := parse(strings.NewReader(strings.Replace(sample, `version":1`, `version":2`, 1))); !errors.Is(err, ErrVersion) {
		t.Errorf("newer: %v", err)
	}
	many := strings.Replace(sample, `"HOME"`, strings.Repeat(`"X",`, 9000)+`"HOME"`, 1)
	if s, err := parse(strings.NewReader(many)); err != nil || len(s.EnvNames) != maxNames {
		t.Errorf("%v", err)
	}
	path := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(path, make([]byte, maxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil {
		t.Error("a large file was read")
	}
	if _, err := Read(path + "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func TestOfText(t *testing.T) {
	if got := OfText("/d/pay-1-2.crash.txt"); got != "/d/pay-1-2.sidecar.json" {
		t.Errorf("%q", got)
	}
	if got := OfText("/var/log/pay.log"); got != "" {
		t.Errorf("%q", got)
	}
}

// FuzzParse: no panic, and what is taken over keeps a report's rules.
func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse(strings.NewReader(text))
		if err != nil {
			return
		}
		r := &report.Report{Schema: report.Schema}
		s.Fill(r, "x")
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		if len(r.Process.Args) > maxNames || len(r.Process.EnvNames) > maxNames {
			t.Error("too many names")
		}
	})
}
