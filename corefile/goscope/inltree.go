package goscope

import (
	"debug/elf"
	"encoding/binary"
	"slices"
)

// Layout of a function's record and of its tree of inlined calls, go1.20 to
// go1.27: runtime._func (runtime/runtime2.go), runtime.inlinedCall
// (runtime/symtabinl.go), PCDATA_InlTreeIndex and FUNCDATA_InlTree
// (internal/abi/symtab.go).
const (
	funcNPCData    = 28
	funcNFuncData  = 43
	funcTables     = 44 // the pcdata offsets, then the funcdata offsets
	inlTreePCData  = 2
	inlTreeData    = 3
	inlinedSize    = 16
	inlinedParent  = 8
	maxInlineDepth = 256
	noFuncData     = 1<<32 - 1
)

// callSites returns addresses in each of the calls that are active at pc, from
// the innermost outwards: pc itself, then for each inlined call the place where
// the code around it calls it. It is empty when the tables don't say.
func (t *lineTable) callSites(pc uint64) []uint64 {
	fn, entry, ok := t.function(pc)
	if !ok {
		return nil
	}
	npcdata, nfuncdata := uint64(fn.word(funcNPCData)), uint64(fn.word(funcNFuncData&^3)>>24)
	sites := []uint64{pc}
	if npcdata <= inlTreePCData {
		return sites
	}
	table := fn.word(funcTables + 4*inlTreePCData)
	index, _ := t.pcvalue(table, uint32(pc-entry))
	if table == 0 || index < 0 {
		return sites
	}
	tree := fn.word(funcTables + 4*(npcdata+inlTreeData))
	if nfuncdata <= inlTreeData || tree == noFuncData {
		return nil
	}
	for index >= 0 {
		call, ok := t.funcData(uint64(tree)+uint64(index)*inlinedSize, inlinedSize)
		if !ok || len(sites) > maxInlineDepth {
			return nil
		}
		rel := binary.LittleEndian.Uint32(call[inlinedParent:])
		sites = append(sites, entry+uint64(rel))
		if index, ok = t.pcvalue(table, rel); !ok {
			return nil
		}
	}
	return sites
}

// funcData reads n bytes at an offset in what the linker calls go:func.*, to
// which funcdata is relative.
func (t *lineTable) funcData(off uint64, n int) ([]byte, bool) {
	f := t.binary.ELF()
	addr := t.gofunc + off
	if t.gofunc == 0 || f == nil || addr < off {
		return nil, false
	}
	i := slices.IndexFunc(f.Sections, func(s *elf.Section) bool {
		return s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_COMPRESSED == 0 && s.Addr != 0 &&
			addr >= s.Addr && addr-s.Addr < s.Size && s.Size-(addr-s.Addr) >= uint64(n)
	})
	if i < 0 {
		return nil, false
	}
	b := make([]byte, n)
	if _, err := f.Sections[i].ReadAt(b, int64(addr-f.Sections[i].Addr)); err != nil {
		return nil, false
	}
	return b, true
}

// moveToCallSites finds the blocks of the outer calls anew, at the place where
// each calls the next one. The instructions of an inlined call are in none of
// the caller's blocks, by the compiler's tables: the caller's variables would be
// missing, and shadowed ones take their place. sites are from the innermost
// call outwards; when they are not as many as the calls, nothing is changed.
func (fn *function) moveToCallSites(chain []activeCall, sites []uint64) {
	if len(sites) != len(chain) {
		return
	}
	for depth := range chain[:len(chain)-1] {
		chain[depth].blocks = fn.blocksOf(chain[depth].call, sites[len(chain)-1-depth])
	}
}

// blocksOf lists a call and the blocks in it that are active at a PC of its
// own, outer before inner.
func (fn *function) blocksOf(call int, pc uint64) []int {
	out := []int{call}
	for i := call + 1; i < len(fn.nodes); i++ {
		n := &fn.nodes[i]
		if !n.call && slices.Contains(out, n.parent) && n.contains(pc) {
			out = append(out, i)
		}
	}
	return out
}
