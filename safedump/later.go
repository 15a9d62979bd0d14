package safedump

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// ErrNotInstalled is returned by what needs Install first.
var ErrNotInstalled = errors.New("safedump: not installed")

// The values of Status.Later.
const (
	LaterMonitor   = "monitor"   // from outside, even when every P is stuck
	LaterGoroutine = "goroutine" // by a goroutine, which needs a P to run on
)

// keepLater is how many files of a repeated dump a goroutine keeps.
const keepLater = 3

// endGrace is how long a process that is to end may take to print its stacks
// before it is killed.
const endGrace = 10 * time.Second

// DumpLater dumps this process when d has passed, unless Cancel or another
// DumpLater comes first: a watchdog for what should have ended by then. With
// repeat it goes on every d and keeps the newest three dumps. With exit it ends
// the process after the dump, by SIGABRT, and by SIGKILL should that not do it
// within ten seconds; repeat counts for nothing then.
//
// With a monitor the dump is a core, taken from outside: also of a process
// in which no goroutine gets to run any more. Without one a goroutine writes
// the stacks of all goroutines to a file of Options.Dir, and a core where
// Capture can take one; Status.Later and a diagnosis tell which it is.
func DumpLater(d time.Duration, repeat, exit bool) error {
	if d <= 0 {
		return fmt.Errorf("safedump: DumpLater in %v", d)
	}
	current.Lock()
	defer current.Unlock()
	s := current.session
	if s == nil {
		return ErrNotInstalled
	}
	s.later.cancel()
	s.later = nil
	repeat = repeat && !exit
	if s.monitor != nil && s.monitor.lives {
		err := s.monitor.client.Later(d, repeat, exit)
		if err == nil {
			s.later = &laterTimer{how: LaterMonitor, client: s.monitor.client}
			return nil
		}
		if !errors.Is(err, monitor.ErrGone) {
			return fmt.Errorf("safedump: DumpLater: %w", err)
		}
	}
	base, err := s.base()
	if err != nil {
		return fmt.Errorf("safedump: DumpLater: %w", err)
	}
	t := &laterTimer{how: LaterGoroutine, base: base, count: &s.texts, every: d, repeat: repeat, exit: exit}
	t.mu.Lock() // fire may come at once
	t.timer = time.AfterFunc(d, t.fire)
	t.mu.Unlock()
	s.later = t
	return nil
}

// Cancel takes DumpLater back. A dump that has begun goes on to its end.
func Cancel() {
	current.Lock()
	defer current.Unlock()
	if s := current.session; s != nil {
		s.later.cancel()
		s.later = nil
	}
}

// laterTimer is what DumpLater has set up.
type laterTimer struct {
	how    string
	client *monitor.Client // for LaterMonitor

	mu           sync.Mutex // the rest is for LaterGoroutine
	timer        *time.Timer
	base         string
	every        time.Duration
	repeat, exit bool
	canceled     bool
	count        *atomic.Int64 // of the session's files
	dumps        [][]string    // the files of each of a repeated dump, oldest first
}

func (t *laterTimer) cancel() {
	switch {
	case t == nil:
	case t.client != nil:
		_ = t.client.Cancel() // gone: so is the timer
	default:
		t.mu.Lock()
		defer t.mu.Unlock()
		t.canceled = true
		t.timer.Stop()
	}
}

// fire dumps in a goroutine of this process. It has nobody to tell an error.
func (t *laterTimer) fire() {
	t.mu.Lock()
	path := fmt.Sprintf("%s.%d%s", t.base, t.count.Add(1), goroutinesSuffix)
	stop := t.canceled
	for ; len(t.dumps) >= keepLater; t.dumps = t.dumps[1:] {
		for _, path := range t.dumps[0] {
			_ = os.Remove(path) // gone is fine
		}
	}
	t.mu.Unlock()
	if stop {
		return
	}
	var made []string
	if err := saveGoroutines(path); err == nil {
		made = append(made, path)
	}
	if core, _ := captureLive(context.Background(), "later"); core.Path != "" {
		made = append(made, core.Path, core.Sidecar)
	}
	if t.exit {
		endProcess()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.repeat || t.canceled {
		return
	}
	t.dumps = append(t.dumps, made)
	t.timer.Reset(t.every)
}

// addLater says in a status how DumpLater works.
func (s *session) addLater(st *Status) {
	if s.later == nil {
		return
	}
	st.Later = s.later.how
	if st.Later == LaterGoroutine {
		st.add(CodeLaterGoroutine, Warn, "DumpLater works as a goroutine: when every P is stuck it does not run", "Options.Monitor")
		return
	}
	st.add(CodeLaterMonitor, OK, "DumpLater works from outside, whatever this process does", "")
}
