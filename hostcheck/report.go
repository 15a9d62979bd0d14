package hostcheck

// Status says how much a finding matters.
type Status string

// The statuses.
const (
	OK   Status = "ok"   // as it should be
	Warn Status = "warn" // a core is possible, but not surely, not whole, or not in sight
	Fail Status = "fail" // no core, whatever else is right
)

// ID names a check. Each check gives at least one finding.
type ID string

// The checks, in the order of the way that a core takes.
const (
	CheckCorePattern ID = "core_pattern"
	CheckHandler     ID = "handler"
	CheckLimit       ID = "core_limit"
	CheckDumpable    ID = "dumpable"
	CheckFilter      ID = "coredump_filter"
	CheckDirectory   ID = "directory"
	CheckDiskSpace   ID = "disk_space"
	CheckMemory      ID = "memory"
	CheckContainer   ID = "container"
	CheckPtrace      ID = "ptrace"
	CheckMonitor     ID = "monitor"
)

// Code names a finding; docs/helper.md lists them all.
type Code string

// Codes that package safedump has, too.
const (
	CodePatternFile         Code = "core-pattern-file"
	CodePatternSystemd      Code = "core-pattern-systemd"
	CodePatternApport       Code = "core-pattern-apport"
	CodePatternABRT         Code = "core-pattern-abrt"
	CodePatternPipe         Code = "core-pattern-pipe"
	CodePatternSocket       Code = "core-pattern-socket"
	CodePatternRuntime      Code = "core-pattern-runtime"
	CodePatternDiscard      Code = "core-pattern-discard"
	CodePatternEmpty        Code = "core-pattern-empty"
	CodePatternInvalid      Code = "core-pattern-invalid"
	CodePatternUnreadable   Code = "core-pattern-unreadable"
	CodeLimitUnlimited      Code = "core-limit-unlimited"
	CodeLimitBounded        Code = "core-limit-bounded"
	CodeLimitZero           Code = "core-limit-zero"
	CodeLimitIgnored        Code = "core-limit-ignored"
	CodeLimitUnreadable     Code = "core-limit-unreadable"
	CodeFileSizeLimit       Code = "file-size-limit"
	CodeFileSizeZero        Code = "file-size-zero"
	CodeDumpable            Code = "dumpable"
	CodeDumpableNo          Code = "dumpable-no"
	CodeDumpableRestricted  Code = "dumpable-restricted"
	CodeDumpableUnknown     Code = "dumpable-unknown"
	CodePrivileged          Code = "privileged-executable"
	CodeFilterComplete      Code = "coredump-filter-complete"
	CodeFilterNoMemory      Code = "coredump-filter-no-memory"
	CodeFilterPartial       Code = "coredump-filter-partial"
	CodeFilterUnreadable    Code = "coredump-filter-unreadable"
	CodeDirectoryWritable   Code = "directory-writable"
	CodeDirectoryMissing    Code = "directory-missing"
	CodeDirectoryUnwritable Code = "directory-unwritable"
	CodeDirectoryUnknown    Code = "directory-unknown"
	CodeDiskSpace           Code = "disk-space"
	CodeDiskLow             Code = "disk-low"
	CodeDiskUnknown         Code = "disk-unknown"
	CodeMemoryRoom          Code = "memory-room"
	CodeMemoryLow           Code = "memory-low"
	CodeMemoryUnknown       Code = "memory-unknown"
	CodeContainer           Code = "container"
	CodeOSUnsupported       Code = "os-unsupported"
)

// Codes of this package only.
const (
	CodeNoContainer        Code = "container-none"
	CodeHandlerPresent     Code = "handler-present"
	CodeHandlerMissing     Code = "handler-missing"
	CodeHandlerUnknown     Code = "handler-unknown"
	CodeHandlerStorageNone Code = "handler-storage-none"
	CodePtrace             Code = "ptrace"
	CodePtraceChildren     Code = "ptrace-children-only"
	CodePtraceAdmin        Code = "ptrace-admin-only"
	CodePtraceOff          Code = "ptrace-off"
	CodePtraceUnknown      Code = "ptrace-unknown"
	CodeProcessMissing     Code = "process-missing"
	CodeMonitorPresent     Code = "monitor-present"
)

// codes lists every code above, in the order of docs/helper.md.
func codes() []Code {
	return []Code{
		CodePatternFile, CodePatternSystemd, CodePatternApport, CodePatternABRT, CodePatternPipe,
		CodePatternRuntime, CodePatternDiscard, CodePatternSocket, CodePatternEmpty, CodePatternInvalid, CodePatternUnreadable,
		CodeLimitUnlimited, CodeLimitBounded, CodeLimitZero, CodeLimitIgnored, CodeLimitUnreadable,
		CodeFileSizeLimit, CodeFileSizeZero,
		CodeDumpable, CodeDumpableNo, CodeDumpableRestricted, CodeDumpableUnknown, CodePrivileged,
		CodeFilterComplete, CodeFilterNoMemory, CodeFilterPartial, CodeFilterUnreadable,
		CodeDirectoryWritable, CodeDirectoryMissing, CodeDirectoryUnwritable, CodeDirectoryUnknown,
		CodeDiskSpace, CodeDiskLow, CodeDiskUnknown, CodeMemoryRoom, CodeMemoryLow, CodeMemoryUnknown, CodeContainer, CodeOSUnsupported,
		CodeNoContainer, CodeHandlerPresent, CodeHandlerMissing, CodeHandlerUnknown, CodeHandlerStorageNone,
		CodePtrace, CodePtraceChildren, CodePtraceAdmin, CodePtraceOff, CodePtraceUnknown, CodeProcessMissing, CodeMonitorPresent,
	}
}

// Finding is the answer of one check.
type Finding struct {
	ID     ID     `json:"id"`
	Code   Code   `json:"code"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // what to do; empty when nothing needs to be done
}

// Destination is the way that a core takes.
type Destination string

// The destinations.
const (
	ToFile    Destination = "file"    // the kernel writes Core.Path
	ToPipe    Destination = "pipe"    // the kernel starts Core.Handler on the host
	ToSocket  Destination = "socket"  // the kernel connects to Core.Handler
	ToMonitor Destination = "monitor" // the helper's monitor writes a file
	ToNowhere Destination = "none"    // no core will be made
	ToUnknown Destination = "unknown" // it can't be told from here
)

// Core tells where the next core would land.
type Core struct {
	Destination Destination `json:"destination"`
	Pattern     string      `json:"pattern,omitempty"` // text of core_pattern
	// Path is the absolute path of the file for ToFile. When Glob is set it is
	// a pattern as of path/filepath.Match: parts of the name are known only
	// at the crash.
	Path string `json:"path,omitempty"`
	Glob bool   `json:"glob,omitempty"`
	// Handler is the command line for ToPipe, the address for ToSocket.
	Handler string `json:"handler,omitempty"`
}

// Report is what Check found.
type Report struct {
	PID      int       `json:"pid,omitempty"` // the process asked about, 0 for the host
	Core     Core      `json:"core"`
	Findings []Finding `json:"findings"`
}

// Worst is the worst status of all findings.
func (r Report) Worst() Status {
	worst := OK
	for _, f := range r.Findings {
		switch {
		case f.Status == Fail:
			return Fail
		case f.Status == Warn:
			worst = Warn
		}
	}
	return worst
}

// String says in one sentence where the core will land.
func (c Core) String() string {
	switch c.Destination {
	case ToFile:
		if c.Glob {
			return "a core will be written to a file that matches " + c.Path
		}
		return "a core will be written to " + c.Path
	case ToPipe:
		return "a core will be handed to: " + c.Handler
	case ToSocket:
		return "a core will be sent to the socket " + c.Handler
	case ToMonitor:
		return "the helper's monitor will write a core"
	case ToNowhere:
		return "no core will be written"
	}
	return "where a core will land is not known"
}
