package safedump

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/safedump/sdcore/safedump/internal/headroom"
)

// coreHeadroom is what must be free beside the memory that the process has
// now before the disk counts as large enough: it will have grown when it dies.
const coreHeadroom = 256 << 20

// diagnoseHost fills s with what the host and this process say about the next
// core, from the pattern to the disk.
func diagnoseHost(s *Status) {
	s.Limit, _ = readLimit()
	facts := readPatternFacts(s.Limit)
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil {
		s.Core = Core{Destination: ToUnknown}
		s.add(CodePatternUnreadable, Warn, "core_pattern can't be read: "+err.Error(), "mount /proc")
	} else {
		s.Core = parsePattern(string(pattern), facts)
		s.Diagnoses = append(s.Diagnoses, diagnosePattern(s.Core, containerHint()))
	}
	s.Diagnoses = append(s.Diagnoses, diagnoseLimit(s.Limit, s.Core.Destination))
	s.diagnoseFileSize()
	s.diagnoseDumpable()
	s.diagnoseFilter()
	if hint := containerHint(); hint != "" {
		s.add(CodeContainer, Warn, "this looks like a container: "+hint,
			"a file is written inside the container and goes with it: keep its directory on a volume")
	}
	if s.Core.Destination == ToFile {
		s.diagnoseDirectory(filepath.Dir(s.Core.Path))
	}
	for _, d := range s.Diagnoses {
		if d.Severity == Fail {
			s.Core.Destination = ToNowhere
		}
	}
}

// diagnosePattern explains a core_pattern. container is the hint that this
// process is in one: a handler runs on the host then.
func diagnosePattern(c Core, container string) Diagnosis {
	switch c.Destination {
	case ToFile:
		return Diagnosis{Code: CodePatternFile, Severity: OK,
			Message: fmt.Sprintf("core_pattern %q makes the kernel write %s", c.Pattern, c.Path)}
	case ToSocket:
		return Diagnosis{Code: CodePatternSocket, Severity: Warn,
			Message: fmt.Sprintf("core_pattern %q hands cores to a socket", c.Pattern),
			Remedy:  "ask its owner where cores go"}
	case ToNowhere:
		if c.Pattern == "" {
			return Diagnosis{Code: CodePatternEmpty, Severity: Fail, Message: "core_pattern is empty: the kernel writes no core",
				Remedy: "as root on the host: sysctl -w kernel.core_pattern=core.%p"}
		}
		return Diagnosis{Code: CodePatternInvalid, Severity: Fail,
			Message: fmt.Sprintf("core_pattern %q names no program", c.Pattern),
			Remedy:  "as root on the host: sysctl -w kernel.core_pattern=core.%p"}
	case ToPipe:
		return diagnosePipe(c, container)
	}
	return Diagnosis{Code: CodePatternInvalid, Severity: Warn,
		Message: fmt.Sprintf("core_pattern %q is relative and the working directory is not known", c.Pattern)}
}

// diagnosePipe explains a core_pattern that starts a program.
func diagnosePipe(c Core, container string) Diagnosis {
	d := Diagnosis{Code: handlerCode(c.Handler), Severity: Warn}
	switch d.Code {
	case CodePatternSystemd:
		d.Severity = OK
		d.Message = "cores go to systemd-coredump"
		d.Remedy = "get one with: coredumpctl dump " + strconv.Itoa(os.Getpid()) + " -o core"
	case CodePatternApport:
		d.Message = "cores go to apport, which keeps those of packaged programs, and others only when told to"
		d.Remedy = "look in /var/lib/apport/coredump and /var/crash, or stop apport and set kernel.core_pattern=core.%p"
	case CodePatternABRT:
		d.Message = "cores go to ABRT, which keeps those of packaged programs, and others only when told to"
		d.Remedy = "set ProcessUnpackaged = yes in /etc/abrt/abrt-action-save-package-data.conf; look in /var/spool/abrt"
	case CodePatternRuntime:
		d.Message = fmt.Sprintf("core_pattern %q hands cores to the collector of the container runtime or virtual machine", c.Pattern)
		d.Remedy = "ask its owner where cores go; where that is out of reach use Options.Monitor, Capture, or withcore"
	case CodePatternDiscard:
		d.Severity = Fail
		d.Message = fmt.Sprintf("core_pattern %q hands cores to a program that throws them away", c.Pattern)
		d.Remedy = "as root on the host: sysctl -w kernel.core_pattern=core.%p; where that is out of reach use Options.Monitor, Capture, or withcore"
		return d
	default:
		d.Message = fmt.Sprintf("core_pattern %q hands cores to a program", c.Pattern)
		d.Remedy = "ask its owner where cores go"
	}
	if container != "" {
		d.Severity = Warn
		d.Message += "; the program runs on the host, outside of this container"
	}
	return d
}

// diagnoseLimit explains RLIMIT_CORE for the way that a core takes.
func diagnoseLimit(l Limit, to Destination) Diagnosis {
	switch {
	case !l.Known:
		return Diagnosis{Code: CodeLimitUnreadable, Severity: Warn, Message: "RLIMIT_CORE can't be read"}
	case l.Soft == Unlimited:
		return Diagnosis{Code: CodeLimitUnlimited, Severity: OK, Message: "RLIMIT_CORE is unlimited"}
	case to == ToPipe || to == ToSocket:
		// The kernel refuses a limit of 1 there (fs/coredump.c) and leaves
		// every other to the handler.
		if l.Soft == 1 {
			return Diagnosis{Code: CodeLimitZero, Severity: Fail, Message: "RLIMIT_CORE is 1, which means no core for a handler",
				Remedy: "ulimit -c unlimited"}
		}
		return Diagnosis{Code: CodeLimitIgnored, Severity: Warn,
			Message: fmt.Sprintf("RLIMIT_CORE is %d bytes: the kernel ignores it for a handler, the handler may not", l.Soft),
			Remedy:  "ulimit -c unlimited (docker: --ulimit core=-1, systemd: LimitCORE=infinity)"}
	case l.Soft < 4096:
		return Diagnosis{Code: CodeLimitZero, Severity: Fail,
			Message: fmt.Sprintf("RLIMIT_CORE is %d bytes, its hard limit %s", l.Soft, limitText(l.Hard)),
			Remedy:  "ulimit -c unlimited before the start (docker: --ulimit core=-1, systemd: LimitCORE=infinity)"}
	}
	return Diagnosis{Code: CodeLimitBounded, Severity: Warn,
		Message: fmt.Sprintf("RLIMIT_CORE cuts a core at %d bytes", l.Soft),
		Remedy:  "ulimit -c unlimited before the start (docker: --ulimit core=-1, systemd: LimitCORE=infinity)"}
}

// diagnoseFileSize looks at the limit on files, which holds for the core too.
func (s *Status) diagnoseFileSize() {
	limit, err := readFileLimit()
	if err != nil || limit == Unlimited || s.Core.Destination != ToFile {
		return
	}
	s.Diagnoses = append(s.Diagnoses, judgeFileSize(limit))
}

func judgeFileSize(limit uint64) Diagnosis {
	const remedy = "ulimit -f unlimited before the start (systemd: LimitFSIZE=infinity)"
	if limit < 4096 {
		return Diagnosis{Code: CodeFileSizeZero, Severity: Fail, Remedy: remedy,
			Message: fmt.Sprintf("RLIMIT_FSIZE is %d bytes: the process may write no file, and no core", limit)}
	}
	return Diagnosis{Code: CodeFileSizeLimit, Severity: Warn, Remedy: remedy,
		Message: fmt.Sprintf("RLIMIT_FSIZE cuts every file, and a core, at %d bytes", limit)}
}

// diagnoseMemory looks whether a core that is written to memory has room: a
// tmpfs counts against the cgroup of the process, which is then killed in the
// middle of its dump. A core on a disk takes page cache, which the kernel gives
// back.
func (s *Status) diagnoseMemory(dir string, need uint64) {
	if !inMemory(dir) {
		return
	}
	b, ok := headroom.Lowest()
	switch {
	case !ok:
		s.add(CodeMemoryUnknown, Warn, dir+" is in memory (tmpfs), and how much of that is left can't be told", "let cores go to a disk")
	case b.Free < need:
		s.add(CodeMemoryLow, Warn, fmt.Sprintf("%s is in memory (tmpfs): %d MiB are left to %s, a core may need %d, and the kernel kills for the difference", dir, b.Free>>20, b.Name, need>>20),
			"let cores go to a disk, or raise the memory limit")
	default:
		s.add(CodeMemoryRoom, OK, fmt.Sprintf("%s is in memory (tmpfs): %d MiB are left to %s", dir, b.Free>>20, b.Name), "")
	}
}

func limitText(v uint64) string {
	if v == Unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(v, 10) + " bytes"
}

func (s *Status) diagnoseDumpable() {
	d, err := readDumpable()
	secure, known := secureExec()
	privileged := known && secure
	if privileged {
		s.add(CodePrivileged, Warn, "the executable gained privileges at its start (set-user-ID or file capabilities): the kernel restricts cores of it",
			"fs.suid_dumpable=2 with an absolute or piped core_pattern, or give capabilities by the service manager instead of the file")
	}
	switch {
	case err != nil:
		s.add(CodeDumpableUnknown, Warn, "PR_GET_DUMPABLE: "+err.Error(), "")
	case d == 0:
		s.add(CodeDumpableNo, Fail, "the process is not dumpable (set-user-ID, file capabilities, an executable it may not read, or PR_SET_DUMPABLE)",
			"make the executable readable, drop its file capabilities, or call prctl(PR_SET_DUMPABLE, 1)")
	case d == 1:
		s.add(CodeDumpable, OK, "the process is dumpable", "")
	default:
		s.diagnoseRestricted()
	}
}

// diagnoseRestricted is for dumpable 2: root's eyes only, and the kernel
// refuses a relative file name (fs/coredump.c).
func (s *Status) diagnoseRestricted() {
	if s.Core.Destination == ToFile && !strings.HasPrefix(s.Core.Pattern, "/") {
		s.add(CodeDumpableRestricted, Fail, "the process is dumpable for root only, which a relative core_pattern does not allow",
			"set an absolute kernel.core_pattern")
		return
	}
	s.add(CodeDumpableRestricted, Warn, "the process is dumpable for root only: root will own its core", "")
}

func (s *Status) diagnoseFilter() {
	bits, err := readFilter()
	if err != nil {
		s.add(CodeFilterUnreadable, Warn, "coredump_filter can't be read: "+err.Error(), "mount /proc")
		return
	}
	s.Filter, s.FilterKnown = bits, true
	s.Diagnoses = append(s.Diagnoses, diagnoseFilter(bits))
}

// diagnoseDirectory looks whether the kernel could write a core into dir.
func (s *Status) diagnoseDirectory(dir string) {
	if strings.ContainsAny(dir, `*\`) {
		s.add(CodeDirectoryUnknown, Warn, "the directory of cores is known only at the crash: "+dir, "")
		return
	}
	err := writable(dir)
	switch {
	case err == nil:
		s.add(CodeDirectoryWritable, OK, dir+" is writable", "")
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		s.add(CodeDirectoryMissing, Fail, "the directory of cores does not exist: "+dir, "mkdir -p "+dir)
		return
	default:
		s.add(CodeDirectoryUnwritable, Fail, "no core can be written into "+dir+": "+err.Error(),
			"make it writable for the user of the process, or start the process in another directory")
		return
	}
	free, err := freeSpace(dir)
	need := residentSize() + coreHeadroom
	switch {
	case err != nil:
		s.add(CodeDiskUnknown, Warn, "free space of "+dir+": "+err.Error(), "")
	case free < need:
		s.add(CodeDiskLow, Warn, fmt.Sprintf("%d MiB are free in %s, a core may need %d", free>>20, dir, need>>20), "make room")
	default:
		s.add(CodeDiskSpace, OK, fmt.Sprintf("%d MiB are free in %s", free>>20, dir), "")
	}
	s.diagnoseMemory(dir, need)
}
