package vars

import (
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// guard is memory of which a part is secret. It notes whether something of that
// part was read.
type guard struct {
	memory
	secret  corefile.Extents
	touched bool
}

func (g *guard) View(addr uint64, n int) ([]byte, corefile.Provenance, bool) {
	if !g.touched && g.secret.Touch(addr, n) {
		g.touched = true
	}
	return g.memory.View(addr, n)
}

// guarded decodes one value and marks it when a byte of it came from secret
// memory. What it contains is decoded, and marked, by itself.
func (d *decoder) guarded(tk task) {
	g := d.r.guard
	g.touched = false
	d.one(tk)
	tk.dst.Protected = tk.dst.Protected || g.touched
}

// secretPackage is the package whose function Do runs a function in secret mode
// (Go 1.26). What is called by it, down to the innermost frame, may hold secrets
// in all of its variables.
const secretPackage = "runtime/secret"

// SecretFrames is how many frames of a stack, counted by their index from the
// innermost, belong to calls in secret mode. A stack that Do unwinds with a panic
// of the function is not in secret mode any more.
func SecretFrames(st corefile.Stack) int {
	if !st.Secret {
		return 0
	}
	n := 0
	for i := range st.Frames {
		if report.PackageOf(st.Frames[i].Function) == secretPackage {
			n = i + 1
		}
	}
	if n == 0 || st.Omitted > 0 || st.End != "" {
		return len(st.Frames) // where it began is not known
	}
	return n
}

// MarkSecret marks variables of calls in secret mode.
func MarkSecret(vars []report.Variable) {
	for i := range vars {
		if v := &vars[i]; v.Constant() == nil {
			v.Value.Protected = true
		}
	}
}
