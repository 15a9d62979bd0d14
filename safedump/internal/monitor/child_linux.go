//go:build amd64 || arm64

package monitor

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/safedump/sdcore/safedump/internal/ptrace"
)

// Descriptors of a monitor, after standard input, output and error.
const (
	fdBrake      = 3
	fdBrakeWrite = 4 // shares its flags with the host's end
	fdSocket     = 5
	fdText       = 6
)

// Options change what Main does.
type Options struct {
	// Step, if set, is called at each step of the work, with its name.
	Step func(string)
}

// IsChild reports whether this process was started as a monitor.
func IsChild() bool {
	return len(os.Args) > 0 && os.Args[0] == childName && os.Getenv(childVar) != ""
}

// Main is the monitor. It does not return: whatever goes wrong, this process
// must never go on as a second host.
func Main(o Options) {
	code := 1
	defer func() { os.Exit(code) }()
	if err := run(o); err == nil {
		code = 0
	}
}

// child is the monitor's own state.
type child struct {
	Options
	Config
	socket socket
	text   *os.File // the crash text, nil when none is kept
	brake  uint64   // inode of the pipe
	open   bool     // the pipe
	record *recordFile
	later  later
	lives  []string // cores of a repeated dump, oldest first
	count  int      // of live cores
	blind  bool     // the host's memory can't be read
	ending bool     // DumpLater ends the host: no second core

	released atomic.Bool // a dying host is held no more
}

func run(o Options) error {
	// A supervisor that stops the service signals each of its processes. The
	// monitor outlives the host, by a moment; Notify, not Ignore: ignored
	// signals would be inherited by sdcore.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTSTP, syscall.SIGXFSZ, syscall.SIGXCPU)
	for fd := fdBrake; fd <= fdText; fd++ {
		syscall.CloseOnExec(fd)
	}
	closeInherited()
	c := &child{Options: o, socket: fdSocket, open: true}
	if err := c.socket.receive(&c.Config, startTimeout); err != nil {
		return err
	}
	if c.Version != Version || c.PID != os.Getppid() || !filepath.IsAbs(c.Base) {
		return errors.New("this is not the child of its host")
	}
	// The name in ps and top; kill by the program's name means the host.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/comm", os.Getpid()), []byte(childName), 0) // cosmetic
	var st syscall.Stat_t
	if syscall.Fstat(fdText, &st) == nil {
		c.text = os.NewFile(fdText, "crash text")
	}
	if err := syscall.Fstat(fdBrake, &st); err != nil {
		return err
	}
	c.brake = st.Ino
	if !c.Crash {
		c.closePipe()
	}
	c.step("start")
	ready := c.able()
	c.blind = !ready.Holds()
	var err error
	if c.record, err = newRecord(c.Base+RecordSuffix, c.PID); err != nil {
		ready.Record = err.Error()
	}
	c.record.blind = c.blind
	c.record.measure()
	if err := c.socket.send(ready); err != nil {
		c.record.drop()
		return err
	}
	c.step("ready")
	if c.Crash {
		go c.guard()
	}
	return c.loop()
}

// closeInherited closes what the host has inherited itself and so hands on:
// sockets of socket activation, say, would stay open with the monitor. What this
// process has opened is marked to be closed on exec.
func closeInherited() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // without /proc the monitor is of little use
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= fdText {
			continue
		}
		if flags, err := fcntl(fd, syscall.F_GETFD, 0); err == nil && flags&syscall.FD_CLOEXEC == 0 {
			_ = syscall.Close(fd) // nothing was written to it
		}
	}
}

func (c *child) step(name string) {
	if c.Step != nil {
		c.Step(name)
	}
}

// able asks the kernel what this process may do to the host.
func (c *child) able() (r Ready) {
	if err := ptrace.Allowed(); err != nil {
		r.Ptrace = err.Error()
	}
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		// Another's numbers: /proc/1 may be the machine's init.
		r.Memory = "/proc is not mounted, or of another PID namespace"
		return r
	}
	// The same check of permissions as that of ptrace(2), Yama's included.
	f, err := os.Open(c.proc("mem"))
	if err != nil {
		r.Memory = err.Error()
		return r
	}
	_ = f.Close() // only opened
	return r
}

// proc is a file of the host's below /proc.
func (c *child) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(c.PID), name)
}

func (c *child) closePipe() {
	if c.open {
		c.open = false
		_, _ = syscall.Close(fdBrake), syscall.Close(fdBrakeWrite)
	}
}

// Memory is looked at every measureEvery. After a change it is looked at again
// after measureSoon, and then half as often each time that it has not changed: a
// kill for memory leaves figures that are a moment old.
const (
	measureEvery = 2 * time.Second
	measureSoon  = 250 * time.Millisecond
)

// loop waits for the host's crash, end and requests, and for the clock.
func (c *child) loop() error {
	pause := measureSoon // most hosts grow while they start
	measure := time.Now().Add(pause)
	for {
		next := measure
		if at := c.later.at; !at.IsZero() && at.Before(next) {
			next = at
		}
		crashed, spoke, err := c.wait(time.Until(next))
		switch {
		case err != nil:
			return err
		case crashed:
			return c.crash()
		case spoke:
			if err := c.serve(); err != nil {
				return c.hostEnded()
			}
		}
		now := time.Now()
		if now.After(measure) {
			pause = min(2*pause, measureEvery)
			if c.record.measure() {
				pause = measureSoon
			}
			measure = now.Add(pause)
		}
		if at := c.later.at; !at.IsZero() && !now.Before(at) {
			c.timeUp()
		}
	}
}

// pollFD is struct pollfd of poll(2).
type pollFD struct {
	fd              int32
	events, revents int16
}

const (
	pollIn  = 0x1
	pollErr = 0x8
	pollHup = 0x10
)

// wait sleeps until the runtime has written into the pipe, the host spoke or
// ended, or the time is up.
func (c *child) wait(d time.Duration) (crashed, spoke bool, err error) {
	fds := []pollFD{{fd: fdSocket, events: pollIn}, {fd: fdBrake, events: pollIn}}
	if !c.open {
		fds = fds[:1]
	}
	if err := poll(fds, d); err != nil {
		return false, false, err
	}
	return c.open && fds[1].revents&pollIn != 0, fds[0].revents != 0, nil
}

// poll is ppoll(2): it returns without an event when the time is up or a
// signal came.
func poll(fds []pollFD, d time.Duration) error {
	if d < 0 {
		d = 0
	}
	ts := syscall.NsecToTimespec(int64(d))
	_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	if errno == syscall.EINTR {
		return nil
	}
	if errno != 0 {
		return os.NewSyscallError("ppoll", errno)
	}
	return nil
}

// serve takes one request. The error means that the host has ended, or let go
// of its monitor.
func (c *child) serve() error {
	var r request
	if err := c.socket.receive(&r, time.Second); err != nil {
		return err
	}
	switch r.Op {
	case opLater:
		c.later = later{every: r.After, at: time.Now().Add(r.After), repeat: r.Repeat, exit: r.Exit}
	case opCancel:
		c.later = later{}
	case opDump:
		d := c.liveCore(r.Reason, false)
		return c.socket.send(reply{Seq: r.Seq, Dump: d})
	}
	return nil
}

// hostEnded is the end without a crash: by exit, by a signal that the runtime
// does not see, or for want of memory. Only the last is worth a record.
func (c *child) hostEnded() error {
	c.closePipe()
	killed, known := c.record.killedForMemory()
	if killed {
		return c.record.finish("out-of-memory")
	}
	if known && c.record.empty() {
		c.record.drop()
		return nil
	}
	return c.record.finish("ended")
}
