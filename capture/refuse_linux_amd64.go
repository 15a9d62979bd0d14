package capture

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// examine says what would be captured, before anything is stopped.
func examine(pid int) (exe string, err error) {
	if pid <= 0 {
		return "", ErrNoProcess
	}
	if pid == os.Getpid() {
		return "", ErrSelf
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return "", gone(err)
	}
	if tgid := statusNumber(status, "Tgid:"); tgid != pid {
		return "", fmt.Errorf("%w: it is a thread of process %d", ErrNoProcess, tgid)
	}
	if zombie(pid) {
		return "", fmt.Errorf("%w: it has ended and waits for its parent", ErrNoProcess)
	}
	if tracer := statusNumber(status, "TracerPid:"); tracer > 0 {
		return "", fmt.Errorf("%w: process %d", ErrTraced, tracer)
	}
	exe, err = os.Readlink(filepath.Join(dir, "exe"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: it is a thread of the kernel", ErrNotGo)
	case errors.Is(err, fs.ErrPermission):
		return "", whyNot(pid, err)
	case err != nil:
		return "", err
	}
	// The path may lead to another file by now, the link of /proc does not.
	if _, err := buildinfo.ReadFile(filepath.Join(dir, "exe")); err != nil {
		return exe, fmt.Errorf("%s: %w", exe, ErrNotGo)
	}
	return exe, nil
}

// whyNot explains why the kernel let nobody near a process. Another user's,
// Yama, a process that is not dumpable and seccomp all say EPERM.
func whyNot(pid int, err error) error {
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
		return err
	}
	if status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status")); err == nil {
		if tracer := statusNumber(status, "TracerPid:"); tracer > 0 {
			return fmt.Errorf("%w: process %d", ErrTraced, tracer)
		}
		if uid := statusNumber(status, "Uid:"); uid >= 0 && uid != os.Getuid() && os.Geteuid() != 0 {
			return fmt.Errorf("%w, number %d", ErrOtherUser, uid)
		}
	}
	if b, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); err == nil {
		scope := strings.TrimSpace(string(b))
		if scope == "3" || scope != "0" && os.Geteuid() != 0 {
			return fmt.Errorf("%w: it is %s", ErrPtraceScope, scope)
		}
	}
	return fmt.Errorf("%w: the process is not dumpable (set-user-ID, file capabilities), or this is a container without CAP_SYS_PTRACE: %w", ErrForbidden, err)
}

// hasRoom compares the free space with what the process has in memory and swap.
func hasRoom(pid int, dir string) error {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return gone(err)
	}
	need := uint64(max(statusNumber(status, "RssAnon:"), 0)+max(statusNumber(status, "RssShmem:"), 0)+max(statusNumber(status, "VmSwap:"), 0)) << 10
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if free := s.Bavail * uint64(s.Bsize); free < need {
		return fmt.Errorf("%w: %d MiB in %s, the core may need %d", ErrDiskSpace, free>>20, dir, need>>20)
	}
	return nil
}

// statusNumber returns the first number behind a key of /proc/PID/status, -1
// when there is none.
func statusNumber(status []byte, key string) int {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(key)); ok {
			if f := bytes.Fields(rest); len(f) > 0 {
				if n, err := strconv.Atoi(string(f[0])); err == nil {
					return n
				}
			}
			return -1
		}
	}
	return -1
}

// statFields are the fields of /proc/PID/stat behind the name, from field 3.
func statFields(pid int) []string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// zombie reports whether a thread is dead: a leader that has ended stays so
// until the last of its threads, and never stops.
func zombie(tid int) bool {
	f := statFields(tid)
	return len(f) == 0 || f[0] == "Z" || f[0] == "X"
}
