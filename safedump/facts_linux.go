package safedump

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

const (
	coresSupported = true
	locksWork      = true
)

// Numbers of prctl(2), getrlimit(2) and getauxval(3); the syscall package has
// no names for them on every architecture.
const (
	prGetDumpable = 3
	prSetDumpable = 4
	rlimitFile    = 1
	rlimitCore    = 4
	auxSecure     = 23
	signalAbort   = 6
)

// readLimit reads RLIMIT_CORE.
func readLimit() (Limit, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(rlimitCore, &r); err != nil {
		return Limit{}, err
	}
	return Limit{Soft: uint64(r.Cur), Hard: uint64(r.Max), Known: true}, nil
}

// setSoftLimit changes the soft part of RLIMIT_CORE only.
func setSoftLimit(soft uint64) error {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(rlimitCore, &r); err != nil {
		return err
	}
	r.Cur = soft
	return syscall.Setrlimit(rlimitCore, &r)
}

// readDumpable asks the kernel: 0 no, 1 yes, 2 readable by root only.
func readDumpable() (int, error) {
	v, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prGetDumpable, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(v), nil
}

// setDumpable sets the same; the kernel allows 0 and 1.
func setDumpable(on bool) error {
	v := uintptr(0)
	if on {
		v = 1
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, v, 0); errno != 0 {
		return errno
	}
	return nil
}

// readFilter reads /proc/self/coredump_filter.
func readFilter() (uint32, error) {
	b, err := os.ReadFile("/proc/self/coredump_filter")
	if err != nil {
		return 0, err
	}
	return parseFilter(string(b))
}

// writeFilter changes the filter of this process and of those it starts later.
func writeFilter(bits uint32) error {
	f, err := os.OpenFile("/proc/self/coredump_filter", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("0x" + strconv.FormatUint(uint64(bits), 16))
	return errors.Join(err, f.Close())
}

// secureExec reports whether the executable gained privileges when it was
// started (set-user-ID, set-group-ID or file capabilities).
func secureExec() (secure, known bool) {
	b, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return false, false
	}
	return auxSecureOf(b)
}

// auxSecureOf finds AT_SECURE in an auxiliary vector of a 64-bit process.
func auxSecureOf(auxv []byte) (secure, known bool) {
	for ; len(auxv) >= 16; auxv = auxv[16:] {
		if binary.LittleEndian.Uint64(auxv) == auxSecure {
			return binary.LittleEndian.Uint64(auxv[8:]) != 0, true
		}
	}
	return false, false
}

// tmpfsMagic is TMPFS_MAGIC of linux/magic.h.
const tmpfsMagic = 0x01021994

// inMemory reports whether files below dir are kept in memory.
func inMemory(dir string) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(dir, &s) == nil && int64(s.Type) == tmpfsMagic
}

// readFileLimit reads the soft RLIMIT_FSIZE.
func readFileLimit() (uint64, error) {
	var r syscall.Rlimit
	err := syscall.Getrlimit(rlimitFile, &r)
	return uint64(r.Cur), err
}

// freeSpace is what an ordinary user may still write below dir, in bytes.
func freeSpace(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	if s.Bsize <= 0 {
		return 0, errors.New("file system tells no block size")
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// writable reports whether this process may create files in dir.
func writable(dir string) error {
	const writeAndSearch = 2 | 1
	return syscall.Access(dir, writeAndSearch)
}

// residentSize is the memory of the process in bytes, what a core of it holds
// at most of itself; 0 when unknown.
func residentSize() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// containerHint says by what it looks as if this were a container, "" when
// nothing hints at one.
func containerHint() string {
	for _, path := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(path); err == nil {
			return path + " exists"
		}
	}
	if _, ok := os.LookupEnv("KUBERNETES_SERVICE_HOST"); ok {
		return "KUBERNETES_SERVICE_HOST is set"
	}
	if b, err := os.ReadFile("/proc/1/cgroup"); err == nil {
		for _, word := range []string{"docker", "kubepods", "containerd", "libpod", "lxc"} {
			if bytes.Contains(b, []byte(word)) {
				return "/proc/1/cgroup names " + word
			}
		}
	}
	return ""
}

// readPatternFacts collects what core_pattern's specifiers stand for here.
func readPatternFacts(limit Limit) patternFacts {
	f := patternFacts{pid: os.Getpid(), uid: os.Getuid(), gid: os.Getgid(), signal: strconv.Itoa(signalAbort)}
	if d, err := readDumpable(); err == nil {
		f.dumpable = strconv.Itoa(d)
	}
	if h, err := os.Hostname(); err == nil {
		f.host = h
	}
	if b, err := os.ReadFile("/proc/self/comm"); err == nil {
		f.comm = strings.TrimSuffix(string(b), "\n")
	}
	if exe, err := os.Executable(); err == nil {
		f.exe = exe
	}
	if limit.Known {
		f.limit = strconv.FormatUint(limit.Soft, 10)
	}
	if wd, err := os.Getwd(); err == nil {
		f.cwd = wd
	} else if link, err := os.Readlink("/proc/self/cwd"); err == nil {
		f.cwd = link // of a directory that was removed: "/old/name (deleted)", where no core can be written
	}
	if b, err := os.ReadFile("/proc/sys/kernel/core_uses_pid"); err == nil {
		f.usesPID = strings.TrimSpace(string(b)) != "0"
	}
	return f
}

// startTicks is the start of this process in clock ticks since boot, the
// number by which a core's process and a sidecar are told to be the same; 0
// when unknown.
func startTicks() uint64 {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	// The name in parentheses may hold spaces and parentheses itself.
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return 0
	}
	fields := strings.Fields(string(b[i+1:]))
	const startTime = 22 - 3 // field 22; the first one left is field 3
	if len(fields) <= startTime {
		return 0
	}
	v, err := strconv.ParseUint(fields[startTime], 10, 64)
	if err != nil {
		return 0
	}
	return v
}

// lockFile takes an exclusive lock that ends with the process; it answers
// false when somebody else holds it.
func lockFile(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// openNoFollow opens a file to lock or read it. A link is an error, and so is a
// pipe that nobody writes to, instead of being waited for.
func openNoFollow(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// ours reports whether a file is one that this user has made.
func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && int(st.Uid) == os.Geteuid()
}
