package goruntime

import (
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/report"
)

// Functions is the program's table of functions and lines, which even stripped
// binaries have; nil when it can't be read.
func (r *Runtime) Functions() *pclntab.Table { return r.table }

// FuncName names the function that holds pc, an address of the process.
func (r *Runtime) FuncName(pc uint64) (string, bool) {
	f, ok := r.table.Find(pc)
	if !ok {
		return "", false
	}
	return f.Name(), true
}

// FuncEntry returns the first address of the function that holds pc.
func (r *Runtime) FuncEntry(pc uint64) (uint64, bool) {
	f, ok := r.table.Find(pc)
	return f.Entry(), ok
}

// CallLine names the function and the line of the call that returns to pc, as
// a traceback prints it: the line of an inlined call, the name of the function
// that it is inlined into.
func (r *Runtime) CallLine(pc uint64) (report.FrameRef, bool) {
	f, ok := r.table.Find(pc)
	if !ok {
		return report.FrameRef{}, false
	}
	at := pc
	if at > f.Entry() {
		at--
	}
	ref := report.FrameRef{Function: f.Name()}
	ref.File, ref.Line = f.FileLine(at)
	return ref, ref.Function != ""
}
