package snapshot

import "errors"

var (
	// ErrUnsupported means that this system or architecture can't do it.
	ErrUnsupported = errors.New("no snapshots on this system")
	// ErrGone means that the image died, or was killed.
	ErrGone = errors.New("the image died")
	// ErrDisturbed means that somebody set GOMAXPROCS during the stop, so that
	// other goroutines may have run.
	ErrDisturbed = errors.New("GOMAXPROCS was changed during the stop")
)
