package safedump

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"time"
)

// sidecarVersion is the version of the sidecar's format, docs/helper.md.
const sidecarVersion = 1

// Suffixes of the files in Options.Dir.
const (
	sidecarSuffix   = ".sidecar.json"
	crashTextSuffix = ".crash.txt"
)

// sidecar is what a core does not tell of the process it came from. It holds
// no values of variables or of the environment, and arguments only on request.
type sidecar struct {
	Version    int         `json:"sidecar_version"`
	Tier       int         `json:"tier"` // of the preset
	PID        int         `json:"pid"`
	StartTime  string      `json:"start_time"`            // of Install, RFC 3339, UTC
	StartTicks uint64      `json:"start_ticks,omitempty"` // field 22 of /proc/PID/stat
	Executable string      `json:"executable"`
	Cwd        string      `json:"cwd"`
	Args       []string    `json:"args,omitempty"`
	Build      buildRecord `json:"build"`
	EnvNames   []string    `json:"env_names"`
	CrashText  string      `json:"crash_text,omitempty"`
	Core       Core        `json:"core"`
	Diagnoses  []Diagnosis `json:"diagnoses"`
	// Capture is there when the core beside it was taken by Capture.
	Capture *captureRecord `json:"capture,omitempty"`
}

type buildRecord struct {
	GoVersion string            `json:"go_version"`
	GOOS      string            `json:"goos"`
	GOARCH    string            `json:"goarch"`
	Path      string            `json:"path,omitempty"`
	Module    string            `json:"module,omitempty"`
	Version   string            `json:"version,omitempty"`
	Settings  map[string]string `json:"settings,omitempty"`
}

func newSidecar(now time.Time, s Status) sidecar {
	sc := sidecar{
		Version: sidecarVersion, PID: os.Getpid(), StartTime: now.UTC().Format(time.RFC3339Nano),
		StartTicks: startTicks(), Build: readBuild(), EnvNames: envNames(os.Environ()),
		CrashText: s.CrashText, Core: s.Core, Diagnoses: s.Diagnoses,
	}
	sc.Executable, _ = os.Executable()
	sc.Cwd, _ = os.Getwd()
	return sc
}

// readBuild takes from the build information what is safe to keep: -ldflags
// may set secrets, so settings are chosen, not copied.
func readBuild() buildRecord {
	b := buildRecord{GoVersion: runtime.Version(), GOOS: runtime.GOOS, GOARCH: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Path, b.Module, b.Version = info.Path, info.Main.Path, info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED", "-race", "-trimpath", "-buildmode", "-compiler", "GOAMD64", "GOARM64",
			"vcs", "vcs.revision", "vcs.time", "vcs.modified":
			if b.Settings == nil {
				b.Settings = map[string]string{}
			}
			b.Settings[s.Key] = s.Value
		}
	}
	return b
}

// envNames returns the names, never the values, sorted.
func envNames(environ []string) []string {
	names := make([]string, 0, len(environ))
	for _, kv := range environ {
		name, _, ok := strings.Cut(kv, "=")
		if ok && name != "" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// write puts the sidecar at path, whole or not at all, and returns the open
// file with its lock held: the lock tells others that this process lives.
func (sc sidecar) write(path string) (*os.File, error) {
	b, err := json.MarshalIndent(sc, "", "  ")
	if err != nil {
		return nil, err
	}
	return createWith(path, append(b, '\n'))
}

// createLocked makes an empty file and returns it open for appending, with its
// lock held.
func createLocked(path string) (*os.File, error) { return createWith(path, nil) }

// createWith makes a file that is whole and locked from the first moment at
// which others see it: retain would take one without a lock for a dead
// process's.
func createWith(path string, content []byte) (*os.File, error) {
	tmp := path + ".tmp"
	if !locksWork {
		tmp = path // Windows renames no open file
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	lockFile(f)
	_, err = f.Write(content)
	if err == nil && tmp != path {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(tmp))
	}
	return f, nil
}

// timeLayout is the time in the names of files.
const timeLayout = "20060102T150405.000000000"

// baseName is the common part of the names of this process's files.
func baseName(now time.Time) string {
	name := "program"
	if exe, err := os.Executable(); err == nil {
		name = filepath.Base(exe)
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, name)
	if len(name) > 64 {
		name = name[:64]
	}
	return fmt.Sprintf("%s-%s-%d", name, now.UTC().Format(timeLayout), os.Getpid())
}
