package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/safedump/sdcore/report"
)

// fingerprint is Safedump's: 12 hex digits of a hash over the exception's
// type, the first 200 bytes of its message, and file and line of the crash
// site. It is taken of redacted text only, so that nothing can be guessed
// from it (Safedump takes it before), and without the numbers of secrets, which
// differ from core to core.
func fingerprint(r *report.Report) string {
	e := &r.Crash.Exception
	message := Unnumbered(e.Message)
	text := Unnumbered(e.Type) + message[:min(len(message), 200)]
	if f := crashSite(r); f != nil {
		text += Unnumbered(f.File) + strconv.Itoa(f.Line)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:12]
}

// crashSite is the frame that a saved report begins with: of the goroutine
// that crashed, or else of the thread, the frame marked as crash site, the
// first one that is not the runtime's, or the first. It is nil when nothing
// crashed that has frames. export picks its first frame by the same rules.
func crashSite(r *report.Report) *report.Frame {
	frames := crashFrames(r)
	for i := range frames {
		if frames[i].CrashSite {
			return &frames[i]
		}
	}
	for i := range frames {
		if !frames[i].Runtime {
			return &frames[i]
		}
	}
	if len(frames) > 0 {
		return &frames[0]
	}
	return nil
}

func crashFrames(r *report.Report) []report.Frame {
	for i := range r.Goroutines {
		if r.Goroutines[i].Crashed {
			return r.Goroutines[i].Frames
		}
	}
	for i := range r.Goroutines {
		if id := r.Goroutines[i].ID; id != 0 && id == r.Crash.Goroutine {
			return r.Goroutines[i].Frames
		}
	}
	for i := range r.Threads {
		if r.Threads[i].Crashed {
			return r.Threads[i].Frames
		}
	}
	return nil
}
