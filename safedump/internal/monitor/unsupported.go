//go:build !linux || (!amd64 && !arm64)

package monitor

import (
	"os"
	"time"
)

// Client is the host's side of a monitor.
type Client struct{}

// Start says ErrUnsupported.
func Start(Config, *os.File) (*Client, Ready, error) { return nil, Ready{}, ErrUnsupported }

// IsChild is false.
func IsChild() bool { return false }

// Options change what Main does.
type Options struct{ Step func(string) }

// Main does not return where IsChild can be true.
func Main(Options) { os.Exit(1) }

// Brake is nil.
func (*Client) Brake() *os.File { return nil }

// PID is 0.
func (*Client) PID() int { return 0 }

// Alive is false.
func (*Client) Alive() bool { return false }

// Later says ErrUnsupported.
func (*Client) Later(time.Duration, bool, bool) error { return ErrUnsupported }

// Cancel says ErrUnsupported.
func (*Client) Cancel() error { return ErrUnsupported }

// Dump says ErrUnsupported.
func (*Client) Dump(string, time.Duration) (Dump, error) { return Dump{}, ErrUnsupported }

// Stop does nothing.
func (*Client) Stop() {}
