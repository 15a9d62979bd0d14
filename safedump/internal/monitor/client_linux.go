//go:build amd64 || arm64

package monitor

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// startTimeout bounds the start of a monitor: all package inits of the program
// run in it before it can answer.
const startTimeout = 10 * time.Second

// Client is the host's side of a monitor.
type Client struct {
	pid   int
	brake *os.File // write end of the pipe, for the runtime

	mu     sync.Mutex // one request and its answer at a time
	socket socket
	seq    int
}

// Start starts this executable again as a monitor of this process. text, which
// may be nil, is where the crash text goes.
func Start(c Config, text *os.File) (*Client, Ready, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, Ready{}, err
	}
	defer null.Close()
	r, w, err := newBrake()
	if err != nil {
		return nil, Ready{}, err
	}
	ours, theirs, err := newSockets()
	if err != nil {
		_, _ = r.Close(), w.Close() // unused
		return nil, Ready{}, err
	}
	files := []uintptr{null.Fd(), null.Fd(), null.Fd(), fdBrake: r.Fd(), fdBrakeWrite: w.Fd(), fdSocket: uintptr(theirs)}
	if text != nil {
		files = append(files, text.Fd())
	}
	m := &Client{brake: w, socket: ours}
	m.pid, err = syscall.ForkExec("/proc/self/exe", []string{childName, "of", strconv.Itoa(os.Getpid())}, &syscall.ProcAttr{
		Dir: "/", Env: append(withoutVar(os.Environ()), childVar+"=1"), Files: files,
		// A session of its own: the terminal's signals are not for it.
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	// From here on the other ends are the monitor's: they close with it.
	_ = r.Close()
	theirs.close()
	if err != nil {
		m.closeAll()
		return nil, Ready{}, fmt.Errorf("start of the monitor: %w", err)
	}
	ready, err := m.greet(c)
	if err != nil {
		m.kill()
		return nil, Ready{}, err
	}
	return m, ready, nil
}

func (m *Client) greet(c Config) (ready Ready, err error) {
	const setPtracer = 0x59616d61 // PR_SET_PTRACER: Yama lets no child trace its parent unasked
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setPtracer, uintptr(m.pid), 0)
	c.Version, c.PID = Version, os.Getpid()
	if err := m.socket.send(c); err != nil {
		return ready, fmt.Errorf("the monitor did not start: %w", err)
	}
	if err := m.socket.receive(&ready, startTimeout); err != nil {
		return ready, fmt.Errorf("the monitor did not start (is Install the first statement of main?): %w", err)
	}
	return ready, nil
}

// Brake is the end of the pipe that the runtime writes crashes to. The caller
// closes it once the runtime has its duplicate.
func (m *Client) Brake() *os.File { return m.brake }

// PID is that of the monitor.
func (m *Client) PID() int { return m.pid }

// Alive reports whether the monitor is there.
func (m *Client) Alive() bool {
	var ws syscall.WaitStatus
	got, err := syscall.Wait4(m.pid, &ws, syscall.WNOHANG, nil)
	return err == nil && got == 0
}

// Later makes the monitor dump the host after a time, whatever the host does
// then. It takes the place of an earlier one.
func (m *Client) Later(after time.Duration, repeat, exit bool) error {
	return m.ask(request{Op: opLater, After: after, Repeat: repeat, Exit: exit})
}

// Cancel takes Later back.
func (m *Client) Cancel() error { return m.ask(request{Op: opCancel}) }

func (m *Client) ask(r request) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.socket.send(r)
}

// Dump has a core taken of the host, which lives on.
func (m *Client) Dump(reason string, wait time.Duration) (Dump, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	if err := m.socket.send(request{Op: opDump, Seq: m.seq, Reason: reason}); err != nil {
		return Dump{}, err
	}
	var r reply
	for deadline := time.Now().Add(wait); r.Seq != m.seq; { // not one that came too late
		if err := m.socket.receive(&r, time.Until(deadline)); err != nil {
			return Dump{}, err
		}
	}
	if r.Dump.Core == "" {
		return r.Dump, errors.New(r.Dump.Problem)
	}
	return r.Dump, nil
}

// Stop ends the monitor and waits for its end, at most two seconds.
func (m *Client) Stop() {
	m.closeAll() // its sign to go
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if !m.Alive() {
			return
		}
	}
	m.kill()
}

func (m *Client) kill() {
	m.closeAll()
	var ws syscall.WaitStatus
	if got, err := syscall.Wait4(m.pid, &ws, syscall.WNOHANG, nil); err != nil || got != 0 {
		return // gone: its number may be another's by now
	}
	_ = syscall.Kill(m.pid, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(m.pid, &ws, 0, nil); !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

func (m *Client) closeAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.socket >= 0 {
		m.socket.close()
		m.socket = -1
	}
	_ = m.brake.Close() // closed before is fine
}
