//go:build amd64 || arm64

package monitor

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// later is the timer of DumpLater; a zero time means that it is off.
type later struct {
	at           time.Time
	every        time.Duration
	repeat, exit bool
}

const (
	// keepLive is how many cores of a repeated dump are kept: the newest.
	keepLive = 3
	// endGrace is how long a host that is to end may take to print its stacks.
	endGrace = 10 * time.Second
)

// timeUp dumps the host, whatever it is doing.
func (c *child) timeUp() {
	l := c.later
	c.later = later{}
	if c.ending { // it did not go
		_ = syscall.Kill(c.PID, syscall.SIGKILL) // gone is fine
		return
	}
	if l.repeat {
		c.makeWay()
	}
	d := c.liveCore("later", c.Analyze)
	switch {
	case l.exit:
		// The runtime prints all goroutines, into the pipe, too.
		c.ending = true
		_ = syscall.Kill(c.PID, syscall.SIGABRT) // gone is fine
		c.later.at = time.Now().Add(endGrace)
	case l.repeat:
		switch {
		case d.Report != "":
			c.lives = append(c.lives, d.Report)
		case d.Core != "":
			c.lives = append(c.lives, d.Core)
		}
		c.later = later{at: time.Now().Add(l.every), every: l.every, repeat: true}
	}
}

// makeWay removes the oldest dumps of a repeated one, so that with the next one
// there are keepLive: they must not fill a disk.
func (c *child) makeWay() {
	for ; len(c.lives) >= keepLive; c.lives = c.lives[1:] {
		_ = os.Remove(c.lives[0]) // gone is fine
	}
}

// liveCore takes a core of a host that lives on.
func (c *child) liveCore(reason string, analyze bool) Dump {
	c.count++
	base := fmt.Sprintf("%s.%d", c.Base, c.count)
	d := c.take(reason, base+CoreSuffix)
	if analyze && d.Core != "" {
		c.analyze(&d, base+ReportSuffix, c.Timeout)
	}
	c.record.add(d)
	return d
}
