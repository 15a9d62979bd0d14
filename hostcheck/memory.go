package hostcheck

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// bound is one limit of memory: what may still be used of it.
type bound struct {
	name string // "host", or the directory of a cgroup
	free uint64
}

// memory judges a core that is written to memory: a tmpfs counts against the
// cgroup of the process, which is then killed in the middle of its dump. A core
// on a disk takes page cache, which the kernel gives back.
func (c *checker) memory(dir string, inMemory bool, need uint64) {
	if !inMemory {
		return
	}
	b, ok := c.lowestBound()
	switch {
	case !ok:
		c.add(CheckMemory, CodeMemoryUnknown, Warn, dir+" is in memory (tmpfs), and how much of that is left can't be told", "let cores go to a disk")
	case b.free < need:
		c.add(CheckMemory, CodeMemoryLow, Warn, fmt.Sprintf("%s is in memory (tmpfs): %d MiB are left to %s, a core may need %d, and the kernel kills for the difference", dir, b.free>>20, b.name, need>>20),
			"let cores go to a disk, or raise the memory limit")
	default:
		c.add(CheckMemory, CodeMemoryRoom, OK, fmt.Sprintf("%s is in memory (tmpfs): %d MiB are left to %s", dir, b.free>>20, b.name), "")
	}
}

// lowestBound is the narrowest bound on the memory of the process: the host, its
// cgroup and all above it, of either version. What can't be read bounds
// nothing. safedump/internal/headroom reads the same from inside.
func (h host) lowestBound() (bound, bool) {
	all := h.cgroupBounds()
	if text, err := h.read("/proc/meminfo"); err == nil {
		if kb, ok := numberBehind(string(text), "MemAvailable:"); ok {
			all = append(all, bound{"host", kb << 10})
		}
	}
	if len(all) == 0 {
		return bound{}, false
	}
	return slices.MinFunc(all, func(a, b bound) int {
		switch {
		case a.free < b.free:
			return -1
		case a.free > b.free:
			return 1
		}
		return 0
	}), true
}

// controllerFiles are where a version of the memory controller keeps numbers.
type controllerFiles struct{ limit, usage, reclaimable string }

func (h host) cgroupBounds() (all []bound) {
	text, err := h.read(h.dir(), "cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		files, kind := controllerFiles{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}, "cgroup"
		if parts[1] == "" {
			files, kind = controllerFiles{"memory.max", "memory.current", "inactive_file"}, "cgroup2"
		} else if !slices.Contains(strings.Split(parts[1], ","), "memory") {
			continue
		}
		point, mounted, ok := h.cgroupMount(kind)
		if !ok {
			continue
		}
		// In a cgroup namespace the path may be above what is mounted.
		below := strings.TrimPrefix(filepath.Clean("/"+parts[2]), strings.TrimSuffix(mounted, "/"))
		for dir := filepath.Join("/", below); ; dir = filepath.Dir(dir) {
			if b, ok := h.cgroupBound(filepath.Join(point, dir), files); ok {
				all = append(all, b)
			}
			if dir == "/" {
				break
			}
		}
	}
	return all
}

// cgroupMount finds where the memory controller is mounted, and which of its
// directories.
func (h host) cgroupMount(kind string) (point, dir string, ok bool) {
	text, err := h.read("/proc/self/mountinfo")
	if err != nil {
		return "", "", false
	}
	for line := range strings.Lines(string(text)) {
		head, tail, _ := strings.Cut(line, " - ")
		fields, types := strings.Fields(head), strings.Fields(tail)
		if len(fields) < 5 || len(types) < 3 || types[0] != kind {
			continue
		}
		if kind == "cgroup2" || slices.Contains(strings.Split(types[2], ","), "memory") {
			return fields[4], fields[3], true
		}
	}
	return "", "", false
}

// cgroupBound reads one cgroup; it has none without a limit.
func (h host) cgroupBound(dir string, files controllerFiles) (bound, bool) {
	number := func(name string) (uint64, bool) {
		text, err := h.read(dir, name)
		if err != nil {
			return 0, false
		}
		v, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		return v, err == nil
	}
	const none = 1 << 62 // version 1 writes a huge number for no limit
	limit, ok := number(files.limit)
	usage, ok2 := number(files.usage)
	if !ok || !ok2 || limit >= none {
		return bound{}, false
	}
	stat, _ := h.read(dir, "memory.stat") // without it nothing can be given back
	cache, _ := numberBehind(string(stat), files.reclaimable)
	usage -= min(cache, usage)
	return bound{"cgroup " + dir, limit - min(usage, limit)}, true
}

// numberBehind returns the number behind the word that starts a line.
func numberBehind(text, word string) (uint64, bool) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == word {
			v, err := strconv.ParseUint(f[1], 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}
