//go:build linux && (amd64 || arm64)

package snapshot

import (
	"os"
	"runtime"
	"runtime/debug"
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
// the next to run before the clone: whoever of the two comes first lets the
// others go.
type stopper struct {
	old       int
	fromEnv   bool
	forked    atomic.Bool
	began     atomic.Bool // somebody is letting go
	start     chan struct{}
	released  chan struct{}
	disturbed bool // somebody else has set GOMAXPROCS meanwhile
	from, to  time.Time
	stopped   time.Time
	cycles    int64 // garbage collections before the stop
	gc        debug.GCStats
}

// newStopper prepares the stop and starts the deputy. The caller's goroutine
// is locked to its thread.
func newStopper() *stopper {
	s := &stopper{start: make(chan struct{}, 1), released: make(chan struct{})}
	_, s.fromEnv = os.LookupEnv("GOMAXPROCS")
	debug.ReadGCStats(&s.gc)
	s.cycles = s.gc.NumGC
	ready := make(chan struct{})
	go func() {
		close(ready)
		<-s.start
		for !s.forked.Load() {
			runtime.Gosched()
		}
		s.release()
	}()
	<-ready
	runtime.Gosched() // the deputy waits now, and our time slice is new
	return s
}

// stop returns when no other goroutine runs. It waits for the end of a garbage
// collection, if one is running: the program runs meanwhile.
func (s *stopper) stop() {
	s.old = runtime.GOMAXPROCS(0)
	s.from = time.Now()
	if s.old > 1 {
		runtime.GOMAXPROCS(1)
	}
	s.start <- struct{}{}
	s.stopped = time.Now()
}

// release lets the others go; the second call waits for the first.
func (s *stopper) release() {
	if !s.began.CompareAndSwap(false, true) {
		<-s.released
		return
	}
	s.disturbed = runtime.GOMAXPROCS(0) != 1
	if s.old > 1 && !s.disturbed {
		setProcs(s.old, s.fromEnv)
	}
	s.to = time.Now()
	close(s.released)
}

// times tells how long nothing else ran, and how long the stop had to wait
// before that for a garbage collection to end.
func (s *stopper) times() (pause, wait time.Duration) {
	debug.ReadGCStats(&s.gc)
	if s.gc.NumGC != s.cycles {
		// A collection that ended before we stopped had kept us waiting.
		wait = min(max(time.Duration(s.gc.LastGC.UnixNano()-s.from.UnixNano()), 0), s.stopped.Sub(s.from))
	}
	return s.to.Sub(s.from) - wait, wait
}
