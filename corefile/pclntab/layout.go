package pclntab

// Layout of the table, Go 1.20 to 1.27. Sources, the same in go1.25.4, go1.26.8
// and go1.27.0 unless noted: runtime/symtab.go (pcHeader, functab, moduledata),
// runtime/runtime2.go (_func), runtime/symtabinl.go (inlinedCall),
// internal/abi/symtab.go (FuncFlag, PCDATA_*, FUNCDATA_*).
const (
	magic      = 0xfffffff1 // Go 1.20 and later
	headerSize = 8 + 8*8

	// Words of the header behind its first 8 bytes. The text start is 0 since
	// Go 1.26.
	wordNFunc     = 0
	wordTextStart = 2
	wordFuncNames = 3
	wordCUs       = 4
	wordFiles     = 5
	wordPCTab     = 6
	wordFuncs     = 7

	// Offsets in a function's record, runtime._func.
	funcName      = 4
	funcArgs      = 8
	funcDeferRet  = 12
	funcPCSP      = 16
	funcPCFile    = 20
	funcPCLine    = 24
	funcNPCData   = 28
	funcCU        = 32
	funcStartLine = 36
	funcFlags     = 41
	funcNFuncData = 43
	funcTables    = 44 // the pcdata offsets, then the funcdata offsets

	stackMapPCData = 1 // PCDATA_StackMapIndex
	argsMapsData   = 0 // FUNCDATA_ArgsPointerMaps
	localsMapsData = 1 // FUNCDATA_LocalsPointerMaps
	objectsData    = 2 // FUNCDATA_StackObjects
	inlTreePCData  = 2 // PCDATA_InlTreeIndex
	inlTreeData    = 3 // FUNCDATA_InlTree
	inlinedSize    = 16
	inlinedName    = 4
	inlinedParent  = 8
	inlinedStart   = 12
	maxInlineDepth = 256

	none = 1<<32 - 1 // no funcdata, no file
)

// Flags of a function, internal/abi.FuncFlag.
const (
	// FlagTopFrame: nothing called the function, a stack ends with it.
	FlagTopFrame = 1 << iota
	// FlagSPWrite: it writes its stack pointer, which the table can't describe.
	FlagSPWrite
	// FlagAsm: it was written in assembly.
	FlagAsm
)

const (
	maxTable   = 1 << 31
	maxEntries = 1 << 20 // steps through one table of values
	maxString  = 1 << 12 // longest name or path
)

// moduleLayout is where runtime.moduledata has what is needed here, in words.
type moduleLayout struct{ header, funcs, text, rodata, gofunc int }

// moduleLayouts are the layouts by the last minor version that has them. Go
// 1.27 put three words before rodata.
func moduleLayoutOf(minor int) moduleLayout {
	l := moduleLayout{header: 0, funcs: 13, text: 22, rodata: 39, gofunc: 40}
	if minor >= 27 {
		l.rodata, l.gofunc = 42, 43
	}
	return l
}
