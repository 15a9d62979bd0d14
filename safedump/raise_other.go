//go:build !unix

package safedump

import (
	"errors"
	"os"
)

// refused leaves the decision to os/signal, except for what it drops without
// a word.
func refused(sig os.Signal) error {
	if sig == os.Kill {
		return errors.New("it can't be caught")
	}
	return nil
}

// raise does nothing: a process here can't send itself a signal.
func raise(os.Signal) {}

// endProcess exits with the status of a Go crash.
func endProcess() { os.Exit(2) }
