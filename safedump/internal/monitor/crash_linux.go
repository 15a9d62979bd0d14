//go:build amd64 || arm64

package monitor

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/safedump/sdcore/safedump/internal/ptrace"
)

// crash is the work on a host that dies: its core, perhaps its report, its
// text. Until letGo the brake holds it.
func (c *child) crash() error {
	c.step("crash")
	begin := time.Now()
	mustHold := c.mustHold()
	d := Dump{Reason: reasonCrash}
	if !c.ending {
		d = c.take(reasonCrash, c.Base+CoreSuffix)
	}
	c.record.state("crashed")
	if left := c.Timeout - time.Since(begin); c.Analyze && d.Core != "" && mustHold {
		c.analyze(&d, c.Base+ReportSuffix, left)
		c.step("analyzed")
	}
	if !c.ending {
		c.record.add(d)
	}
	c.step("holding")
	var hold *exitHold
	if c.PID == 1 && d.Crashed != 0 {
		hold = holdExit(d.Crashed)
	}
	c.drain(hold)
	c.step("drained")
	if c.Analyze && d.Core != "" && d.Report == "" && !mustHold {
		c.analyze(&d, c.Base+ReportSuffix, analyzeTimeout)
		c.record.replace(d)
		c.step("analyzed")
	}
	err := c.record.finish("crashed")
	hold.letGo()
	return err
}

// guard ends this process when it holds a dying host for longer than it may,
// whatever else hangs here: a look at /proc, say, at a process that waits for a
// dead file server. The end lets the threads go. The pipe is closed first, for
// the case that a thread of this process can't end either.
func (c *child) guard() {
	fds := []pollFD{{fd: fdBrake, events: pollIn}}
	for fds[0].revents == 0 {
		if poll(fds, time.Hour) != nil {
			return
		}
	}
	time.Sleep(c.Timeout + time.Second)
	if !c.released.Load() {
		_ = syscall.Close(fdBrake)
		os.Exit(1)
	}
}

// mustHold reports whether the monitor's own end may come with that of the
// host: PID 1 takes all its namespace with it, and what PID 1 started is a
// container's or a service's main process, after which the rest is killed. It
// must be asked while the host lives.
func (c *child) mustHold() bool { return c.PID == 1 || parentOf(c.PID) <= 1 }

// maxText bounds the crash text that is kept: 100 000 goroutines at level crash
// are 150 MB.
const maxText = 64 << 20

// drain lets the host print on and keeps the text, until the host has ended or
// hold has reached its end.
func (c *child) drain(hold *exitHold) {
	size := drainSize
	if c.PID == 1 {
		size = os.Getpagesize() // what is unread when PID 1 ends may be lost with the monitor
	}
	c.released.Store(true)
	letGo(fdBrakeWrite, size)
	_ = syscall.Close(fdBrakeWrite) // from here on the pipe ends with the host
	c.step("unbraked")
	_ = syscall.SetNonblock(fdBrake, true) // a poll comes before each read anyway
	buf := make([]byte, 256<<10)
	for ended := false; ; {
		fds := []pollFD{{fd: fdBrake, events: pollIn}, {fd: fdSocket, events: pollIn}}
		if poll(fds, c.drainWait(ended, hold)) != nil {
			return
		}
		c.lastResort()
		// Asked for before the read: what the host wrote before its end is in
		// the pipe then.
		ended = ended || fds[1].revents&(pollHup|pollErr) != 0 || hold.isReached()
		n, err := syscall.Read(fdBrake, buf)
		switch {
		case n > 0:
			c.keep(buf[:n])
		case err == nil:
			return // all writers are gone
		case ended && errors.Is(err, syscall.EAGAIN):
			return // a child of the host's holds the pipe, or the host stands at its end
		}
	}
}

// drainWait is how long the next wait for text may take.
func (c *child) drainWait(ended bool, hold *exitHold) time.Duration {
	switch left := time.Until(c.later.at); {
	case ended:
		return 0
	case hold != nil:
		return 2 * time.Millisecond // the end of a thread is no event for poll
	case !c.later.at.IsZero() && left < time.Minute:
		return left
	}
	return time.Minute
}

// exitHold keeps a host that takes the monitor with it, PID 1, from its end
// until the text is kept. Its methods work on nil.
type exitHold struct{ reached, release chan struct{} }

// holdExit returns nil when the end of thread tid can't be held.
func holdExit(tid int) *exitHold {
	h := &exitHold{reached: make(chan struct{}), release: make(chan struct{})}
	seized, failed := make(chan struct{}), make(chan struct{})
	go ptrace.OwnThread(func() {
		ok := ptrace.AtExit(tid, func() { close(seized) }, func() {
			close(h.reached)
			<-h.release
		})
		if !ok {
			close(failed)
		}
	})
	<-seized
	select {
	case <-failed:
		return nil
	default:
		return h
	}
}

func (h *exitHold) isReached() bool {
	if h == nil {
		return false
	}
	select {
	case <-h.reached:
		return true
	default:
		return false
	}
}

func (h *exitHold) letGo() {
	if h != nil {
		close(h.release)
	}
}

// lastResort ends a host that was told to end and did not in time.
func (c *child) lastResort() {
	if c.later.at.IsZero() || time.Now().Before(c.later.at) {
		return
	}
	c.later = later{}
	if c.ending {
		_ = syscall.Kill(c.PID, syscall.SIGKILL) // gone is fine
	}
}

// keep adds to the crash text. What does not fit is counted, and still read:
// the host must not wait for a full disk.
func (c *child) keep(b []byte) {
	c.step("text")
	lost := len(b)
	if c.text != nil && c.record.textKept() < maxText {
		n, err := c.text.Write(b)
		lost -= n
		if err != nil {
			c.text = nil
		}
	}
	c.record.text(len(b), lost)
}
