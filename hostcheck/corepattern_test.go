package hostcheck

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// patternVectors is what package safedump tests its own reader against, too.
type patternVectors struct {
	Facts json.RawMessage
	Cases []struct {
		Name, Pattern string
		Facts         json.RawMessage
		Destination   Destination
		Path          string
		Glob          bool
		Handler       string
	}
}

// vectorFacts spells patternFacts for JSON.
type vectorFacts struct {
	PID, UID, GID                                 int
	Dumpable, Signal, Host, Comm, Exe, Limit, Cwd string
	UsesPID                                       bool `json:"uses_pid"`
	InitialPIDs                                   bool `json:"initial_pids"`
}

func TestParsePattern(t *testing.T) {
	b, err := os.ReadFile("../safedump/testdata/core_pattern.json")
	if err != nil {
		t.Skipf("outside of the repository: %v", err)
	}
	var v patternVectors
	if err := json.Unmarshal(b, &v); err != nil || len(v.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(v.Cases), err)
	}
	for _, tt := range v.Cases {
		t.Run(tt.Name, func(t *testing.T) {
			var f vectorFacts
			if err := errors.Join(json.Unmarshal(v.Facts, &f), json.Unmarshal(tt.Facts, &f)); err != nil {
				t.Fatal(err)
			}
			facts := patternFacts{pid: f.PID, uid: f.UID, gid: f.GID, dumpable: f.Dumpable, signal: f.Signal, host: f.Host,
				comm: f.Comm, exe: f.Exe, limit: f.Limit, cwd: f.Cwd, usesPID: f.UsesPID, initialPIDs: f.InitialPIDs}
			want := Core{Destination: tt.Destination, Pattern: strings.TrimSuffix(tt.Pattern, "\n"), Path: tt.Path, Glob: tt.Glob, Handler: tt.Handler}
			if got := parsePattern(tt.Pattern, facts); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestHandlerCode(t *testing.T) {
	for command, want := range map[string]Code{
		"/usr/lib/systemd/systemd-coredump %P":   CodePatternSystemd,
		"/lib/systemd/systemd-coredump":          CodePatternSystemd,
		"/usr/share/apport/apport -p%p -s%s":     CodePatternApport,
		"/usr/libexec/abrt-hook-ccpp %s":         CodePatternABRT,
		"/opt/vendor/collect %p":                 CodePatternPipe,
		"/opt/apport/wrapper /usr/share/apport":  CodePatternPipe,
		"/bin/sh -c systemd-coredump-imitation ": CodePatternPipe,
	} {
		if got := handlerCode(command); got != want {
			t.Errorf("handlerCode(%q) = %s, want %s", command, got, want)
		}
	}
}
