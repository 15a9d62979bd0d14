package pclntab

import "encoding/binary"

// Func is a function of the table: a runtime._func with what follows it. The
// zero value knows nothing.
type Func struct {
	t          *Table
	rec        []byte
	entry, end uint64
}

// word returns the 32-bit word at an offset, 0 past the end.
func (f *Func) word(off uint64) uint32 {
	if off > uint64(len(f.rec)) || uint64(len(f.rec))-off < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(f.rec[off:])
}

// byteAt returns the byte at an offset, 0 past the end.
func (f *Func) byteAt(off int) byte {
	if off >= len(f.rec) {
		return 0
	}
	return f.rec[off]
}

// Entry is the address of the first instruction.
func (f *Func) Entry() uint64 { return f.entry }

// End is the address behind the function, where the next one begins.
func (f *Func) End() uint64 { return f.end }

// Name is the linker's name, with "[...]" in place of type arguments.
func (f *Func) Name() string {
	if f.t == nil {
		return ""
	}
	return f.t.name(f.word(funcName))
}

// Flags are the Flag bits.
func (f *Func) Flags() uint8 { return f.byteAt(funcFlags) }

// StartLine is the line of the func keyword, 0 when unknown.
func (f *Func) StartLine() int { return max(0, int(int32(f.word(funcStartLine)))) }

// IsGo reports whether the linker knows the frame of the function: C code that
// was linked in has an entry, but no frame sizes.
func (f *Func) IsGo() bool { return f.word(funcPCSP) != 0 }

// SPDelta is the distance in bytes from the stack pointer at pc to where it was
// when the function began, below the return address.
func (f *Func) SPDelta(pc uint64) (int32, bool) { return f.value(funcPCSP, pc) }

func (f *Func) value(field, pc uint64) (int32, bool) {
	if f.t == nil || pc < f.entry || pc >= f.end {
		return 0, false
	}
	return f.t.value(f.word(field), pc-f.entry)
}

// FileLine is the source position of the instruction at pc: that of the
// innermost call inlined there. Empty and 0 when unknown.
func (f *Func) FileLine(pc uint64) (file string, line int) {
	n, ok := f.value(funcPCFile, pc)
	if ok {
		file = f.t.file(f.word(funcCU), n)
	}
	return file, f.Line(pc)
}

// Line is the line of the instruction at pc, 0 when unknown.
func (f *Func) Line(pc uint64) int {
	n, ok := f.value(funcPCLine, pc)
	if !ok || n < 0 {
		return 0
	}
	return int(n)
}

// pcdata is the offset of a table of values by its PCDATA number.
func (f *Func) pcdata(n uint64) uint32 {
	if n >= uint64(f.word(funcNPCData)) {
		return 0
	}
	return f.word(funcTables + 4*n)
}

// funcdata is an offset from go:func.* by its FUNCDATA number.
func (f *Func) funcdata(n uint64) (uint32, bool) {
	if n >= uint64(f.byteAt(funcNFuncData)) {
		return 0, false
	}
	at := funcTables + 4*(uint64(f.word(funcNPCData))+n)
	if at+4 > uint64(len(f.rec)) {
		return 0, false
	}
	v := f.word(at)
	return v, v != none
}
