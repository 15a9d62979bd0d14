package delvecore

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

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
	silence()
	if err := fn(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// silence takes delve's voice away: its loggers write to stderr by default,
// and error texts of a debugger can hold memory. It is for the whole process
// because delve keeps one factory for the process, and done once.
var silence = sync.OnceFunc(func() {
	logflags.SetLoggerFactory(func(bool, logflags.Fields, logWriter) logflags.Logger { return silent{} })
})
