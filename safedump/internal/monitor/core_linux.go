//go:build amd64 || arm64

package monitor

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/safedump/sdcore/safedump/internal/elfcore"
	"github.com/safedump/sdcore/safedump/internal/ptrace"
)

// reasonCrash is the reason of the core of a host that dies.
const reasonCrash = "crash"

// headroom must be free on the disk beside a core: the service may need it.
const headroom = 64 << 20

// take writes a core of the host to path. Every failure is told in the Dump.
func (c *child) take(reason, path string) Dump {
	d := Dump{Reason: reason, Time: time.Now().UTC().Format(time.RFC3339Nano)}
	if c.blind {
		d.Problem = "the memory of the process can't be read"
		return d
	}
	deadline := time.Now().Add(c.Timeout)
	var first int
	if reason == reasonCrash {
		first = c.atBrake(brakeWait)
		d.Crashed = first
		c.step("braked")
	}
	if err := c.room(path); err != nil {
		d.Problem = err.Error()
		return d
	}
	options := elfcore.Options{Deadline: deadline, Written: func() { c.step("writing") }}
	if ptrace.Allowed() != nil {
		c.bare(&d, path, first, options)
		return d
	}
	ptrace.OwnThread(func() { c.stopped(&d, path, first, options) })
	return d
}

// stopped takes the core of a host whose threads stand still.
func (c *child) stopped(d *Dump, path string, first int, o elfcore.Options) {
	threads := ptrace.Threads{PID: c.PID, Attach: true}
	begin := time.Now()
	late, err := threads.Stop()
	defer func() {
		threads.Release()
		d.StoppedMS = time.Since(begin).Milliseconds()
		c.step("released")
	}()
	if err != nil {
		d.Problem = "the threads can't be stopped: " + err.Error()
		return
	}
	c.step("stopped")
	all, unread, err := threads.Registers(first)
	if err != nil {
		d.Problem = err.Error()
		return
	}
	d.Missing = append(late, unread...)
	c.save(d, path, elfcore.Crash{Threads: all}, o)
}

// bare takes the core without ptrace(2): the brake holds the thread that dies
// and the runtime has frozen the others, as far as it could.
func (c *child) bare(d *Dump, path string, first int, o elfcore.Options) {
	d.Bare = true
	all, missing := c.waiting(first)
	d.Missing = missing
	c.save(d, path, elfcore.Crash{Threads: all}, o)
}

// abandonAfter is how long after its deadline a core that is still being written
// is given up: a dead file server must not hold the host.
const abandonAfter = 500 * time.Millisecond

// save writes the core on a thread of its own, which may hang in the kernel: the
// one that traces the host must be able to let it go.
func (c *child) save(d *Dump, path string, crash elfcore.Crash, o elfcore.Options) {
	type result struct {
		stats elfcore.Stats
		err   error
	}
	done := make(chan result, 1) // nobody may be there any more
	go func() {
		stats, err := elfcore.Save(path, c.PID, crash, o)
		done <- result{stats, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			d.Problem = r.err.Error()
			return
		}
		d.Core, d.Threads, d.Bytes, d.Unreadable = path, r.stats.Threads, r.stats.Copied, r.stats.Unreadable
		c.step("saved")
	case <-time.After(time.Until(o.Deadline) + abandonAfter):
		d.Problem = "given up: " + elfcore.ErrDeadline.Error()
	}
}

// room makes the directory, which may have vanished, and looks whether a core
// fits: a disk that it fills would hurt the host.
func (c *child) room(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Bsize <= 0 {
		return nil // not told: try
	}
	free := fs.Bavail * uint64(fs.Bsize)
	m := readMemory(c.PID)
	if need := m.RSS + m.Swap + headroom; free < need {
		return fmt.Errorf("%d MiB are free in %s, a core may need %d", free>>20, dir, need>>20)
	}
	return nil
}
