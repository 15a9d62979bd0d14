package safedump

// Code names one finding about this process or its host. The values are a
// contract with sdcore's doctor: docs/helper.md lists them, both sides test
// against that list.
type Code string

// What /proc/sys/kernel/core_pattern says.
const (
	CodePatternFile       Code = "core-pattern-file"
	CodePatternSystemd    Code = "core-pattern-systemd"
	CodePatternApport     Code = "core-pattern-apport"
	CodePatternABRT       Code = "core-pattern-abrt"
	CodePatternPipe       Code = "core-pattern-pipe"
	CodePatternSocket     Code = "core-pattern-socket"
	CodePatternRuntime    Code = "core-pattern-runtime"
	CodePatternDiscard    Code = "core-pattern-discard"
	CodePatternEmpty      Code = "core-pattern-empty"
	CodePatternInvalid    Code = "core-pattern-invalid"
	CodePatternUnreadable Code = "core-pattern-unreadable"
)

// What RLIMIT_CORE allows.
const (
	CodeLimitUnlimited  Code = "core-limit-unlimited"
	CodeLimitBounded    Code = "core-limit-bounded"
	CodeLimitZero       Code = "core-limit-zero"
	CodeLimitIgnored    Code = "core-limit-ignored"
	CodeLimitUnreadable Code = "core-limit-unreadable"
)

// What RLIMIT_FSIZE, which bounds every file that the process writes, allows.
const (
	CodeFileSizeLimit Code = "file-size-limit"
	CodeFileSizeZero  Code = "file-size-zero"
)

// Whether the kernel may dump this process at all.
const (
	CodeDumpable           Code = "dumpable"
	CodeDumpableNo         Code = "dumpable-no"
	CodeDumpableRestricted Code = "dumpable-restricted"
	CodeDumpableUnknown    Code = "dumpable-unknown"
	CodePrivileged         Code = "privileged-executable"
)

// What coredump_filter leaves out.
const (
	CodeFilterComplete   Code = "coredump-filter-complete"
	CodeFilterNoMemory   Code = "coredump-filter-no-memory"
	CodeFilterPartial    Code = "coredump-filter-partial"
	CodeFilterUnreadable Code = "coredump-filter-unreadable"
)

// Where the core would be written.
const (
	CodeDirectoryWritable   Code = "directory-writable"
	CodeDirectoryMissing    Code = "directory-missing"
	CodeDirectoryUnwritable Code = "directory-unwritable"
	CodeDirectoryUnknown    Code = "directory-unknown"
	CodeDiskSpace           Code = "disk-space"
	CodeDiskLow             Code = "disk-low"
	CodeDiskUnknown         Code = "disk-unknown"
)

// Whether there is memory for a core that is written to memory.
const (
	CodeMemoryRoom    Code = "memory-room"
	CodeMemoryLow     Code = "memory-low"
	CodeMemoryUnknown Code = "memory-unknown"
)

// Where the process runs.
const (
	CodeContainer     Code = "container"
	CodeOSUnsupported Code = "os-unsupported"
)

// What Install itself did, or could not do.
const (
	CodeOptionsInvalid       Code = "options-invalid"
	CodeTracebackCrash       Code = "traceback-crash"
	CodeTracebackKept        Code = "traceback-kept"
	CodeLimitNotRaised       Code = "core-limit-not-raised"
	CodeFilterNotSet         Code = "coredump-filter-not-set"
	CodeDumpableSet          Code = "dumpable-set"
	CodeDumpableNotSet       Code = "dumpable-not-set"
	CodeKeptDiskLow          Code = "kept-disk-low"
	CodeCrashText            Code = "crash-text"
	CodeCrashTextUnsupported Code = "crash-text-unsupported"
	CodeCrashTextFailed      Code = "crash-text-failed"
	CodeSidecar              Code = "sidecar"
	CodeSidecarFailed        Code = "sidecar-failed"
	CodeMonitor              Code = "monitor"
	CodeMonitorLimited       Code = "monitor-limited"
	CodeMonitorNoCore        Code = "monitor-no-core"
	CodeMonitorFailed        Code = "monitor-failed"
	CodeMonitorGone          Code = "monitor-gone"
	CodeLaterMonitor         Code = "later-monitor"
	CodeLaterGoroutine       Code = "later-goroutine"
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
		CodeOptionsInvalid, CodeTracebackCrash, CodeTracebackKept, CodeLimitNotRaised, CodeFilterNotSet,
		CodeDumpableSet, CodeDumpableNotSet, CodeKeptDiskLow,
		CodeCrashText, CodeCrashTextUnsupported, CodeCrashTextFailed, CodeSidecar, CodeSidecarFailed,
		CodeMonitor, CodeMonitorLimited, CodeMonitorNoCore, CodeMonitorFailed, CodeMonitorGone,
		CodeLaterMonitor, CodeLaterGoroutine,
	}
}
