package pclntab

import "encoding/binary"

// openDefersData is FUNCDATA_OpenCodedDeferInfo, internal/abi/symtab.go; the same
// in go1.25.4, go1.26.8 and go1.27.0.
const openDefersData = 4

// OpenDefers tells where the frames of f keep their open-coded defers: a byte
// with a bit for each that is pending, bits below the frame's highest local
// variable, and the func values, of which the first lies slots below it. ok is
// false for a function without any. Source: cmd/compile/internal/ssagen/ssa.go,
// emitOpenDeferInfo.
func (f *Func) OpenDefers() (bits, slots uint64, ok bool) {
	at, ok := f.funcdata(openDefersData)
	if !ok || f.t == nil || f.t.o.FuncData == nil {
		return 0, 0, false
	}
	for n := 2 * binary.MaxVarintLen32; n >= 2; n-- { // it may be the last thing in the table
		b, found := f.t.o.FuncData(uint64(at), n)
		if !found {
			continue
		}
		bits, k := binary.Uvarint(b)
		if k <= 0 {
			return 0, 0, false
		}
		slots, m := binary.Uvarint(b[k:])
		return bits, slots, m > 0 && bits < maxDeferOffset && slots < maxDeferOffset
	}
	return 0, 0, false
}

// maxDeferOffset bounds where in a frame defers can be.
const maxDeferOffset = 1 << 31
