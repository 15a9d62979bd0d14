package hostcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Options say what to look at. The zero value asks about a process that would
// be started from here.
type Options struct {
	// Root is the directory that holds proc, etc and run; default "/".
	Root string
	// PID is the process asked about, as /proc below Root numbers it; 0 means
	// a process that would be started from here.
	PID int
}

// coreHeadroom is what must be free beside the memory that the process has
// now before the disk counts as large enough: it will have grown when it dies.
const coreHeadroom = 256 << 20

// Check looks at the host, or at one process on it.
func Check(o Options) Report {
	h := host{root: o.Root, pid: o.PID}
	if h.root == "" {
		h.root = "/"
	}
	c := &checker{host: h, report: Report{PID: o.PID}, container: h.containerHint()}
	var err error
	if c.proc, err = h.process(); err != nil {
		c.noProcess(err)
		if o.PID != 0 {
			return c.report
		}
	}
	c.corePattern()
	c.limit()
	c.fileSize()
	c.dumpable()
	c.filter()
	c.directory()
	c.inContainer()
	c.ptrace()
	c.monitor()
	if c.report.Worst() == Fail {
		c.report.Core.Destination = ToNowhere
	}
	return c.report
}

// checker collects findings.
type checker struct {
	host
	proc      process
	container string
	report    Report
}

func (c *checker) add(id ID, code Code, status Status, detail, remedy string) {
	c.report.Findings = append(c.report.Findings, Finding{ID: id, Code: code, Status: status, Detail: detail, Remedy: remedy})
}

func (c *checker) noProcess(err error) {
	c.report.Core.Destination = ToUnknown
	if c.pid == 0 {
		c.add(CheckCorePattern, CodeOSUnsupported, Warn, "there is no /proc to read: "+err.Error(), "run it on Linux, with /proc mounted")
		return
	}
	if missing(err) {
		c.report.Core.Destination = ToNowhere
		c.add(CheckDumpable, CodeProcessMissing, Fail, "there is no process "+strconv.Itoa(c.pid), "")
		return
	}
	c.add(CheckDumpable, CodeDumpableUnknown, Warn, "the process can't be looked at: "+err.Error(), "ask as its own user or as root")
}

// who names the process in sentences.
func (c *checker) who() string {
	if c.pid == 0 {
		return "a process started from here"
	}
	if c.proc.comm == "" {
		return fmt.Sprintf("process %d", c.pid)
	}
	return fmt.Sprintf("process %d (%s)", c.pid, c.proc.comm)
}

func (c *checker) corePattern() {
	b, err := c.read("/proc/sys/kernel/core_pattern")
	if err != nil {
		c.report.Core = Core{Destination: ToUnknown}
		c.add(CheckCorePattern, CodePatternUnreadable, Warn, "core_pattern can't be read: "+err.Error(), "mount /proc")
		return
	}
	core := parsePattern(string(b), c.facts())
	c.report.Core = core
	const remedy = "as root on the host: sysctl -w kernel.core_pattern=core.%p"
	switch core.Destination {
	case ToFile:
		c.add(CheckCorePattern, CodePatternFile, OK, fmt.Sprintf("core_pattern %q makes the kernel write %s", core.Pattern, core.Path), "")
	case ToSocket:
		c.add(CheckCorePattern, CodePatternSocket, Warn, fmt.Sprintf("core_pattern %q hands cores to a socket", core.Pattern), "ask its owner where cores go")
	case ToPipe:
		c.pipe(core)
	case ToNowhere:
		if core.Pattern == "" {
			c.add(CheckCorePattern, CodePatternEmpty, Fail, "core_pattern is empty: the kernel writes no core", remedy)
			return
		}
		c.add(CheckCorePattern, CodePatternInvalid, Fail, fmt.Sprintf("core_pattern %q names no program", core.Pattern), remedy)
	default:
		c.add(CheckCorePattern, CodePatternInvalid, Warn,
			fmt.Sprintf("core_pattern %q is relative and the working directory is not known", core.Pattern), "ask as the user of the process or as root")
	}
}

// facts is what the specifiers of core_pattern stand for. Of a process that
// does not exist yet only user, host and directory are known.
func (c *checker) facts() patternFacts {
	f := patternFacts{uid: c.proc.uid, gid: c.proc.gid, signal: "6", cwd: c.proc.cwd}
	if b, err := c.read("/proc/sys/kernel/hostname"); err == nil {
		f.host = strings.TrimSpace(string(b))
	}
	if c.proc.limit.known {
		f.limit = strconv.FormatUint(c.proc.limit.soft, 10)
	}
	if b, err := c.read("/proc/sys/kernel/core_uses_pid"); err == nil {
		f.usesPID = strings.TrimSpace(string(b)) != "0"
	}
	if c.pid != 0 {
		f.pid, f.comm, f.exe = c.pid, c.proc.comm, c.proc.exe
		// The kernel writes the number of the innermost namespace for %p.
		if ns := c.proc.namespacePIDs; len(ns) > 0 {
			f.pid = ns[len(ns)-1]
		}
	}
	return f
}

func (c *checker) limit() {
	l, to := c.proc.limit, c.report.Core.Destination
	const remedy = "ulimit -c unlimited before the start (docker: --ulimit core=-1, systemd: LimitCORE=infinity)"
	raise := ""
	if l.hard == unlimited {
		raise = "; safedump.Install raises it to the hard limit"
	}
	switch {
	case !l.known:
		c.add(CheckLimit, CodeLimitUnreadable, Warn, "RLIMIT_CORE of "+c.who()+" can't be read", "ask as its own user or as root")
	case l.soft == unlimited:
		c.add(CheckLimit, CodeLimitUnlimited, OK, "RLIMIT_CORE is unlimited", "")
	case (to == ToPipe || to == ToSocket) && l.soft != 1:
		c.add(CheckLimit, CodeLimitIgnored, Warn,
			fmt.Sprintf("RLIMIT_CORE is %d bytes: the kernel ignores it for a handler, the handler may not", l.soft), remedy)
	case l.soft < 4096 || to == ToPipe || to == ToSocket:
		c.add(CheckLimit, CodeLimitZero, Fail, fmt.Sprintf("RLIMIT_CORE is %d bytes, its hard limit %s", l.soft, limitText(l.hard)), remedy+raise)
	default:
		c.add(CheckLimit, CodeLimitBounded, Warn, fmt.Sprintf("RLIMIT_CORE cuts a core at %d bytes", l.soft), remedy+raise)
	}
}

// fileSize looks at RLIMIT_FSIZE, which holds for the core too.
func (c *checker) fileSize() {
	l := c.proc.fileLimit
	if !l.known || l.soft == unlimited || c.report.Core.Destination != ToFile {
		return
	}
	const remedy = "ulimit -f unlimited before the start (systemd: LimitFSIZE=infinity)"
	if l.soft < 4096 {
		c.add(CheckLimit, CodeFileSizeZero, Fail, fmt.Sprintf("RLIMIT_FSIZE is %d bytes: the process may write no file, and no core", l.soft), remedy)
		return
	}
	c.add(CheckLimit, CodeFileSizeLimit, Warn, fmt.Sprintf("RLIMIT_FSIZE cuts every file, and a core, at %d bytes", l.soft), remedy)
}

func limitText(v uint64) string {
	if v == unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(v, 10) + " bytes"
}

// dumpable judges by who owns /proc/PID: the kernel gives it to root when the
// process is not dumpable (proc(5)).
func (c *checker) dumpable() {
	if c.proc.privileged && c.pid != 0 {
		c.add(CheckDumpable, CodePrivileged, Warn, c.who()+" has more privileges than its user: the kernel restricts cores of set-user-ID programs and file capabilities",
			"fs.suid_dumpable=2 with an absolute or piped core_pattern, or give capabilities by the service manager instead of the file")
	}
	switch {
	case c.pid == 0:
		c.add(CheckDumpable, CodeDumpable, OK, "an ordinary executable is dumpable", "")
	case !c.proc.ownerKnown || c.proc.effective == 0:
		c.add(CheckDumpable, CodeDumpableUnknown, OK, "whether "+c.who()+" is dumpable can't be told from outside for a process of root; ordinary ones are", "")
	case c.proc.ownerIsUser:
		c.add(CheckDumpable, CodeDumpable, OK, c.who()+" is dumpable", "")
	default:
		c.notDumpable()
	}
}

// notDumpable tells what fs.suid_dumpable makes of a process that is not
// fully dumpable.
func (c *checker) notDumpable() {
	b, err := c.read("/proc/sys/fs/suid_dumpable")
	if err != nil || strings.TrimSpace(string(b)) != "2" {
		c.add(CheckDumpable, CodeDumpableNo, Fail, c.who()+" is not dumpable (set-user-ID, file capabilities, an executable it may not read, or PR_SET_DUMPABLE)",
			"make the executable readable, drop its file capabilities, or call prctl(PR_SET_DUMPABLE, 1)")
		return
	}
	if to := c.report.Core.Destination; to == ToFile && !strings.HasPrefix(c.report.Core.Pattern, "/") {
		c.add(CheckDumpable, CodeDumpableRestricted, Fail, c.who()+" is dumpable for root only, which a relative core_pattern does not allow", "set an absolute kernel.core_pattern")
		return
	}
	c.add(CheckDumpable, CodeDumpableRestricted, Warn, c.who()+" is dumpable for root only: root will own its core", "")
}

func (c *checker) filter() {
	if c.proc.filterErr != nil || !c.proc.known {
		detail := "coredump_filter of " + c.who() + " can't be read"
		if c.proc.filterErr != nil {
			detail += ": " + c.proc.filterErr.Error()
		}
		c.add(CheckFilter, CodeFilterUnreadable, Warn, detail, "mount /proc, or ask as its own user or as root")
		return
	}
	c.report.Findings = append(c.report.Findings, judgeFilter(c.proc.filter))
}

func (c *checker) directory() {
	if c.report.Core.Destination != ToFile {
		return
	}
	dir := filepath.Dir(c.report.Core.Path)
	if strings.ContainsAny(dir, `*\`) {
		c.add(CheckDirectory, CodeDirectoryUnknown, Warn, "the directory of cores is known only at the crash: "+dir, "")
		return
	}
	// The kernel resolves the path as the process sees it.
	seen := c.path(dir)
	if c.pid != 0 {
		if root := c.path(c.dir(), "root"); isDir(root) {
			seen = filepath.Join(root, dir)
		}
	}
	info, err := os.Stat(seen)
	switch {
	case missing(err) || (err == nil && !info.IsDir()):
		c.add(CheckDirectory, CodeDirectoryMissing, Fail, "the directory of cores does not exist: "+dir, "mkdir -p "+dir)
		return
	case err != nil:
		c.add(CheckDirectory, CodeDirectoryUnknown, Warn, "the directory of cores can't be looked at: "+err.Error(), "ask as the user of the process or as root")
		return
	}
	c.space(dir, seen, mayWrite(info, c.proc))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// space judges a directory that exists.
func (c *checker) space(dir, seen string, allowed bool) {
	fs, err := readStore(seen)
	if fs.readOnly || !allowed {
		why := c.who() + " may not write there"
		if fs.readOnly {
			why = "the file system is read-only"
		}
		c.add(CheckDirectory, CodeDirectoryUnwritable, Fail, "no core can be written into "+dir+": "+why,
			"make it writable for the user of the process, or start the process in another directory")
		return
	}
	c.add(CheckDirectory, CodeDirectoryWritable, OK, dir+" is writable", "")
	need := c.proc.resident + coreHeadroom
	switch {
	case err != nil:
		c.add(CheckDiskSpace, CodeDiskUnknown, Warn, "free space of "+dir+": "+err.Error(), "")
	case fs.free < need:
		c.add(CheckDiskSpace, CodeDiskLow, Warn, fmt.Sprintf("%d MiB are free in %s, a core may need %d", fs.free>>20, dir, need>>20), "make room")
	default:
		c.add(CheckDiskSpace, CodeDiskSpace, OK, fmt.Sprintf("%d MiB are free in %s", fs.free>>20, dir), "")
	}
	c.memory(dir, fs.inMemory, need)
}

// store is a file system: what an ordinary user may still write, in bytes.
type store struct {
	free     uint64
	readOnly bool
	inMemory bool // a tmpfs
}

func (c *checker) inContainer() {
	if c.container == "" {
		c.add(CheckContainer, CodeNoContainer, OK, "nothing hints at a container", "")
		return
	}
	c.add(CheckContainer, CodeContainer, Warn, "this looks like a container: "+c.container,
		"a file is written inside the container and goes with it: keep its directory on a volume")
}

// ptrace tells whether cores can be had without the kernel: withcore, capture
// and demo are debuggers.
func (c *checker) ptrace() {
	const capSysPtrace = 1 << 19
	b, err := c.read("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		if missing(err) {
			c.add(CheckPtrace, CodePtrace, OK, "ptrace(2) is not restricted by Yama", "")
			return
		}
		c.add(CheckPtrace, CodePtraceUnknown, Warn, "ptrace_scope can't be read: "+err.Error(), "")
		return
	}
	scope := strings.TrimSpace(string(b))
	own, err := host{root: c.root}.process()
	admin := err == nil && own.capEffective&capSysPtrace != 0
	switch {
	case scope == "0" || (admin && (scope == "1" || scope == "2")):
		c.add(CheckPtrace, CodePtrace, OK, "ptrace_scope is "+scope+": a process of the same user may be captured", "")
	case scope == "1":
		c.add(CheckPtrace, CodePtraceChildren, OK, "ptrace_scope is 1: demo and withcore work, capture of another process needs root", "as root: sysctl -w kernel.yama.ptrace_scope=0")
	case scope == "2":
		c.add(CheckPtrace, CodePtraceAdmin, Warn, "ptrace_scope is 2: demo, withcore and capture need root", "as root: sysctl -w kernel.yama.ptrace_scope=1")
	case scope == "3":
		c.add(CheckPtrace, CodePtraceOff, Warn, "ptrace_scope is 3: demo, withcore and capture can't work until the next boot", "boot with another kernel.yama.ptrace_scope")
	default:
		c.add(CheckPtrace, CodePtraceUnknown, Warn, "ptrace_scope is not a known number", "")
	}
}
