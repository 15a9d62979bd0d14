package delvecore

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/go-delve/delve/pkg/logflags"
)

// ErrDelve is wrapped by every error that comes out of delve, panics included.
var ErrDelve = errors.New("delve failed")

// guard is the only place where delve is called from. A panic becomes an
// error; its text is kept only for run-time errors, which hold numbers, since
// other panic values can hold what was read from memory.
func guard(what string, fn func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("%s: %w: panic: %s", what, ErrDelve, r.Error())
		default:
			err = fmt.Errorf("%s: %w: panic of type %T", what, ErrDelve, r)
		}
	}()
	if err := fn(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// init takes delve's voice away: its loggers write to stderr by default, and
// error texts of a debugger can hold memory. It is process-wide because delve
// keeps one factory for the process.
func init() {
	logflags.SetLoggerFactory(func(bool, logflags.Fields, logWriter) logflags.Logger { return silent{} })
}
