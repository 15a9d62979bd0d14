package safedump

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
)

// ErrLimited means that a handled error was not captured, because its call
// site, or the program, has had its capture lately.
var ErrLimited = errors.New("captured lately")

// Defaults of a Capturer.
const (
	defaultInterval = 10 * time.Minute
	defaultSpacing  = 10 * time.Second
)

// Capturer captures handled errors and panics, but not each of them: one for
// each call site and interval, not two in quick succession, and an error that
// several layers of the program report is captured once. The zero value is
// ready to use.
type Capturer struct {
	// Options are those of each capture; Reason and Err are filled in.
	Options CaptureOptions
	// Interval is the shortest time between two captures of one call site.
	// Default: 10 minutes.
	Interval time.Duration
	// Spacing is the shortest time between any two captures. Default: 10
	// seconds.
	Spacing time.Duration
	// Report is told of each capture and of each failure, but not of what the
	// limits refuse. It may be nil.
	Report func(Result, error)

	mu      sync.Mutex
	sites   map[uintptr]*site
	last    time.Time // of the last capture
	recent  []captured
	nowFunc func() time.Time // tests
}

// site is one call site.
type site struct {
	last       time.Time
	suppressed int
}

// captured is an error that was captured.
type captured struct {
	err  error
	when time.Time
}

// Bounds of what a Capturer remembers.
const (
	maxSites  = 1024
	maxRecent = 64
)

// Error captures a handled error. The call site is the caller's. Without an
// error it does nothing; ErrLimited says that the limits refused it.
func (c *Capturer) Error(err error) (Result, error) {
	return c.error(err, "handled error", callers(1))
}

// ErrorAt is Error for those who report errors of others, such as a logger: pc
// is a program counter of the call site, as of runtime.Callers.
func (c *Capturer) ErrorAt(err error, reason string, pc uintptr) (Result, error) {
	return c.error(err, reason, []uintptr{pc})
}

func (c *Capturer) error(err error, reason string, caller []uintptr) (Result, error) {
	if err == nil {
		return Result{}, nil
	}
	return c.capture(err, reason, occasion{caller: caller})
}

// Panic captures a panic, to be called by a deferred function with what
// recover returned. The panicking functions are still on the stack there. The
// call site is the place of the panic.
func (c *Capturer) Panic(value any) (Result, error) {
	err, _ := value.(error)
	return c.capture(err, "panic", occasion{caller: panicking(callers(1)), panicked: true, value: value})
}

// Watch calls f and captures the error that it returns, or its panic; the
// error is returned and the panic goes on.
func (c *Capturer) Watch(f func() error) error { return c.watch(f, callers(1)) }

func (c *Capturer) watch(f func() error, caller []uintptr) error {
	defer func() {
		if v := recover(); v != nil {
			_, _ = c.Panic(v) // Report was told
			panic(v)
		}
	}()
	err := f()
	_, _ = c.error(err, "handled error", caller)
	return err
}

// Recover captures a panic and ends it, as the built-in recover does. Use it
// as a deferred call only: defer c.Recover().
func (c *Capturer) Recover() {
	if v := recover(); v != nil {
		_, _ = c.Panic(v) // Report was told
	}
}

// standard serves the package's functions: like the state of Install, a
// process has one.
var standard Capturer

// CaptureError captures a handled error, at most one for each call site in 10
// minutes and not two within 10 seconds, into the directory given to Install.
// See Capturer.
func CaptureError(err error) (Result, error) {
	return standard.error(err, "handled error", callers(1))
}

// Watch calls f and captures the error that it returns, or its panic; the
// error is returned and the panic goes on. The limits are those of
// CaptureError.
func Watch(f func() error) error { return standard.watch(f, callers(1)) }

// Recover captures a panic and ends it, as the built-in recover does. Use it
// as a deferred call only: defer safedump.Recover(). The limits are those of
// CaptureError.
func Recover() {
	if v := recover(); v != nil {
		_, _ = standard.Panic(v)
	}
}

// capture makes a capture if the limits allow it.
func (c *Capturer) capture(err error, reason string, why occasion) (Result, error) {
	if refused := c.admit(err, &why); refused != nil {
		return Result{}, refused
	}
	o := c.Options
	o.Err = err
	if o.Reason == "" {
		o.Reason = reason
	}
	r, failed := capture(context.Background(), o, why)
	if c.Report != nil {
		c.Report(r, failed)
	}
	return r, failed
}

// admit asks the limits and counts what they refuse.
func (c *Capturer) admit(err error, why *occasion) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.nowFunc != nil {
		now = c.nowFunc()
	}
	interval, spacing := orDefault(c.Interval, defaultInterval), orDefault(c.Spacing, defaultSpacing)
	if c.seen(err, now.Add(-interval)) {
		return fmt.Errorf("safedump: %w: this error was reported by another layer", ErrLimited)
	}
	s := c.site(why.caller, now.Add(-interval))
	if left := s.last.Add(interval).Sub(now); !s.last.IsZero() && left > 0 {
		s.suppressed++
		return fmt.Errorf("safedump: %w: this call site has its next capture in %v", ErrLimited, left.Round(time.Second))
	}
	if left := c.last.Add(spacing).Sub(now); !c.last.IsZero() && left > 0 {
		s.suppressed++
		return fmt.Errorf("safedump: %w: the next capture is possible in %v", ErrLimited, left.Round(time.Millisecond))
	}
	why.suppressed, s.suppressed = s.suppressed, 0
	s.last, c.last = now, now
	c.remember(err, now)
	return nil
}

func orDefault(d, other time.Duration) time.Duration {
	if d <= 0 {
		return other
	}
	return d
}

// site returns the record of a call site and forgets those whose interval is
// over.
func (c *Capturer) site(caller []uintptr, over time.Time) *site {
	var pc uintptr
	if len(caller) > 0 {
		pc = caller[0]
	}
	if s := c.sites[pc]; s != nil {
		return s
	}
	if len(c.sites) >= maxSites {
		for pc, s := range c.sites {
			if s.last.Before(over) {
				delete(c.sites, pc)
			}
		}
	}
	s := &site{}
	if c.sites == nil {
		c.sites = map[uintptr]*site{}
	}
	if len(c.sites) < maxSites { // else only the spacing limits it
		c.sites[pc] = s
	}
	return s
}

// unique reports whether err is an error value of its own: a pointer, other
// than one that errors.New made. Such a one may be a variable like io.EOF, which
// says nothing about where it comes from.
func unique(err error) bool {
	if err == nil {
		return false
	}
	return reflect.TypeOf(err).Kind() == reflect.Pointer && reflect.TypeOf(err) != reflect.TypeOf(errors.New(""))
}

// remember keeps err, to be recognized when another layer reports it.
func (c *Capturer) remember(err error, now time.Time) {
	if !unique(err) {
		return
	}
	if len(c.recent) == maxRecent {
		c.recent = append(c.recent[:0], c.recent[1:]...)
	}
	c.recent = append(c.recent, captured{err, now})
}

// seen reports whether err, or an error that it wraps, was captured since.
func (c *Capturer) seen(err error, since time.Time) bool {
	kept := c.recent[:0]
	for _, r := range c.recent {
		if r.when.After(since) {
			kept = append(kept, r)
		}
	}
	for i := len(kept); i < len(c.recent); i++ {
		c.recent[i] = captured{} // the errors may be freed
	}
	c.recent = kept
	budget := maxErrors
	return c.knows(err, &budget)
}

func (c *Capturer) knows(err error, budget *int) bool {
	if *budget--; err == nil || *budget < 0 {
		return false
	}
	if unique(err) {
		for _, r := range c.recent {
			if r.err == err {
				return true
			}
		}
	}
	for _, w := range unwrap(err) {
		if c.knows(w, budget) {
			return true
		}
	}
	return false
}

// panicking drops the frames above the place of the panic: the deferred
// function and the runtime's own.
func panicking(pcs []uintptr) []uintptr {
	inside := false
	for i, pc := range pcs {
		f := runtime.FuncForPC(pc - 1)
		if f == nil {
			continue
		}
		runtimes := strings.HasPrefix(f.Name(), "runtime.")
		if f.Name() == "runtime.gopanic" {
			inside = true
		}
		if inside && !runtimes {
			return pcs[i:]
		}
	}
	return pcs
}
