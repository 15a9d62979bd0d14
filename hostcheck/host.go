package hostcheck

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// host reads the proc file system and configuration below a root.
type host struct {
	root string
	pid  int // 0: the host, with this process for the things that are inherited
}

// maxFile bounds what is read of any one file: all of them are small.
const maxFile = 1 << 20

// read returns the content of a file of the host.
func (h host) read(elem ...string) ([]byte, error) {
	f, err := os.Open(h.path(elem...))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(&limitedReader{f, maxFile}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// limitedReader fails when a file is longer than it may be.
type limitedReader struct {
	f    *os.File
	left int
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, fmt.Errorf("%s is longer than %d bytes", r.f.Name(), maxFile)
	}
	n, err := r.f.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// path joins elements below the root.
func (h host) path(elem ...string) string {
	return filepath.Join(append([]string{h.root}, elem...)...)
}

func (h host) exists(path string) bool {
	_, err := os.Stat(h.path(path))
	return err == nil
}

// dir is the process's directory below /proc.
func (h host) dir() string {
	if h.pid == 0 {
		return "/proc/self"
	}
	return filepath.Join("/proc", strconv.Itoa(h.pid))
}

// process is what /proc/PID says. Its zero values mean unknown where a known
// flag or a pointer says so.
type process struct {
	known          bool
	uid, gid       int
	effective      int // effective user
	groups         []int
	comm, exe, cwd string
	limit          limit // RLIMIT_CORE
	fileLimit      limit // RLIMIT_FSIZE
	filter         uint32
	filterErr      error
	privileged     bool   // permitted capabilities without being root, or uid != euid
	capEffective   uint64 // CapEff
	resident       uint64 // bytes
	namespacePIDs  []int  // NSpid: the number in each nested namespace
	ownerIsUser    bool   // /proc/PID belongs to the process's own user
	ownerKnown     bool
}

// limit is a resource limit in bytes.
type limit struct {
	soft, hard uint64
	known      bool
}

// unlimited is RLIM_INFINITY.
const unlimited = ^uint64(0)

func (h host) process() (process, error) {
	dir := h.dir()
	status, err := h.read(dir, "status")
	if err != nil {
		return process{}, err
	}
	p := process{known: true}
	p.readStatus(status)
	if b, err := h.read(dir, "comm"); err == nil {
		p.comm = strings.TrimSuffix(string(b), "\n")
	}
	if h.pid != 0 {
		p.exe, _ = os.Readlink(h.path(dir, "exe")) // "" means unknown
	}
	p.cwd, _ = os.Readlink(h.path(dir, "cwd"))
	if b, err := h.read(dir, "limits"); err == nil {
		p.limit, p.fileLimit = parseLimits(b, "Max core file size"), parseLimits(b, "Max file size")
	}
	var text []byte
	if text, p.filterErr = h.read(dir, "coredump_filter"); p.filterErr == nil {
		p.filter, p.filterErr = parseFilter(string(text))
	}
	if uid, ok := owner(h.path(dir)); ok {
		p.ownerKnown, p.ownerIsUser = true, uid == p.effective
	}
	return p, nil
}

// readStatus takes what it needs of /proc/PID/status.
func (p *process) readStatus(status []byte) {
	p.uid, p.gid, p.effective = -1, -1, -1
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch key {
		case "Uid":
			ids := numbers(fields)
			if len(ids) > 1 {
				p.uid, p.effective = ids[0], ids[1]
			}
		case "Gid":
			if ids := numbers(fields); len(ids) > 0 {
				p.gid = ids[0]
			}
		case "Groups":
			p.groups = numbers(fields)
		case "CapEff":
			p.capEffective, _ = strconv.ParseUint(fields[0], 16, 64) // 0 when garbled
		case "VmRSS":
			if kb, err := strconv.ParseUint(fields[0], 10, 44); err == nil {
				p.resident = kb << 10
			}
		case "NSpid":
			p.namespacePIDs = numbers(fields)
		}
	}
	p.privileged = p.uid != p.effective || (p.effective != 0 && p.capEffective != 0)
}

func numbers(fields []string) []int {
	var all []int
	for _, f := range fields {
		if v, err := strconv.Atoi(f); err == nil {
			all = append(all, v)
		}
	}
	return all
}

// parseLimits finds "NAME  SOFT  HARD  bytes" in /proc/PID/limits.
func parseLimits(text []byte, name string) limit {
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			return limit{}
		}
		soft, err1 := parseLimit(fields[0])
		hard, err2 := parseLimit(fields[1])
		return limit{soft: soft, hard: hard, known: err1 == nil && err2 == nil}
	}
	return limit{}
}

func parseLimit(text string) (uint64, error) {
	if text == "unlimited" {
		return unlimited, nil
	}
	return strconv.ParseUint(text, 10, 64)
}

// containerHint says by what it looks as if this were a container.
func (h host) containerHint() string {
	for _, path := range []string{"/.dockerenv", "/run/.containerenv"} {
		if h.exists(path) {
			return path + " exists"
		}
	}
	if b, err := h.read("/run/systemd/container"); err == nil {
		return "/run/systemd/container says " + strings.TrimSpace(string(b))
	}
	if b, err := h.read("/proc/1/cgroup"); err == nil {
		for _, word := range []string{"docker", "kubepods", "containerd", "libpod", "lxc"} {
			if bytes.Contains(b, []byte(word)) {
				return "/proc/1/cgroup names " + word
			}
		}
	}
	return ""
}

// missing reports whether err says that a file is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
