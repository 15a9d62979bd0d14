//go:build amd64 || arm64

package monitor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestGroupFigures: of a group that is here only its own figures count. In one
// without memory a file may not even open, and what stands in the group above it
// is another's.
func TestGroupFigures(t *testing.T) {
	v1 := map[string]string{"limit": "64000000\n", "use": "63000000\n", "memory.oom_control": "oom_kill_disable 0\noom_kill 3\n"}
	v2 := map[string]string{"limit": "max\n", "use": "63000000\n", "memory.events": "oom 4\noom_kill 3\n"}
	for name, c := range map[string]struct {
		files     map[string]string
		blocked   string // a file that can't be read, by being a directory
		want      Memory
		elsewhere bool
		fails     bool
	}{
		"version 1":          {files: v1, want: Memory{Limit: 64000000, Group: "/g", GroupUse: 63000000, OOMKills: 3}},
		"version 2":          {files: v2, want: Memory{Group: "/g", GroupUse: 63000000, OOMKills: 3}},
		"not here":           {elsewhere: true, fails: true},
		"its use unreadable": {files: map[string]string{"limit": "64000000\n"}, blocked: "use", fails: true},
		"its kills unreadable": {files: map[string]string{"limit": "64000000\n", "use": "1\n"}, blocked: "memory.oom_control", fails: true,
			want: Memory{Limit: 64000000}},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if c.blocked != "" {
			if err := os.Mkdir(filepath.Join(dir, c.blocked), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		var m Memory
		err := group{"/g", dir, "limit", "use"}.read(&m)
		if (err != nil) != c.fails || errors.Is(err, fs.ErrNotExist) != c.elsewhere || m != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, m, err, c.want)
		}
	}
}
