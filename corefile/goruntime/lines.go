package goruntime

import (
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/report"
)

// lineTable is the runtime's own table of functions and lines, which even
// stripped binaries have.
type lineTable struct {
	table *pclntab.Table
	cache map[uint64]report.FrameRef
}

// maxCachedLines bounds the cache: a program has few go statements.
const maxCachedLines = 1 << 16

func newLineTable(t *pclntab.Table) *lineTable {
	return &lineTable{table: t, cache: map[uint64]report.FrameRef{}}
}

// Functions is the program's table of functions, nil when it can't be read.
func (r *Runtime) Functions() *pclntab.Table {
	if r.lines == nil {
		return nil
	}
	return r.lines.table
}

// FuncName names the function that holds pc, an address of the process.
func (r *Runtime) FuncName(pc uint64) (string, bool) {
	f, ok := r.Functions().Find(pc)
	if !ok {
		return "", false
	}
	return f.Name(), true
}

// FuncEntry returns the first address of the function that holds pc.
func (r *Runtime) FuncEntry(pc uint64) (uint64, bool) {
	f, ok := r.Functions().Find(pc)
	return f.Entry(), ok
}

// CallLine names the function and the line of the call that returns to pc, as
// a traceback prints it: the line of an inlined call, the name of the function
// that it is inlined into.
func (r *Runtime) CallLine(pc uint64) (report.FrameRef, bool) {
	if r.lines == nil || pc == 0 {
		return report.FrameRef{}, false
	}
	return r.lines.call(pc)
}

func (t *lineTable) call(pc uint64) (report.FrameRef, bool) {
	if ref, ok := t.cache[pc]; ok {
		return ref, ref.Function != ""
	}
	ref := report.FrameRef{}
	if f, ok := t.table.Find(pc); ok {
		at := pc
		if at > f.Entry() {
			at--
		}
		ref.Function = f.Name()
		ref.File, ref.Line = f.FileLine(at)
	}
	if len(t.cache) < maxCachedLines {
		t.cache[pc] = ref
	}
	return ref, ref.Function != ""
}
