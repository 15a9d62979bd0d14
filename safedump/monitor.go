package safedump

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// defaultMonitorTimeout is Options.MonitorTimeout when it is 0.
const defaultMonitorTimeout = time.Minute

// watch is the monitor of a session.
type watch struct {
	client *monitor.Client
	base   string // of the monitor's files
	brake  bool   // the runtime writes a crash into the monitor's pipe
	lives  bool   // the monitor can take a core of a process that lives on
	cores  bool   // the monitor takes the core of a crash
}

// watched reports whether a monitor takes the core of the next crash.
func (s *session) watched() bool { return s.monitor != nil && s.monitor.cores }

// startMonitor starts this executable again as a monitor. Without one, Install
// goes on as if none had been asked for.
func (s *session) startMonitor(now time.Time) {
	dir, err := makeDir(s.options.Dir)
	if err != nil {
		s.note(CodeMonitorFailed, Warn, "no monitor: "+err.Error(), "set Options.Dir")
		return
	}
	w := &watch{base: filepath.Join(dir, baseName(now)), brake: crashOutputSupported && s.options.slot}
	var text *os.File
	textPath := w.base + crashTextSuffix
	if w.brake && !s.options.NoCrashText {
		// Without the file the pipe is still the brake. Its lock is held as long
		// as the monitor has it open.
		text, err = createLocked(textPath)
		if err != nil {
			s.note(CodeCrashTextFailed, Warn, "no crash text is kept: "+err.Error(), "set Options.Dir to a directory that is writable")
		}
	}
	ready, err := s.connect(w, text)
	if text != nil {
		_ = text.Close() // the monitor has its own
		if err != nil {
			err = errors.Join(err, os.Remove(textPath)) // keepCrashText makes it anew
		}
	}
	if err != nil {
		s.note(CodeMonitorFailed, Warn, "no monitor: "+err.Error(), "Install as the first statement of main, with /proc mounted")
		return
	}
	s.monitor = w
	w.lives = ready.Holds()
	w.cores = w.brake && w.lives
	if w.brake && text != nil {
		s.crashText = textPath
		s.note(CodeCrashText, OK, "the monitor keeps the crash text in "+s.crashText, "")
	}
	s.noteMonitor(ready)
}

// connect starts the monitor and gives the runtime the pipe.
func (s *session) connect(w *watch, text *os.File) (ready monitor.Ready, err error) {
	timeout := s.options.MonitorTimeout
	if timeout <= 0 {
		timeout = defaultMonitorTimeout
	}
	w.client, ready, err = monitor.Start(monitor.Config{Base: w.base, Crash: w.brake, Timeout: timeout, Analyze: s.options.Analyze}, text)
	if err != nil {
		return ready, err
	}
	if w.brake {
		_, err = setCrashOutput(w.client.Brake())
	}
	if err != nil {
		w.client.Stop()
		return ready, fmt.Errorf("debug.SetCrashOutput: %w", err)
	}
	_ = w.client.Brake().Close() // the runtime has its own duplicate
	return ready, nil
}

// noteMonitor says what the monitor can do.
func (s *session) noteMonitor(ready monitor.Ready) {
	w := s.monitor
	name := fmt.Sprintf("the monitor, process %d,", w.client.PID())
	switch {
	case !crashOutputSupported:
		s.note(CodeMonitorNoCore, Warn, name+" can't see a crash: debug.SetCrashOutput came with go1.23; it serves DumpLater and OnSignal", "build with go1.23 or newer")
	case !w.brake:
		s.note(CodeMonitorNoCore, Warn, name+" can't see a crash: NoCrashText leaves debug.SetCrashOutput to the program", "")
	case !ready.Holds():
		s.note(CodeMonitorNoCore, Warn, name+" keeps the crash text, but may not read the memory of this process: "+ready.Memory,
			"no dumpable=0, no kernel.yama.ptrace_scope above 1, Install after a change of user")
	case ready.Ptrace != "":
		s.note(CodeMonitorLimited, Warn, name+" takes a core of a crash without stopping the threads, with program counters and stack pointers only: ptrace: "+ready.Ptrace,
			"let the seccomp filter allow ptrace")
	default:
		s.note(CodeMonitor, OK, name+" takes a core of a crash: "+w.base+monitor.CoreSuffix, "")
	}
	if ready.Record != "" {
		s.note(CodeMonitorFailed, Warn, "no record of the monitor: "+ready.Record, "set Options.Dir")
	}
}

// addMonitor puts what the monitor is good for into a status. Where it takes
// the cores, what would stop the kernel's stops nothing.
func (s *session) addMonitor(st *Status) {
	if s.monitor == nil {
		return
	}
	if !s.monitor.client.Alive() {
		st.add(CodeMonitorGone, Warn, "the monitor is gone: a crash leaves no core and no crash text of it", "Uninstall, then Install")
		return
	}
	st.Monitor = s.monitor.client.PID()
	if !s.watched() {
		return
	}
	st.Core = Core{Destination: ToMonitor, Pattern: st.Core.Pattern, Path: s.monitor.base + monitor.CoreSuffix}
	for i, d := range st.Diagnoses {
		if d.Severity == Fail {
			st.Diagnoses[i].Severity = Warn
			st.Diagnoses[i].Message = strings.TrimSpace(d.Message + " (counts for a core of the kernel's, not for the monitor's)")
		}
	}
}

// recordMatters reports whether a monitor's record of a process that is gone
// tells somebody something: of dumps, or of an end for want of memory. Where
// the kernel killed the monitor, too, the record still says "running"; memory
// near its limit is what is left to go by.
func recordMatters(path string) bool {
	b, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	var r monitor.Record
	if err := json.Unmarshal(b, &r); err != nil {
		return true // not understood: not ours to remove
	}
	return len(r.Dumps) > 0 || r.State == "out-of-memory" || r.Memory.Tight()
}

// stopMonitor ends the monitor and gives the runtime's slot back.
func (s *session) stopMonitor() error {
	if s.monitor == nil {
		return nil
	}
	var err error
	if s.monitor.brake {
		_, err = setCrashOutput(nil)
	}
	s.monitor.client.Stop()
	return err
}
