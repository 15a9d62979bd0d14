//go:build amd64 || arm64

package monitor

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// readMemory reads what the kernel says of the memory of pid and of its limits.
// What can't be read stays 0; so does all of a process that is ending: it has left
// its control group, and what is read of one is that of the whole machine.
func readMemory(pid int) Memory {
	m := Memory{Time: time.Now().UTC().Format(time.RFC3339Nano)}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	status, _ := os.ReadFile(filepath.Join(dir, "status"))
	m.RSS, m.Anon, m.Swap, m.Peak = kib(status, "VmRSS:"), kib(status, "RssAnon:"), kib(status, "VmSwap:"), kib(status, "VmHWM:")
	info, _ := os.ReadFile("/proc/meminfo")
	m.Limit = kib(info, "MemTotal:")
	m.OOMKills = count("/proc/vmstat", "oom_kill")
	groups, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	if err != nil {
		return m
	}
	// Asked behind the group's name, so that the name is that of one that stays.
	if stat, err := os.ReadFile(filepath.Join(dir, "stat")); err != nil || ending(string(stat)) {
		return Memory{Time: m.Time}
	}
	for _, g := range groupDirs(string(groups)) {
		if err := g.read(&m); err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return m
}

// flagExiting is PF_EXITING, which a task gets before it gives up its memory and
// leaves its groups. Source: Linux 6.12, include/linux/sched.h, kernel/exit.c.
const flagExiting = 0x4

// ending reads the flags of a task in /proc/PID/stat (proc_pid_stat(5)): the
// seventh field behind the name in parentheses, which may hold any character.
func ending(stat string) bool {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 7 {
		return true
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	return err != nil || flags&flagExiting != 0
}

// group is where a control group's figures of memory may be.
type group struct{ name, dir, limit, use string }

// groupDirs reads /proc/PID/cgroup: version 2 has one line without a name of
// controllers, version 1 one for memory. Inside of a container the mounted
// tree may begin at the group itself.
func groupDirs(text string) (all []group) {
	for _, line := range strings.Split(text, "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 || !strings.HasPrefix(parts[2], "/") {
			continue
		}
		for _, path := range []string{parts[2], "/"} {
			switch {
			case parts[0] == "0" && parts[1] == "":
				all = append(all, group{parts[2], filepath.Join("/sys/fs/cgroup", path), "memory.max", "memory.current"})
			case strings.Contains(","+parts[1]+",", ",memory,"):
				all = append(all, group{parts[2], filepath.Join("/sys/fs/cgroup/memory", path), "memory.limit_in_bytes", "memory.usage_in_bytes"})
			}
		}
	}
	return all
}

// read takes the figures of a group. fs.ErrNotExist: the group is not here, look
// elsewhere. Any other error: it is here and can't be read now (who is in a group
// without memory may not even open a file). The figures of a group above it would
// be another's, and its count of the killed with them.
func (g group) read(m *Memory) error {
	use, err := readNumber(filepath.Join(g.dir, g.use))
	if err != nil {
		return err
	}
	if limit, err := readNumber(filepath.Join(g.dir, g.limit)); err == nil && (m.Limit == 0 || limit < m.Limit) {
		m.Limit = limit // "max" is no number
	}
	for _, name := range []string{"memory.events", "memory.oom_control"} { // versions 2 and 1
		b, err := os.ReadFile(filepath.Join(g.dir, name))
		switch {
		case err == nil:
			m.OOMKills = number(b, "oom_kill ")
		case !errors.Is(err, fs.ErrNotExist):
			return err // the machine's count is not comparable with the group's
		}
	}
	m.Group, m.GroupUse = g.name, use
	return nil
}

func readNumber(path string) (uint64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 64)
}

// count reads "NAME VALUE" of a file.
func count(path, name string) uint64 {
	b, _ := os.ReadFile(path)
	return number(b, name+" ")
}

func kib(b []byte, key string) uint64 { return number(b, key) << 10 }

// number finds the line that begins with key and returns the number after it.
func number(b []byte, key string) uint64 {
	for _, line := range strings.Split(string(b), "\n") {
		rest, ok := strings.CutPrefix(line, key)
		if !ok {
			continue
		}
		if fields := strings.Fields(rest); len(fields) > 0 {
			v, _ := strconv.ParseUint(fields[0], 10, 64)
			return v
		}
	}
	return 0
}

// parentOf is the parent of a process as seen from here, 0 when it is outside
// of this PID namespace or unknown.
func parentOf(pid int) int {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	return int(number(b, "PPid:"))
}
