package pclntab

import "encoding/binary"

// Call is a function that is active at a PC: the physical one or one whose
// call was inlined there.
type Call struct {
	// Function is the linker's name, with "[...]" in place of type arguments.
	Function string
	File     string // "" when unknown
	Line     int    // being executed, 0 when unknown
	// StartLine is the line of the func keyword, 0 when unknown.
	StartLine int
	// PC is an address in this call: for the innermost one where it stands, for
	// the others an instruction at the place where they call the next one.
	PC uint64
}

// Calls lists the calls that are active at pc, from the innermost outwards; the
// last one is the physical function. pc is an address of the instruction that
// is executed: for a return address, one less. Where the tables don't tell of
// inlined calls, or wrongly, only the physical function is listed.
func (f *Func) Calls(pc uint64) []Call {
	sites, ok := f.sites(pc)
	if !ok {
		sites = sites[:0]
	}
	out := make([]Call, 0, len(sites)+1)
	for i := range sites {
		s := &sites[i]
		c := Call{Function: f.t.name(s.name), StartLine: max(0, int(s.start)), PC: s.pc}
		c.File, c.Line = f.FileLine(s.pc)
		out = append(out, c)
	}
	at := pc
	if n := len(sites); n > 0 {
		at = sites[n-1].parent
	}
	c := Call{Function: f.Name(), StartLine: f.StartLine(), PC: at}
	c.File, c.Line = f.FileLine(at)
	return append(out, c)
}

// CallSites returns Call.PC of all active calls, from the innermost outwards.
// It is empty when the tables contradict themselves.
func (f *Func) CallSites(pc uint64) []uint64 {
	if f.t == nil || pc < f.entry || pc >= f.end {
		return nil
	}
	sites, ok := f.sites(pc)
	if !ok {
		return nil
	}
	out := []uint64{pc}
	for i := range sites {
		out = append(out, sites[i].parent)
	}
	return out
}

// site is an inlined call: runtime.inlinedCall.
type site struct {
	pc     uint64 // where it stands
	parent uint64 // an address at the place of the call
	name   uint32
	start  int32
}

// sites lists the inlined calls at pc from the innermost outwards. ok is false
// when what the tables say can't be followed to the physical function.
func (f *Func) sites(pc uint64) (out []site, ok bool) {
	table := f.pcdata(inlTreePCData)
	if table == 0 || f.t == nil || pc < f.entry || pc >= f.end {
		return nil, true
	}
	index, found := f.t.value(table, pc-f.entry)
	if !found || index < 0 {
		return nil, true
	}
	tree, found := f.funcdata(inlTreeData)
	if !found || f.t.o.FuncData == nil {
		return nil, false
	}
	for at := pc; index >= 0; {
		b, found := f.t.o.FuncData(uint64(tree)+uint64(index)*inlinedSize, inlinedSize)
		if !found || len(b) < inlinedSize || len(out) == maxInlineDepth {
			return nil, false
		}
		rel := uint64(binary.LittleEndian.Uint32(b[inlinedParent:]))
		if rel >= f.end-f.entry {
			return nil, false
		}
		out = append(out, site{
			pc: at, parent: f.entry + rel,
			name:  binary.LittleEndian.Uint32(b[inlinedName:]),
			start: int32(binary.LittleEndian.Uint32(b[inlinedStart:])),
		})
		at = f.entry + rel
		if index, found = f.t.value(table, rel); !found {
			return nil, false
		}
	}
	return out, true
}
