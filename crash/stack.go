package crash

import (
	"path"
	"strings"

	"github.com/safedump/sdcore/corefile"
)

// death is how a stack ends a program.
type death uint8

const (
	deathNone death = iota
	deathPanic
	deathFatal
	deathSignal
)

// marks are the places of a stack that tell how the program died; -1 where it
// has none. Function names are those of Go 1.26.
type marks struct {
	death death
	// from is the index of the frame below which the program's own frames
	// begin: that of the last call that the runtime made to die.
	from int
	// panics are the indexes of the runtime.gopanic frames, innermost first.
	panics []int
	// throw is the frame of runtime.throw or runtime.fatal.
	throw int
	// handler is the outermost runtime.sigtrampgo above the program's frames.
	handler int
}

// mark finds the frames that end a program. The innermost decides: a fatal
// error in a deferred call has the panic below it.
func mark(frames []corefile.Frame) marks {
	m := marks{from: -1, throw: -1, handler: -1}
	for i := range frames {
		switch frames[i].Function {
		case "runtime.fatalpanic":
			m.set(deathPanic, i)
		case "runtime.fatalthrow":
			m.set(deathFatal, i)
		case "runtime.throw", "runtime.fatal":
			m.set(deathFatal, i)
			if m.death == deathFatal && m.throw < 0 {
				m.throw = i
				m.from = i
			}
		case "runtime.sighandler":
			m.set(deathSignal, i)
		case "runtime.sigtrampgo":
			if m.death == deathSignal && m.handler < 0 {
				m.handler, m.from = i, i
			}
		case "runtime.gopanic":
			m.panics = append(m.panics, i)
			if m.death == deathPanic && len(m.panics) == 1 {
				m.from = i
			}
		}
	}
	return m
}

func (m *marks) set(d death, i int) {
	if m.death == deathNone {
		m.death, m.from = d, i
	}
}

// userFrame is the index of the first frame below from that is not the
// runtime's; -1 when there is none.
func userFrame(frames []corefile.Frame, from int) int {
	for i := from + 1; i < len(frames); i++ {
		if f := &frames[i]; f.Function != "" && !isRuntime(f.Function) && !inRuntime(f.File) {
			return i
		}
	}
	return -1
}

// isRuntime tells functions of the runtime itself from all others, the
// standard library included.
func isRuntime(function string) bool {
	for _, p := range []string{
		"runtime.", "runtime/internal/", "internal/runtime/", "internal/abi.", "internal/bytealg.",
		"_rt0_", "x_cgo_",
	} {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	return function == "crosscall2"
}

// inRuntime reports whether a file is one of the package runtime: it implements
// functions of other packages too, such as internal/sync.fatal.
func inRuntime(file string) bool {
	dir, base := path.Split(file)
	return strings.HasSuffix(base, ".go") && (dir == "runtime/" || strings.HasSuffix(dir, "/src/runtime/"))
}
