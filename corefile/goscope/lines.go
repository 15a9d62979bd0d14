package goscope

import (
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
)

// lineTable finds lines in the runtime's function table: a few bytes per
// function, where the line programs of DWARF must be run from the start of a
// package. Addresses are those of the file.
type lineTable struct {
	binary binaryFile
	opened bool
	table  *pclntab.Table // nil: lines are unknown
}

// function finds the function at an address. The table is opened when it is
// asked for first.
func (t *lineTable) function(pc uint64) (pclntab.Func, bool) {
	if !t.opened {
		t.opened = true
		if b, ok := t.binary.(*corefile.Binary); ok {
			t.table, _ = pclntab.OpenBinary(b)
		}
	}
	return t.table.Find(pc)
}

// line returns the line of the innermost function, inlined or not, at an
// address; 0 when it is not known.
func (t *lineTable) line(pc uint64) int {
	fn, ok := t.function(pc)
	if !ok {
		return 0
	}
	return fn.Line(pc)
}

// callSites returns addresses in each of the calls that are active at pc, from
// the innermost outwards: pc itself, then for each inlined call the place where
// the code around it calls it. It is empty when the tables don't say.
func (t *lineTable) callSites(pc uint64) []uint64 {
	fn, ok := t.function(pc)
	if !ok {
		return nil
	}
	return fn.CallSites(pc)
}
