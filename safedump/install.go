package safedump

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// Options change what Install does. The zero value does everything.
type Options struct {
	// Dir takes the crash text and the sidecar; it is made with mode 0700.
	// Default: ~/.safedump.
	Dir string
	// KeepTraceback leaves the traceback level alone. Below "crash" a panic
	// ends the program without a signal, and so without a core.
	KeepTraceback bool
	// KeepLimit leaves RLIMIT_CORE alone.
	KeepLimit bool
	// KeepFilter leaves coredump_filter alone.
	KeepFilter bool
	// NoCrashText keeps no copy of the crash text. The runtime has one such
	// copy: a program that calls debug.SetCrashOutput itself, before or after
	// Install, wants this.
	NoCrashText bool
	// NoSidecar writes no sidecar.
	NoSidecar bool
	// Monitor starts this executable once more, as a small child process that
	// takes the core when this one dies: with no help of the kernel's, at the
	// traceback level and with the exit status that the program has by itself.
	// Install must be the first statement of main then: what comes before it,
	// package inits included, runs in both. Where there is no monitor (see
	// Status) Install does what it does without.
	Monitor bool
	// MonitorTimeout bounds how long the monitor may hold a process that dies.
	// Default: one minute.
	MonitorTimeout time.Duration
	// Analyze has the monitor run sdcore, where it is found in PATH, on each
	// core, keep the report and remove the core.
	Analyze bool
}

// session is what Install changed and Uninstall has to put back.
type session struct {
	options   Options
	limit     *uint64 // old soft RLIMIT_CORE, nil when it was not changed
	filter    *uint32 // old coredump_filter, nil when it was not changed
	crashText string
	sidecar   string
	lock      *os.File // the sidecar, open: its lock says that we live
	done      []Diagnosis
	raised    bool        // the traceback level
	monitor   *watch      // nil when there is none
	later     *laterTimer // nil when DumpLater is off
}

// current is the one piece of state of this package. It mirrors state that the
// process has once, too: traceback level, limits and crash output.
var current struct {
	sync.Mutex
	session *session
}

// Install prepares this process for its next crash and says what will come of
// it. Everything that can be done is done; the error is not nil when no core
// is to be expected (it wraps ErrNoCore and lists why), and the Status is
// valid in any case. A second call changes nothing and returns the Status of
// that moment; its options count only after Uninstall.
func Install(o Options) (Status, error) {
	if monitor.IsChild() {
		monitor.Main(monitor.Options{}) // does not return
	}
	current.Lock()
	defer current.Unlock()
	if current.session == nil {
		current.session = install(o)
	}
	s := current.session.status()
	return s, s.failures()
}

// Enabled reports whether Install is in effect.
func Enabled() bool {
	current.Lock()
	defer current.Unlock()
	return current.session != nil
}

// Diagnose says the same as Install about the next core of this process, and
// changes nothing.
func Diagnose() Status {
	current.Lock()
	defer current.Unlock()
	if current.session != nil {
		return current.session.status()
	}
	var s Status
	diagnoseHost(&s)
	return s
}

// Uninstall puts back RLIMIT_CORE and coredump_filter as Install found them,
// stops the copy of the crash text and removes Install's files. The traceback
// level goes back to what GOTRACEBACK says: the runtime does not tell which
// level the program itself may have set. Without Install it does nothing.
func Uninstall() error {
	current.Lock()
	defer current.Unlock()
	s := current.session
	if s == nil {
		return nil
	}
	current.session = nil
	return s.undo()
}

func install(o Options) *session {
	s := &session{options: o}
	now := time.Now()
	if o.Monitor {
		s.startMonitor(now)
	}
	if !s.watched() { // the monitor needs nothing of this
		s.raiseLevel()
		if coresSupported {
			s.raiseLimit()
			s.widenFilter()
		}
	}
	if o.NoCrashText && o.NoSidecar {
		return s
	}
	dir, err := makeDir(o.Dir)
	if err != nil {
		if !o.NoCrashText {
			s.note(CodeCrashTextFailed, Warn, "no crash text is kept: "+err.Error(), "set Options.Dir")
		}
		if !o.NoSidecar {
			s.note(CodeSidecarFailed, Warn, "no sidecar is written: "+err.Error(), "set Options.Dir")
		}
		return s
	}
	pruneDead(dir)
	base := filepath.Join(dir, baseName(now))
	s.keepCrashText(base + crashTextSuffix)
	s.writeSidecar(base+sidecarSuffix, now)
	return s
}

// status is the situation of this moment.
func (s *session) status() Status {
	st := Status{Enabled: true, CrashText: s.crashText, Sidecar: s.sidecar}
	diagnoseHost(&st)
	s.addMonitor(&st)
	st.Diagnoses = append(st.Diagnoses, s.done...)
	s.addLater(&st)
	return st
}

func (s *session) note(code Code, sev Severity, message, remedy string) {
	s.done = append(s.done, Diagnosis{Code: code, Severity: sev, Message: message, Remedy: remedy})
}

func (s *session) raiseLevel() {
	if s.options.KeepTraceback {
		s.note(CodeTracebackKept, Warn, "the traceback level is left alone: below \"crash\" a panic makes no core", "start the program with GOTRACEBACK=crash")
		return
	}
	debug.SetTraceback("crash")
	s.raised = true
	s.note(CodeTracebackCrash, OK, "a crash prints every goroutine (100 000 of them: 150 MB on stderr, 19 s) and ends by SIGABRT, exit status 134 instead of 2", "")
}

func (s *session) raiseLimit() {
	if s.options.KeepLimit {
		return
	}
	l, err := readLimit()
	if err != nil || l.Soft == l.Hard {
		return
	}
	if err := setSoftLimit(l.Hard); err != nil {
		s.note(CodeLimitNotRaised, Warn, "RLIMIT_CORE can't be raised to its hard limit: "+err.Error(), "ulimit -c unlimited before the start")
		return
	}
	s.limit = &l.Soft
}

func (s *session) widenFilter() {
	if s.options.KeepFilter {
		return
	}
	bits, err := readFilter()
	if err != nil || bits&filterNeeded == filterNeeded {
		return // an unreadable filter is diagnosed by diagnoseHost
	}
	if err := writeFilter(bits | filterNeeded); err != nil {
		s.note(CodeFilterNotSet, Warn, "coredump_filter can't be set: "+err.Error(), "write 0x33 to it in the parent process")
		return
	}
	s.filter = &bits
}

func (s *session) keepCrashText(path string) {
	if s.options.NoCrashText || s.monitor != nil && s.monitor.brake {
		return // not wanted, or the monitor's
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		s.note(CodeCrashTextFailed, Warn, "no crash text is kept: "+err.Error(), "set Options.Dir to a directory that is writable")
		return
	}
	supported, err := setCrashOutput(f)
	if supported && err == nil {
		err = f.Close() // the runtime has its own duplicate
	} else {
		err = errors.Join(err, f.Close(), os.Remove(path))
	}
	switch {
	case !supported:
		s.note(CodeCrashTextUnsupported, Warn, "no crash text is kept: debug.SetCrashOutput came with go1.23", "build with go1.23 or newer, or keep stderr")
	case err != nil:
		s.note(CodeCrashTextFailed, Warn, "no crash text is kept: "+err.Error(), "")
	default:
		s.crashText = path
		s.note(CodeCrashText, OK, "the crash text is copied to "+path, "")
	}
}

func (s *session) writeSidecar(path string, now time.Time) {
	if s.options.NoSidecar {
		return
	}
	f, err := newSidecar(now, s.status()).write(path)
	if err != nil {
		s.note(CodeSidecarFailed, Warn, "no sidecar is written: "+err.Error(), "set Options.Dir to a directory that is writable")
		return
	}
	s.sidecar, s.lock = path, f
	s.note(CodeSidecar, OK, "the sidecar is "+path, "")
}

// undo takes everything back that can be taken back.
func (s *session) undo() error {
	var errs []error
	s.later.cancel()
	errs = append(errs, s.stopMonitor())
	if s.raised {
		debug.SetTraceback(levelOf(os.Getenv("GOTRACEBACK")))
	}
	if s.limit != nil {
		if err := setSoftLimit(*s.limit); err != nil {
			errs = append(errs, fmt.Errorf("RLIMIT_CORE: %w", err))
		}
	}
	if s.filter != nil {
		if err := writeFilter(*s.filter); err != nil {
			errs = append(errs, fmt.Errorf("coredump_filter: %w", err))
		}
	}
	if s.crashText != "" {
		if _, err := setCrashOutput(nil); err != nil {
			errs = append(errs, err)
		}
		errs = append(errs, removeIfThere(s.crashText))
	}
	if s.lock != nil {
		errs = append(errs, removeIfThere(s.sidecar), s.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("safedump: uninstall: %w", err)
	}
	return nil
}

// removeIfThere removes a file that somebody else may have removed already.
func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// levelOf is the level that the runtime starts with: "single" without
// GOTRACEBACK.
func levelOf(env string) string {
	if env == "" {
		return "single"
	}
	return env
}

// makeDir makes the directory of crash text and sidecar.
func makeDir(dir string) (string, error) {
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".safedump")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}
