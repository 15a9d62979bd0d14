// Package httpcapture captures the process when an HTTP handler panics.
//
// In:  an http.Handler.
// Out: one that behaves the same, and leaves a core for each panic that the
// limits of the Capturer admit.
//
// It is a package of its own so that programs without HTTP don't link it.
package httpcapture

import (
	"net/http"

	"github.com/safedump/sdcore/safedump"
)

// Options say how panics are captured. The zero value is useful.
type Options struct {
	// Capturer captures and limits. Default: one for this handler, with the
	// default limits.
	Capturer *safedump.Capturer
	// Respond ends the panic and answers with status 500, unless the handler
	// has answered already. Default: the panic goes on, and net/http does what
	// it always does.
	Respond bool
}

// Handler returns a handler that calls next, and captures its panics before
// they go on. http.ErrAbortHandler is not a failure, and is passed on.
//
// The request that panics waits until its core is written; all others only for
// the pause.
func Handler(next http.Handler, o Options) http.Handler {
	c := o.Capturer
	if c == nil {
		c = &safedump.Capturer{}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			_, _ = c.Panic(v) // Capturer.Report was told
			if !o.Respond {
				panic(v)
			}
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}
