package headroom

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Bound is one limit of memory.
type Bound struct {
	Name string // "host", or the directory of a cgroup
	Free uint64 // bytes that may still be used
}

// Lowest returns the narrowest bound of this process; ok is false when none
// could be read.
func Lowest() (b Bound, ok bool) { return lowest("/") }

// lowest reads below root, which is "/" but in tests.
func lowest(root string) (b Bound, ok bool) {
	for _, c := range append(cgroups(root), host(root)...) {
		if !ok || c.Free < b.Free {
			b, ok = c, true
		}
	}
	return b, ok
}

func host(root string) []Bound {
	text, err := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		return nil
	}
	kb, ok := field(string(text), "MemAvailable:")
	if !ok {
		return nil
	}
	return []Bound{{Name: "host", Free: kb << 10}}
}

// controller is where a version of the memory controller keeps its numbers.
type controller struct {
	limit, usage, stat, reclaimable string
}

func v1() controller {
	return controller{"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file"}
}

func v2() controller {
	return controller{"memory.max", "memory.current", "memory.stat", "inactive_file"}
}

// cgroups returns the bounds of the process's cgroup and of those above it.
func cgroups(root string) (bounds []Bound) {
	text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil
	}
	for _, line := range strings.Split(string(text), "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		c, unified := v1(), parts[1] == ""
		if unified {
			c = v2()
		} else if !contains(parts[1], "memory") {
			continue
		}
		top, below, ok := mount(root, unified)
		if !ok {
			continue
		}
		// In a cgroup namespace the path may be above what is mounted.
		rel := strings.TrimPrefix(filepath.Clean("/"+parts[2]), strings.TrimSuffix(below, "/"))
		for dir := filepath.Join("/", rel); ; dir = filepath.Dir(dir) {
			if b, ok := c.bound(root, filepath.Join(top, dir)); ok {
				bounds = append(bounds, b)
			}
			if dir == "/" {
				break
			}
		}
	}
	return bounds
}

// mount finds where a hierarchy is mounted, and which of its directories.
func mount(root string, unified bool) (point, dir string, ok bool) {
	text, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return "", "", false
	}
	for _, line := range strings.Split(string(text), "\n") {
		head, tail, _ := strings.Cut(line, " - ")
		fields, types := strings.Fields(head), strings.Fields(tail)
		if len(fields) < 5 || len(types) < 3 {
			continue
		}
		if unified && types[0] == "cgroup2" || !unified && types[0] == "cgroup" && contains(types[2], "memory") {
			return fields[4], fields[3], true
		}
	}
	return "", "", false
}

// contains reports whether a list with commas has the word.
func contains(list, word string) bool {
	for _, w := range strings.Split(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// bound reads one cgroup; it has none without a limit.
func (c controller) bound(root, dir string) (Bound, bool) {
	read := func(name string) (string, bool) {
		text, err := os.ReadFile(filepath.Join(root, dir, name))
		return strings.TrimSpace(string(text)), err == nil
	}
	text, _ := read(c.limit)
	limit, err := strconv.ParseUint(text, 10, 64)
	const unlimited = 1 << 62 // version 1 writes a huge number
	if err != nil || limit >= unlimited {
		return Bound{}, false
	}
	text, _ = read(c.usage)
	usage, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return Bound{}, false
	}
	text, _ = read(c.stat)
	cache, _ := field(text, c.reclaimable)
	usage -= min(cache, usage)
	return Bound{Name: "cgroup " + dir, Free: limit - min(usage, limit)}, true
}

// field returns the number behind the word that starts a line.
func field(text, word string) (uint64, bool) {
	for _, line := range strings.Split(text, "\n") {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == word {
			v, err := strconv.ParseUint(f[1], 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}
