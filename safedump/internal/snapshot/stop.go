//go:build linux && (amd64 || arm64)

package snapshot

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"
)

// stopper stops all goroutines but its own and lets them go again.
//
// GOMAXPROCS(1) leaves one P, and the caller has it: nobody else runs Go code
// until it is given up. The clone of a large process takes longer than a time
// slice, so the runtime asks the caller to give it up, and it does at the first
// function call behind the clone; it would come back behind every other
// goroutine that wants the one P. So a second goroutine, the deputy, is made
// the next to run before the clone: when the caller has to go, the deputy lets
// the others go in its place.
type stopper struct {
	old       int
	fromEnv   bool
	armed     atomic.Bool // the deputy is next
	forked    atomic.Bool
	released  atomic.Int64 // time since from; 0 before
	disturbed atomic.Bool  // somebody else has set GOMAXPROCS meanwhile
	start     chan struct{}
	over      chan struct{}
	from      time.Time
	stopped   time.Time
	gc        debug.GCStats // before the stop
}

// newStopper prepares the stop and starts the deputy. The caller's goroutine
// is locked to its thread.
func newStopper() *stopper {
	s := &stopper{start: make(chan struct{}, 1), over: make(chan struct{})}
	n, err := strconv.Atoi(os.Getenv("GOMAXPROCS"))
	s.fromEnv = err == nil && n > 0 // the runtime ignores what is no number
	debug.ReadGCStats(&s.gc)
	ready := make(chan struct{})
	go func() {
		defer close(s.over)
		close(ready)
		for !s.forked.Load() {
			<-s.start
			s.armed.Store(false)
		}
		s.release()
	}()
	<-ready
	runtime.Gosched() // the deputy waits now, and our time slice is new
	return s
}

// stop returns when no other goroutine runs, false if somebody else sets
// GOMAXPROCS, too. It waits for the end of a garbage collection, if one is
// running: the program runs meanwhile.
func (s *stopper) stop() bool {
	s.old = runtime.GOMAXPROCS(0)
	s.from = time.Now()
	if s.old > 1 {
		s.old = runtime.GOMAXPROCS(1)
	}
	s.stopped = time.Now()
	for !s.armed.Load() { // who is asked to go in here has the deputy run in vain
		s.armed.Store(true)
		s.start <- struct{}{}
	}
	return runtime.GOMAXPROCS(0) == 1
}

// release lets the others go. The caller and the deputy may both be in it; who
// comes second finds nothing to do.
func (s *stopper) release() {
	switch n := runtime.GOMAXPROCS(0); {
	case n != 1 && n != s.old:
		s.disturbed.Store(true)
	case s.old > 1:
		runtime.GOMAXPROCS(s.old)
	}
	s.released.CompareAndSwap(0, int64(time.Since(s.from)))
}

// end is to be called after release. It ends the deputy, and gives the choice
// of GOMAXPROCS back to the runtime if it was the runtime's before.
func (s *stopper) end() {
	select {
	case s.start <- struct{}{}: // in case it waits
	default:
	}
	<-s.over
	if s.old > 1 && !s.disturbed.Load() {
		restoreDefault(s.old, s.fromEnv)
	}
}

// times tells how long nothing else ran, and how long the stop had to wait
// before that for a garbage collection to end.
func (s *stopper) times() (pause, wait time.Duration) {
	var after debug.GCStats
	debug.ReadGCStats(&after)
	if after.NumGC != s.gc.NumGC {
		// A collection that ended before we stopped had kept us waiting.
		wait = min(max(time.Duration(after.LastGC.UnixNano()-s.from.UnixNano()), 0), s.stopped.Sub(s.from))
	}
	return time.Duration(s.released.Load()) - wait, wait
}
