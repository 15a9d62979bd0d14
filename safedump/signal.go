package safedump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// Work is what an Action does.
type Work int

// The kinds of work.
const (
	// Goroutines prints the stacks of all goroutines to Action.To.
	Goroutines Work = iota
	// LiveCore takes a core of this process, which lives on.
	LiveCore
	// Report takes a core and prints what "sdcore goroutines --locals" finds in
	// it, each goroutine's stack with values, to Action.To. The core is removed once the report is printed.
	// Without sdcore the core stays and the stacks of all goroutines are printed.
	Report
	// Abort ends this process by SIGABRT, as a crash: the runtime prints the
	// stacks of all goroutines.
	Abort
)

// Action is what OnSignal does when the signal arrives.
type Action struct {
	Do Work
	// To takes the text of Goroutines and Report. Default: os.Stderr.
	To *os.File
	// Chain brings about what the signal would have done without OnSignal, after
	// the action: SIGTERM then ends the process. See OnSignal for what it can't.
	Chain bool
	// Done, if set, is called after the action, with the path of the core if one
	// was made and kept. It runs on the goroutine that serves the signal.
	Done func(core string, err error)
}

// registration is one signal that OnSignal serves.
type registration struct {
	action Action
	c      chan os.Signal
	stop   chan struct{}
}

// signals mirrors state that the process has once: its signal handlers.
var signals struct {
	sync.Mutex
	by map[os.Signal]*registration
}

// OnSignal does a when the signal arrives, from now on; it takes the place of
// an earlier action for the same signal. Signals that arrive while the action
// is under way count as one.
//
// Other receivers of os/signal get the signal, too, as ever. What os/signal does
// not allow is to put a handler before or after another one, to know whether
// there is another one, or to call one that C code had installed: Chain stops
// the delivery to this action only and raises the signal again. Without
// another receiver it then does what it does by default; with one, that one
// sees it a second time.
//
// Signals that can't be caught, or that the Go runtime needs itself, are
// refused. The first OnSignal, like any use of signal.Notify, switches off the
// runtime's detection of deadlocks.
func OnSignal(sig os.Signal, a Action) error {
	if err := refused(sig); err != nil {
		return fmt.Errorf("safedump: OnSignal(%v): %w", sig, err)
	}
	if a.Do < Goroutines || a.Do > Abort {
		return fmt.Errorf("safedump: OnSignal(%v): there is no work %d", sig, a.Do)
	}
	signals.Lock()
	defer signals.Unlock()
	if old := signals.by[sig]; old != nil {
		old.end()
	}
	r := &registration{action: a, c: make(chan os.Signal, 1), stop: make(chan struct{})}
	if signals.by == nil {
		signals.by = map[os.Signal]*registration{}
	}
	signals.by[sig] = r
	signal.Notify(r.c, sig)
	go r.serve(sig)
	return nil
}

// Unregister takes OnSignal back and reports whether there was one.
func Unregister(sig os.Signal) bool {
	signals.Lock()
	defer signals.Unlock()
	r := signals.by[sig]
	if r == nil {
		return false
	}
	r.end()
	delete(signals.by, sig)
	return true
}

func (r *registration) end() {
	signal.Stop(r.c)
	close(r.stop)
}

func (r *registration) serve(sig os.Signal) {
	for {
		select {
		case <-r.stop:
			return
		case <-r.c:
		}
		core, err := r.action.do("signal " + sig.String())
		if r.action.Done != nil {
			r.action.Done(core, err)
		}
		if r.action.Chain {
			r.chain(sig)
		}
	}
}

// chain raises the signal while this registration does not receive it. A
// process that survives goes on as before.
func (r *registration) chain(sig os.Signal) {
	signals.Lock()
	defer signals.Unlock()
	if signals.by[sig] != r {
		return
	}
	signal.Stop(r.c)
	raise(sig)
	signal.Notify(r.c, sig)
}

func (a Action) do(reason string) (core string, err error) {
	to := a.To
	if to == nil {
		to = os.Stderr
	}
	switch a.Do {
	case Goroutines:
		_, err = to.Write(goroutineStacks())
	case LiveCore:
		var r Result
		r, err = liveCore(context.Background(), reason)
		core = r.Path
	case Report:
		core, err = report(reason, to)
	case Abort:
		endProcess()
	}
	return core, err
}

// report prints what is in a core, or at least the stacks.
func report(reason string, to io.Writer) (core string, err error) {
	ctx := context.Background()
	r, err := liveCore(ctx, reason)
	if err == nil {
		err = monitor.Sdcore(ctx, "goroutines", r.Path, to, "--locals")
	}
	if err != nil {
		_, textErr := to.Write(goroutineStacks())
		return r.Path, errors.Join(err, textErr)
	}
	if r.Sidecar != "" {
		err = removeIfThere(r.Sidecar)
	}
	if err = errors.Join(err, removeIfThere(r.Path)); err != nil {
		return r.Path, err
	}
	return "", nil
}
