package safedump

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Errors that a capture may wrap.
var (
	// ErrBusy means that another capture is under way in this process.
	ErrBusy = errors.New("another capture is under way")
	// ErrHeadroom means that too little memory is free to be safe.
	ErrHeadroom = errors.New("too little memory is free")
	// ErrDiskSpace means that the directory has too little space.
	ErrDiskSpace = errors.New("too little disk space is free")
	// ErrUnsupported means that this system has no captures.
	ErrUnsupported = errors.New("captures need Linux on amd64 or arm64")
)

// CaptureOptions say what to capture for, and where to. The zero value is
// useful.
type CaptureOptions struct {
	// Reason is written into the sidecar, and shows up in sdcore's report.
	Reason string
	// Err is the error that made the program ask for a core; its text, type
	// and chain go the same way as Reason.
	Err error
	// Dir takes the core and its sidecar; it is made with mode 0700. Default:
	// the directory given to Install, else ~/.safedump.
	Dir string
	// Timeout bounds the whole capture, besides the context. Default: 2 minutes.
	Timeout time.Duration
	// NoSidecar writes no sidecar. Reason, Err and the caller are lost.
	NoSidecar bool
	// IgnoreHeadroom captures even if so little memory is free that a garbage
	// collection during the capture may get the process killed.
	IgnoreHeadroom bool
}

// Result is a capture that was made, and what it cost.
type Result struct {
	// Path is that of the core, Sidecar that of its sidecar.
	Path, Sidecar string
	// Pause is how long the program stood still.
	Pause time.Duration
	// Fork is the part of Pause that the kernel needed to duplicate the page
	// tables: it grows with the memory in use.
	Fork time.Duration
	// GCWait is how long a running garbage collection had to be waited for
	// before the pause. The program ran meanwhile.
	GCWait time.Duration
	// Duration is that of the whole capture. But for the pause the program ran.
	Duration time.Duration
	// Size is that of the file, Written how much memory of the program it
	// holds; the rest are holes for pages that were never touched.
	Size, Written int64
	// Copied is what the kernel had to keep twice because the program changed
	// it meanwhile, in bytes; -1 when the kernel does not tell.
	Copied int64
	// Unreadable counts bytes that should be in the core and could not be read.
	// They are holes, too.
	Unreadable int64
}

const defaultCaptureTimeout = 2 * time.Minute

// capturing is held while a capture is under way: two stops at once could
// leave GOMAXPROCS at 1.
var capturing sync.Mutex

// Capture writes a core of this process, which goes on living. The calling
// goroutine is the one that sdcore shows as the reason, and waits until the
// core is whole; all others stand still for Result.Pause only.
//
// Every failure is an error, and leaves the program as it was: without memory
// (ErrHeadroom), without space (ErrDiskSpace), while another capture is under
// way (ErrBusy: this one is not queued, since what it was to show will have
// changed), where the system can't do it (ErrUnsupported). When only the
// sidecar failed, Result.Path is the core and the error is not nil.
//
// The core and its sidecar hold everything that the process has in memory.
// They are 0600.
func Capture(ctx context.Context, o CaptureOptions) (Result, error) {
	return capture(ctx, o, occasion{caller: callers(1)})
}

// capture makes one capture. It never panics, whatever Error methods do.
func capture(ctx context.Context, o CaptureOptions, why occasion) (r Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("safedump: capture: panic: %v", v)
		}
	}()
	if !capturesSupported {
		return r, fmt.Errorf("safedump: %w", ErrUnsupported)
	}
	if !capturing.TryLock() {
		return r, fmt.Errorf("safedump: %w", ErrBusy)
	}
	defer capturing.Unlock()
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = defaultCaptureTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return r, fmt.Errorf("safedump: capture: %w", err)
	}
	if o.Dir == "" {
		o.Dir = makeRoom()
	}
	if r, err = captureCore(ctx, o, why); err != nil {
		err = fmt.Errorf("safedump: capture: %w", err)
	}
	return r, err
}

// makeRoom removes what is past the bounds of Options.Keep, without Install of
// Production, from the directory of Install and returns that.
func makeRoom() (dir string) {
	keep := Production.profile().keep
	current.Lock()
	if s := current.session; s != nil {
		dir, keep = s.options.Dir, s.options.keep
	}
	current.Unlock()
	if abs, err := makeDir(dir); err == nil { // else captureCore says it
		retain(abs, keep, time.Now())
	}
	return dir
}
