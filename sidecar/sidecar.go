package sidecar

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/safedump/sdcore/report"
)

// Suffixes of the helper's files for one process.
const (
	suffix     = ".sidecar.json"
	textSuffix = ".crash.txt"
)

// Bounds of what is taken over.
const (
	maxBytes = 1 << 20
	maxNames = 4096
	version  = 1 // the newest that is known
)

// ErrVersion means that a newer helper wrote the sidecar.
var ErrVersion = errors.New("written by a newer version of the helper")

// Sidecar is what is used of the file.
type Sidecar struct {
	Version    int       `json:"sidecar_version"`
	PID        int       `json:"pid"`
	StartTime  time.Time `json:"start_time"`
	Executable string    `json:"executable"`
	Dir        string    `json:"cwd"`
	Args       []string  `json:"args"`
	EnvNames   []string  `json:"env_names"`
	Build      Build     `json:"build"`
}

// Build is the build of the program.
type Build struct {
	GoVersion string            `json:"go_version"`
	GOOS      string            `json:"goos"`
	GOARCH    string            `json:"goarch"`
	Path      string            `json:"path"`
	Module    string            `json:"module"`
	Version   string            `json:"version"`
	Settings  map[string]string `json:"settings"`
}

// OfText is the path of the sidecar that belongs to a crash text; "" when the
// text is none of the helper's.
func OfText(path string) string {
	base, ok := strings.CutSuffix(path, textSuffix)
	if !ok {
		return ""
	}
	return base + suffix
}

// Read reads a sidecar.
func Read(path string) (*Sidecar, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxBytes {
		return nil, errors.Join(err, fmt.Errorf("%s: no file of at most %d bytes", path, maxBytes))
	}
	s, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func parse(r io.Reader) (*Sidecar, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBytes))
	if err != nil {
		return nil, err
	}
	var s Sidecar
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, errors.New("not a sidecar") // the error would quote it
	}
	switch {
	case s.Version > version:
		return nil, ErrVersion
	case s.Version < 1 || s.PID <= 0:
		return nil, errors.New("not a sidecar")
	}
	s.Args = s.Args[:min(len(s.Args), maxNames)]
	s.EnvNames = s.EnvNames[:min(len(s.EnvNames), maxNames)]
	return &s, nil
}

// Fill puts what a sidecar knows into a report that has nothing of it: one of
// a crash text.
func (s *Sidecar) Fill(r *report.Report, path string) {
	r.Process = report.Process{PID: s.PID, Name: filepath.Base(s.Executable), Args: s.Args, EnvNames: s.EnvNames, Dir: s.Dir}
	id := &r.Identity
	id.Binary = s.Executable
	id.GoVersion, id.GOOS, id.GOARCH = s.Build.GoVersion, s.Build.GOOS, s.Build.GOARCH
	id.MainPackage, id.Main = s.Build.Path, report.Module{Path: s.Build.Module, Version: s.Build.Version}
	for key, value := range s.Build.Settings {
		id.Settings = append(id.Settings, report.Setting{Key: key, Value: value})
	}
	slices.SortFunc(id.Settings, func(a, b report.Setting) int { return strings.Compare(a.Key, b.Key) })
	id.Evidence = append(id.Evidence, "process and build: the sidecar "+path)
	if !s.StartTime.IsZero() {
		id.Evidence = append(id.Evidence, "the helper was installed at "+s.StartTime.UTC().Format(time.RFC3339)+", "+lived(s.StartTime, r.CrashTime))
	}
}

// lived says how long that was before the crash.
func lived(start, end time.Time) string {
	if !end.After(start) {
		return "which is not before the crash"
	}
	return end.Sub(start).Round(time.Second).String() + " before the crash"
}
