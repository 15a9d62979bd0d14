package safedump

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// session is what Install changed and Uninstall has to put back.
type session struct {
	options   settled
	wrong     error   // of the options
	limit     *uint64 // old soft RLIMIT_CORE, nil when it was not changed
	filter    *uint32 // old coredump_filter, nil when it was not changed
	crashText string
	sidecar   string
	lock      *os.File // the sidecar, open: its lock says that we live
	dumpable  bool     // was not, and was set
	done      []Diagnosis
	raised    string      // the traceback level that was set, "" when the host's own is in force
	monitor   *watch      // nil when there is none
	later     *laterTimer // nil when DumpLater is off
	start     time.Time
	texts     atomic.Int64 // files of goroutine stacks
}

// current is the one piece of state of this package. It mirrors state that the
// process has once, too: traceback level, limits and crash output.
var current struct {
	sync.Mutex
	session *session
}

// Install prepares this process for its next crash and says what will come of
// it. Everything that can be done is done; the error is not nil when no core
// is to be expected (it wraps ErrNoCore and lists why) or an option makes no
// sense (it wraps ErrOptions), and the Status is valid in any case. A second
// call changes nothing and returns the Status of that moment; its options
// count only after Uninstall.
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
	return s, errors.Join(current.session.wrong, s.failures())
}

// IsEnabled reports whether Install is in effect.
func IsEnabled() bool {
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

func install(asked Options) *session {
	o, err := asked.settle()
	now := time.Now()
	s := &session{options: o, start: now}
	if err != nil {
		s.wrong = fmt.Errorf("safedump: %w", err)
		s.note(CodeOptionsInvalid, Warn, err.Error(), "see the documentation of Options")
	}
	if coresSupported {
		s.makeDumpable() // the monitor, too, depends on it
	}
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
	if o.NoCrashText && o.NoSidecar && s.monitor == nil {
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
	retain(dir, o.keep, now)
	s.measureRoom(dir)
	base := filepath.Join(dir, baseName(now))
	s.keepCrashText(base + crashTextSuffix)
	s.writeSidecar(base+sidecarSuffix, now)
	return s
}

// status is the situation of this moment.
func (s *session) status() Status {
	st := Status{Enabled: true, Traceback: s.raised, CrashText: s.crashText, Sidecar: s.sidecar}
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
	switch s.options.level {
	case "":
		s.note(CodeTracebackKept, Warn, "the traceback level is left alone: below \"crash\" a panic makes no core of the kernel's", "start the program with GOTRACEBACK=crash, or leave Options.Traceback empty")
		return
	case "crash":
		s.note(CodeTracebackCrash, OK, "a crash prints every goroutine (100 000 of them: 150 MB on stderr, 19 s) and ends by SIGABRT, exit status 134 instead of 2", "")
	default:
		s.note(CodeTracebackKept, Warn, "the traceback level is "+s.options.level+": below \"crash\" a panic makes no core of the kernel's", "leave Options.Traceback empty")
	}
	debug.SetTraceback(s.options.level)
	s.raised = s.options.level
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
	if want := s.options.filter; err != nil || bits&want == want {
		return // an unreadable filter is diagnosed by diagnoseHost
	}
	if err := writeFilter(bits | s.options.filter); err != nil {
		s.note(CodeFilterNotSet, Warn, "coredump_filter can't be set: "+err.Error(), "write 0x33 to it in the parent process")
		return
	}
	s.filter = &bits
}

// makeDumpable sets PR_SET_DUMPABLE on request.
func (s *session) makeDumpable() {
	if d, err := readDumpable(); !s.options.SetDumpable || err != nil || d == 1 {
		return
	}
	if err := setDumpable(true); err != nil {
		s.note(CodeDumpableNotSet, Warn, "PR_SET_DUMPABLE: "+err.Error(), "")
		return
	}
	s.dumpable = true
	s.note(CodeDumpableSet, OK, "the process was not dumpable and was made so: others of its user may now read its memory", "")
}

// roomNeeded is what the text of some ten thousand goroutines takes.
const roomNeeded = 16 << 20

// measureRoom says when crash text and sidecar may not fit.
func (s *session) measureRoom(dir string) {
	if free, err := freeSpace(dir); err == nil && free < roomNeeded {
		s.note(CodeKeptDiskLow, Warn, fmt.Sprintf("%d KiB are free in %s: a crash text may not fit", free>>10, dir), "make room, or set Options.Dir")
	}
}

func (s *session) keepCrashText(path string) {
	if s.options.NoCrashText || s.monitor != nil && s.monitor.brake {
		return // not wanted, or the monitor's
	}
	f, err := createLocked(path)
	if err != nil {
		s.note(CodeCrashTextFailed, Warn, "no crash text is kept: "+err.Error(), "set Options.Dir to a directory that is writable")
		return
	}
	supported, err := setCrashOutput(f)
	if supported && err == nil {
		err = f.Close() // the runtime has its own duplicate, with the lock
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
	sc := newSidecar(now, s.status())
	sc.Tier = s.options.tier
	if sc.Tier == 0 {
		sc.EnvNames, sc.Cwd = []string{}, ""
	}
	if s.options.Args {
		sc.Args = redactArgs(os.Args)
	}
	f, err := sc.write(path)
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
	if s.raised != "" {
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
	if s.dumpable {
		if err := setDumpable(false); err != nil {
			errs = append(errs, fmt.Errorf("PR_SET_DUMPABLE: %w", err))
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
