package safedump

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoCore is wrapped by the error of Install when no core of this process
// is to be expected.
var ErrNoCore = errors.New("no core dump is to be expected")

// Severity says how much a diagnosis matters.
type Severity string

// The severities.
const (
	OK   Severity = "ok"   // as it should be
	Warn Severity = "warn" // a core is possible, but not surely, not whole, or not in sight
	Fail Severity = "fail" // no core, whatever else is right
)

// Diagnosis is one finding: a code for machines, words for people.
type Diagnosis struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Remedy   string   `json:"remedy,omitempty"` // what to do about it; empty when nothing needs to be done
}

// Destination is the way that a core takes.
type Destination string

// The destinations.
const (
	ToFile    Destination = "file"    // the kernel writes Core.Path
	ToPipe    Destination = "pipe"    // the kernel starts Core.Handler on the host
	ToSocket  Destination = "socket"  // the kernel connects to Core.Handler
	ToMonitor Destination = "monitor" // the monitor writes Core.Path, see Options.Monitor
	ToNowhere Destination = "none"    // no core will be made
	ToUnknown Destination = "unknown" // it can't be told from here
)

// Core tells where the next core of this process will land.
type Core struct {
	Destination Destination `json:"destination"`
	// Pattern is the text of /proc/sys/kernel/core_pattern.
	Pattern string `json:"pattern,omitempty"`
	// Path is the absolute path of the file for ToFile. When Glob is set it is
	// a pattern as of path/filepath.Match: parts of the name (the time of the
	// crash, the thread) are known only then.
	Path string `json:"path,omitempty"`
	Glob bool   `json:"glob,omitempty"`
	// Handler is the command line for ToPipe, the address for ToSocket.
	Handler string `json:"handler,omitempty"`
}

// Limit is RLIMIT_CORE in bytes; Unlimited means no limit.
type Limit struct {
	Soft  uint64 `json:"soft"`
	Hard  uint64 `json:"hard"`
	Known bool   `json:"known"`
}

// Unlimited is RLIM_INFINITY of Linux on 64-bit machines.
const Unlimited = ^uint64(0)

// Status is what Install found and did.
type Status struct {
	// Enabled is true between Install and Uninstall.
	Enabled bool `json:"enabled"`
	// Traceback is the traceback level that Install set, "" when it left the
	// host's own alone. Level crash has a price, which the diagnosis
	// CodeTracebackCrash tells.
	Traceback string `json:"traceback,omitempty"`
	// Core tells where a core will land, or why none will.
	Core Core `json:"core"`
	// Limit is RLIMIT_CORE as it is now.
	Limit Limit `json:"limit"`
	// Filter is /proc/self/coredump_filter as it is now; valid if FilterKnown.
	Filter      uint32 `json:"filter"`
	FilterKnown bool   `json:"filter_known"`
	// CrashText and Sidecar are the paths of the files that Install keeps,
	// empty when there are none.
	CrashText string `json:"crash_text,omitempty"`
	Sidecar   string `json:"sidecar,omitempty"`
	// Monitor is the PID of the monitor, 0 when there is none.
	Monitor int `json:"monitor,omitempty"`
	// Later tells how DumpLater works while it is on: LaterMonitor or
	// LaterGoroutine.
	Later string `json:"later,omitempty"`
	// Diagnoses lists every finding, in the order of the way that a core takes.
	Diagnoses []Diagnosis `json:"diagnoses"`
}

// Has reports whether a diagnosis with this code is present.
func (s Status) Has(c Code) bool {
	for _, d := range s.Diagnoses {
		if d.Code == c {
			return true
		}
	}
	return false
}

func (s *Status) add(code Code, sev Severity, message, remedy string) {
	s.Diagnoses = append(s.Diagnoses, Diagnosis{Code: code, Severity: sev, Message: message, Remedy: remedy})
}

// String is the status in words, one line for each diagnosis.
func (s Status) String() string {
	var b strings.Builder
	b.WriteString(s.Core.String())
	for _, d := range s.Diagnoses {
		fmt.Fprintf(&b, "\n[%s] %s: %s", d.Severity, d.Code, d.Message)
		if d.Remedy != "" {
			fmt.Fprintf(&b, " (%s)", d.Remedy)
		}
	}
	return b.String()
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
	case ToMonitor:
		return "the monitor will write a core to " + c.Path
	case ToSocket:
		return "a core will be sent to the socket " + c.Handler
	case ToNowhere:
		return "no core will be written"
	}
	return "where a core will land is not known"
}

// failures is the error that Install returns for a status: nil without a
// diagnosis of severity Fail.
func (s Status) failures() error {
	var texts []string
	for _, d := range s.Diagnoses {
		if d.Severity == Fail {
			texts = append(texts, string(d.Code)+": "+d.Message)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("safedump: %w: %s", ErrNoCore, strings.Join(texts, "; "))
}
