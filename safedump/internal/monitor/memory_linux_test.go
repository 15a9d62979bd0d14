//go:build amd64 || arm64

package monitor

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// TestEnding: a task that is ending is told from one that lives; what can't be
// read counts as ending.
func TestEnding(t *testing.T) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil || ending(string(own)) {
		t.Errorf("%q, %v: this process is not ending", own, err)
	}
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "stat")
	until(t, "the end of a child", func() bool {
		b, err := os.ReadFile(path)
		return err == nil && ending(string(b))
	})
	if m := readMemory(cmd.Process.Pid); m.RSS != 0 || m.Limit != 0 || m.Group != "" {
		t.Errorf("of a process that has ended: %+v", m)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	for stat, want := range map[string]bool{
		"7 (a) 4 b) S 1 7 7 0 -1 4194304 1": false, "7 (x) R 1 7 7 0 -1 4194308 1": true, "7 (x) S 1": true, "": true, "7 (x) S 1 7 7 0 -1 x 1": true,
	} {
		if got := ending(stat); got != want {
			t.Errorf("%q: %v", stat, got)
		}
	}
}
