package headroom

import (
	"os"
	"path/filepath"
	"testing"
)

// tree writes a root directory with the given files.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLowest(t *testing.T) {
	const (
		meminfo = "MemTotal:       24000 kB\nMemAvailable:    8000 kB\n"
		v2mount = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
		v1mount = "31 25 0:28 /kube/pod1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n30 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	)
	tests := []struct {
		name  string
		files map[string]string
		want  Bound
		ok    bool
	}{
		{"nothing", nil, Bound{}, false},
		{"host only", map[string]string{"proc/meminfo": meminfo}, Bound{"host", 8000 << 10}, true},
		{"an old kernel", map[string]string{"proc/meminfo": "MemFree: 1 kB\n"}, Bound{}, false},
		{"version 2, the limit is above", map[string]string{
			"proc/meminfo": meminfo, "proc/self/mountinfo": v2mount, "proc/self/cgroup": "0::/system/pay\n",
			"sys/fs/cgroup/system/pay/memory.max":     "max\n",
			"sys/fs/cgroup/system/memory.max":         "1000000\n",
			"sys/fs/cgroup/system/memory.current":     "900000\n",
			"sys/fs/cgroup/system/memory.stat":        "anon 1\ninactive_file 300000\n",
			"sys/fs/cgroup/system/pay/memory.current": "7\n",
		}, Bound{"cgroup /sys/fs/cgroup/system", 400000}, true},
		{"version 2, over its limit", map[string]string{
			"proc/self/mountinfo": v2mount, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "2000",
		}, Bound{"cgroup /sys/fs/cgroup", 0}, true},
		{"version 1, in a container", map[string]string{
			"proc/meminfo": meminfo, "proc/self/mountinfo": v1mount, "proc/self/cgroup": "5:cpu:/kube/pod1\n4:memory:/kube/pod1/x\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "5000",
			"sys/fs/cgroup/memory/x/memory.usage_in_bytes": "4000",
			"sys/fs/cgroup/memory/x/memory.stat":           "inactive_file 9\ntotal_inactive_file 500",
		}, Bound{"cgroup /sys/fs/cgroup/memory/x", 1500}, true},
		{"not a number", map[string]string{
			"proc/self/mountinfo": v2mount, "proc/self/cgroup": "0::/\nx\n",
			"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "many",
		}, Bound{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := lowest(tree(t, tt.files))
			if got != tt.want || ok != tt.ok {
				t.Errorf("%+v %v, want %+v %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
