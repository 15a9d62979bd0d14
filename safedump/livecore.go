package safedump

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// liveCore takes a core of this process, which lives on: by the monitor where
// there is one, else by Capture. The monitor's holds all threads still while it
// copies the memory, and has no sidecar of its own.
func liveCore(ctx context.Context, reason string) (Result, error) {
	current.Lock()
	s := current.session
	current.Unlock() // the dump stops all threads: it must not need this lock
	if s == nil || s.monitor == nil || !s.monitor.lives || !s.monitor.client.Alive() {
		return captureLive(ctx, reason)
	}
	wait := s.options.MonitorTimeout
	if wait <= 0 {
		wait = defaultMonitorTimeout
	}
	const answer = 5 * time.Second // for what comes before and after the dump
	d, err := s.monitor.client.Dump(reason, wait+answer)
	switch {
	case errors.Is(err, monitor.ErrGone):
		return captureLive(ctx, reason)
	case err != nil:
		return Result{}, fmt.Errorf("safedump: monitor: %w", err)
	}
	return Result{Path: d.Core}, nil
}

// captureLive takes a core from inside. No call site of the program asked for
// it, so none is named as the caller.
func captureLive(ctx context.Context, reason string) (Result, error) {
	return capture(ctx, CaptureOptions{Reason: reason}, occasion{})
}

// base is the first part of the names of this session's files.
func (s *session) base() (string, error) {
	dir, err := makeDir(s.options.Dir)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, baseName(s.start)), nil
}

// maxStacks bounds the text of all goroutines, as runtime/pprof does.
const maxStacks = 64 << 20

// goroutineStacks is what the runtime prints of all goroutines. The world is
// stopped meanwhile.
func goroutineStacks() []byte {
	for size := 1 << 16; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= maxStacks {
			return b[:n]
		}
	}
}

// saveGoroutines writes the stacks of all goroutines to a new file.
func saveGoroutines(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(goroutineStacks())
	return errors.Join(err, f.Close())
}
