package vars

import (
	"strings"

	"github.com/safedump/sdcore/corefile/goscope"
)

// maxClosure bounds the size of a closure object, in bytes.
const maxClosure = 1 << 20

// debugFunctions describes functions by debug information.
type debugFunctions struct{ finder *goscope.Finder }

// Function describes the function that begins at pc.
func (d debugFunctions) Function(pc uint64) (function, bool) {
	var f function
	if name, entry, _, ok := d.finder.Function(pc); ok && entry == pc {
		f.Name = printedName(name)
		// A function without readable variables has a name all the same.
		held, _ := d.finder.Captured(pc)
		for _, c := range held {
			if c.Offset < maxClosure {
				f.Captured = append(f.Captured, captured{Name: c.Name, Offset: int64(c.Offset), Type: c.Type, ByRef: c.ByRef})
			}
		}
	}
	return f, f.Name != ""
}

// functionAt describes the function that begins at pc, each once.
func (r *Reader) functionAt(pc uint64) (function, bool) {
	f, ok := r.functions[pc]
	if !ok {
		r.shared.Lock()
		f, _ = r.funcs.Function(pc)
		r.shared.Unlock()
		if len(r.functions) < maxDescs {
			r.functions[pc] = f
		}
	}
	return f, f.Name != ""
}

// printedName is a function's name as Go prints it, without type arguments
// (Go 1.26.8, runtime/symtab.go, funcNameForPrint).
func printedName(name string) string {
	i, j := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']')
	if i < 0 || j < i {
		return name
	}
	return name[:i] + "[...]" + name[j+1:]
}
