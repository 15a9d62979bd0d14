//go:build amd64 || arm64

package monitor

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// crash is the work on a host that dies: its core, perhaps its report, its
// text. Until letGo the brake holds it.
func (c *child) crash() error {
	c.step("crash")
	begin := time.Now()
	// If all else hangs, the end of this process closes the pipe and lets the
	// threads go.
	limit := time.AfterFunc(c.Timeout+time.Second, func() { os.Exit(1) })
	d := Dump{Reason: reasonCrash}
	if !c.ending {
		d = c.take(reasonCrash, c.Base+CoreSuffix)
	}
	c.record.state("crashed")
	if left := c.Timeout - time.Since(begin); c.Analyze && d.Core != "" && c.mustHold() {
		c.analyze(&d, c.Base+ReportSuffix, left)
		c.step("analyzed")
	}
	if !c.ending {
		c.record.add(d)
	}
	limit.Stop()
	c.step("holding")
	c.drain()
	c.step("drained")
	if c.Analyze && d.Core != "" && d.Report == "" && !c.mustHold() {
		c.analyze(&d, c.Base+ReportSuffix, analyzeTimeout)
		c.record.replace(d)
		c.step("analyzed")
	}
	return c.record.finish("crashed")
}

// mustHold reports whether the monitor's own end may come with that of the
// host: PID 1 takes all its namespace with it, and what PID 1 started is a
// container's or a service's main process, after which the rest is killed.
func (c *child) mustHold() bool { return c.PID == 1 || parentOf(c.PID) <= 1 }

const (
	// maxText bounds the crash text that is kept: 100 000 goroutines at level
	// crash are 150 MB.
	maxText = 64 << 20
	// lastPackets bounds the wait for text after the host's end.
	lastPackets = 50 * time.Millisecond
)

// drain lets the host print on and keeps the text, until the host has ended.
func (c *child) drain() {
	size := drainSize
	if c.PID == 1 {
		size = os.Getpagesize() // what is unread when PID 1 ends is lost with the monitor
	}
	letGo(fdBrakeWrite, size)
	_ = syscall.Close(fdBrakeWrite) // from here on the pipe ends with the host
	c.step("unbraked")
	_ = syscall.SetNonblock(fdBrake, true) // a poll comes before each read anyway
	buf := make([]byte, 256<<10)
	for ended := false; ; {
		fds := []pollFD{{fd: fdBrake, events: pollIn}, {fd: fdSocket, events: pollIn}}
		wait := time.Minute
		if ended {
			fds, wait = fds[:1], lastPackets
		}
		if !c.later.at.IsZero() && wait > time.Until(c.later.at) {
			wait = time.Until(c.later.at)
		}
		if poll(fds, wait) != nil {
			return
		}
		if !c.later.at.IsZero() && !time.Now().Before(c.later.at) {
			c.lastResort()
		}
		n, err := syscall.Read(fdBrake, buf)
		switch {
		case n > 0:
			c.keep(buf[:n])
		case err == nil:
			return // all writers are gone
		case ended && errors.Is(err, syscall.EAGAIN):
			return // a child of the host's holds the pipe
		}
		ended = ended || len(fds) > 1 && fds[1].revents&(pollHup|pollErr) != 0
	}
}

// lastResort ends a host that was told to end and did not.
func (c *child) lastResort() {
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
