//go:build amd64 || arm64

package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// maxMessage bounds one message of the socket.
const maxMessage = 32 << 10

// socket is one end of the pair between host and monitor. It keeps messages
// apart (SOCK_SEQPACKET), raises no SIGPIPE, and ends with the process that
// holds the other end.
type socket int

func newSockets() (a, b socket, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("socketpair: %w", err)
	}
	return socket(fds[0]), socket(fds[1]), nil
}

// send never blocks: what does not fit is an error.
func (s socket) send(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("message of %d bytes", len(b))
	}
	for {
		_, err := syscall.SendmsgN(int(s), b, nil, nil, syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
			return ErrGone
		default:
			return err
		}
	}
}

// receive waits for one message, at most for the given time. It is a plain
// blocking call: no goroutine waits in the poller.
func (s socket) receive(v any, wait time.Duration) error {
	b := make([]byte, maxMessage)
	for deadline := time.Now().Add(wait); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return errors.New("no answer in time")
		}
		tv := syscall.NsecToTimeval(int64(left) + int64(time.Microsecond))
		if err := syscall.SetsockoptTimeval(int(s), syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tv); err != nil {
			return err
		}
		n, _, err := syscall.Recvfrom(int(s), b, 0)
		switch {
		case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.EAGAIN):
			continue
		case errors.Is(err, syscall.ECONNRESET), err == nil && n == 0:
			return ErrGone
		case err != nil:
			return err
		}
		return json.Unmarshal(b[:n], v)
	}
}

func (s socket) close() { _ = syscall.Close(int(s)) } // nothing is buffered
