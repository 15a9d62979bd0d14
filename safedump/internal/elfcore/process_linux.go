package elfcore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// proc is where the proc file system is mounted.
const proc = "/proc"

// Snapshot reads from /proc what a core says of the process pid, which must
// be stopped. extraFilter is added to the process's own coredump_filter.
func Snapshot(pid int, extraFilter uint32) (*Process, error) {
	p, err := Describe(pid, extraFilter)
	if err != nil {
		return nil, err
	}
	if err := p.readMappings(filepath.Join(proc, strconv.Itoa(pid))); err != nil {
		return nil, fmt.Errorf("elfcore: %w", err)
	}
	return p, nil
}

// Describe is Snapshot without the mappings: the process may run.
func Describe(pid int, extraFilter uint32) (*Process, error) {
	if os.Getpagesize() != pageSize {
		return nil, fmt.Errorf("elfcore: pages of %d bytes are not supported", os.Getpagesize())
	}
	dir := filepath.Join(proc, strconv.Itoa(pid))
	p := &Process{PID: pid, Threads: map[int]ThreadInfo{}}
	if err := p.readStat(dir); err != nil {
		return nil, fmt.Errorf("elfcore: %w", err)
	}
	var err error
	p.Auxv, err = os.ReadFile(filepath.Join(dir, "auxv"))
	if errors.Is(err, fs.ErrPermission) && pid == os.Getpid() {
		p.Auxv, err = ownAuxv(), nil // a process that is not dumpable
	}
	if err != nil {
		return nil, fmt.Errorf("elfcore: %w", err)
	}
	args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return nil, fmt.Errorf("elfcore: %w", err)
	}
	p.Args = string(bytes.ReplaceAll(args, []byte{0}, []byte{' '}))
	p.Filter = 0x33 // the kernel's default
	if b, err := os.ReadFile(filepath.Join(dir, "coredump_filter")); err == nil {
		if v, err := strconv.ParseUint(strings.TrimSpace(string(b)), 16, 32); err == nil {
			p.Filter = uint32(v)
		}
	}
	p.Filter |= extraFilter
	p.readThreads(dir)
	return p, nil
}

// ownAuxv asks the kernel for the auxiliary vector of this process, which it
// tells since Linux 6.4; nil before.
func ownAuxv() []byte {
	const prGetAuxv = 0x41555856
	b := make([]byte, 4096)
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prGetAuxv, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if errno != 0 || n > uintptr(len(b)) {
		return nil
	}
	return b[:n]
}

// stat holds the fields of /proc/PID/stat that follow the name, from field 3.
type stat []string

func readStat(path string) (comm string, s stat, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return "", nil, fmt.Errorf("%s: no name in parentheses", path)
	}
	return string(b[open+1 : end]), strings.Fields(string(b[end+1:])), nil
}

// number returns field n, counted as proc(5) does; 0 when it is not there.
func (s stat) number(n int) int64 {
	if n-3 >= len(s) {
		return 0
	}
	v, err := strconv.ParseInt(s[n-3], 10, 64)
	if err != nil {
		return 0
	}
	return v
}

func (p *Process) readStat(dir string) error {
	comm, s, err := readStat(filepath.Join(dir, "stat"))
	if err != nil {
		return err
	}
	p.Comm = comm
	p.PPID, p.PGRP, p.SID = int(s.number(4)), int(s.number(5)), int(s.number(6))
	p.Flags, p.Nice = uint64(s.number(9)), int(s.number(19))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return err
	}
	p.UID, p.GID = firstID(status, "Uid:"), firstID(status, "Gid:")
	return nil
}

func (p *Process) readMappings(dir string) error {
	smaps := true
	f, err := os.Open(filepath.Join(dir, "smaps"))
	if err != nil {
		smaps = false
		if f, err = os.Open(filepath.Join(dir, "maps")); err != nil {
			return err
		}
	}
	defer f.Close()
	if p.Mappings, err = parseSmaps(f, smaps); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

// readThreads reads what it can: a thread that is gone has no entry.
func (p *Process) readThreads(dir string) {
	tasks, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		path := filepath.Join(dir, "task", task.Name())
		_, s, err := readStat(filepath.Join(path, "stat"))
		if err != nil {
			continue
		}
		info := ThreadInfo{UserTime: uint64(s.number(14)), SysTime: uint64(s.number(15)),
			ChildUTime: uint64(s.number(16)), CSTime: uint64(s.number(17))}
		if status, err := os.ReadFile(filepath.Join(path, "status")); err == nil {
			info.Pending, info.Blocked = mask(status, "SigPnd:"), mask(status, "SigBlk:")
		}
		p.Threads[tid] = info
	}
}

// line returns the value of a "Key:\tvalue" line of /proc/PID/status.
func line(status []byte, key string) string {
	for _, l := range strings.Split(string(status), "\n") {
		if v, ok := strings.CutPrefix(l, key); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func firstID(status []byte, key string) int {
	fields := strings.Fields(line(status, key))
	if len(fields) == 0 {
		return -1
	}
	v, err := strconv.Atoi(fields[0])
	if err != nil {
		return -1
	}
	return v
}

func mask(status []byte, key string) uint64 {
	v, err := strconv.ParseUint(line(status, key), 16, 64)
	if err != nil {
		return 0
	}
	return v
}
