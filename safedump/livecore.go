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

// errNoCapture is the answer where no core of a process that lives on can be
// had.
var errNoCapture = errors.New("safedump: a core of a process that lives on needs Options.Monitor")

// goroutinesSuffix is that of a file of goroutine stacks.
const goroutinesSuffix = ".goroutines.txt"

// liveCore takes a core of this process, which lives on: by the monitor where
// there is one, else by captureCore. The monitor's holds all threads still while
// it copies the memory.
func liveCore(ctx context.Context, reason string) (path string, err error) {
	current.Lock()
	s := current.session
	current.Unlock() // the dump stops all threads: it must not need this lock
	if s == nil || s.monitor == nil || !s.monitor.lives || !s.monitor.client.Alive() {
		return captureCore(ctx, reason)
	}
	wait := s.options.MonitorTimeout
	if wait <= 0 {
		wait = defaultMonitorTimeout
	}
	const answer = 5 * time.Second // for what comes before and after the dump
	d, err := s.monitor.client.Dump(reason, wait+answer)
	switch {
	case errors.Is(err, monitor.ErrGone):
		return captureCore(ctx, reason)
	case err != nil:
		return "", fmt.Errorf("safedump: monitor: %w", err)
	}
	return d.Core, nil
}

// captureCore takes a core from inside, without a monitor. This is the one
// place where Capture is to be called from DumpLater and OnSignal.
func captureCore(context.Context, string) (path string, err error) { return "", errNoCapture }

// base is the first part of the names of this session's files.
func (s *session) base() (string, error) {
	dir, err := makeDir(s.options.Dir)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, baseName(time.Now())), nil
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
