package monitor

import (
	"errors"
	"time"
)

// Version is that of the messages. Both ends are the same executable.
const Version = 1

// childName is argv[0] of a monitor, childVar marks its environment. Both
// together make IsChild true: the variable alone may have leaked.
const (
	childName = "safedump-monitor"
	childVar  = "SAFEDUMP_MONITOR"
)

// Suffixes of the files that a monitor makes, after Config.Base.
const (
	CoreSuffix   = ".core"
	RecordSuffix = ".monitor.json"
	ReportSuffix = ".safedump.json"
)

// ErrUnsupported is returned by Start where there is no monitor.
var ErrUnsupported = errors.New("the monitor works on Linux on amd64 and arm64 only")

// ErrGone is returned when the monitor is not there any more.
var ErrGone = errors.New("the monitor is gone")

// Config is what the host tells its monitor.
type Config struct {
	Version int
	PID     int    // of the host
	Base    string // absolute path and first part of the names of all files
	// Crash is true when the host's runtime writes into the pipe.
	Crash bool
	// Timeout bounds the time for which a dying host is held.
	Timeout time.Duration
	// Analyze runs sdcore on each core, if it is found.
	Analyze bool
}

// Ready is the monitor's answer: what it may do to the host. Empty strings
// mean that it may.
type Ready struct {
	Ptrace string // why ptrace(2) is of no use
	Memory string // why /proc/PID/mem is of no use
	Record string // why there is no record
}

// Holds reports whether a core can be had.
func (r Ready) Holds() bool { return r.Memory == "" }

// The requests of a host.
const (
	opLater  = "later"  // dump after a time; takes the place of the last one
	opCancel = "cancel" // no dump after a time
	opDump   = "dump"   // dump now, and answer
)

type request struct {
	Op           string
	Seq          int           `json:",omitempty"` // of opDump, repeated by the reply
	After        time.Duration `json:",omitempty"`
	Repeat, Exit bool          `json:",omitempty"`
	Reason       string        `json:",omitempty"`
}

type reply struct {
	Seq  int
	Dump Dump
}

// Dump is one core that was taken, or not.
type Dump struct {
	Reason string `json:"reason"` // "crash", "later", or the host's word
	Time   string `json:"time"`   // RFC 3339, UTC
	Core   string `json:"core,omitempty"`
	Report string `json:"report,omitempty"`
	// Threads counts those in the core, Missing lists those that are not.
	Threads int   `json:"threads,omitempty"`
	Missing []int `json:"missing_threads,omitempty"`
	// Crashed is the thread that stands in the crash, 0 when it is not known.
	Crashed int `json:"crashed_thread,omitempty"`
	// Bare is true when ptrace(2) was of no use: the threads were not stopped,
	// and of their registers there are the program counter, the stack pointer
	// and the arguments of the system call that they wait in.
	Bare       bool   `json:"bare,omitempty"`
	Bytes      uint64 `json:"bytes,omitempty"` // of memory, in the core
	Unreadable uint64 `json:"unreadable,omitempty"`
	StoppedMS  int64  `json:"stopped_ms"` // how long the threads stood
	Problem    string `json:"problem,omitempty"`
}

// Record is the content of the file with RecordSuffix, docs/helper.md.
type Record struct {
	Version    int    `json:"monitor_version"`
	PID        int    `json:"pid"`
	MonitorPID int    `json:"monitor_pid"`
	StartTime  string `json:"start_time"`
	// State is "running" while the host lives, "crashed" when its runtime
	// began to die, "out-of-memory" when the kernel counted a process killed
	// for memory when the host ended, "ended" when it ended otherwise, after dumps
	// or with little memory left. A record that says "running" of a host
	// that is gone: both were killed at once.
	State  string  `json:"state"`
	Memory *Memory `json:"memory,omitempty"`
	Dumps  []Dump  `json:"dumps,omitempty"`
	// DumpsDropped counts dumps that are not listed.
	DumpsDropped int   `json:"dumps_dropped,omitempty"`
	TextBytes    int64 `json:"text_bytes,omitempty"` // that the runtime printed
	TextLost     int64 `json:"text_lost,omitempty"`  // of these, not in the file
}

// Memory is how much memory the host had, in bytes; absent parts are unknown.
type Memory struct {
	Time     string `json:"time"`
	RSS      uint64 `json:"rss"`
	Anon     uint64 `json:"anon,omitempty"`
	Swap     uint64 `json:"swap,omitempty"`
	Peak     uint64 `json:"peak_rss,omitempty"`
	Limit    uint64 `json:"limit,omitempty"` // the lower of the cgroup's and the machine's
	Group    string `json:"cgroup,omitempty"`
	GroupUse uint64 `json:"cgroup_usage,omitempty"`
	OOMKills uint64 `json:"oom_kills"` // in the cgroup, or on the machine
}

// Tight reports whether the memory is above four fifths of its limit.
func (m *Memory) Tight() bool {
	return m != nil && m.Limit > 0 && max(m.RSS+m.Swap, m.GroupUse) >= m.Limit/5*4
}
