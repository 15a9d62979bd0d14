package gounwind

import (
	"debug/elf"
	"slices"
	"sort"

	"github.com/safedump/sdcore/corefile"
)

// cCode knows C code that was linked into the binary: how to leave its frames,
// and its functions. Nothing is read before it is asked for. It may be nil.
type cCode struct {
	core   *corefile.Core
	frames frameTable
	opened bool
	names  []cSymbol
	named  bool
	lines  *cLines

	vdsoLo, vdsoHi uint64 // the kernel's shared code
}

// cSymbol is a function of the symbol table.
type cSymbol struct {
	start, end uint64 // addresses of the process
	name       string
}

func newCCode(c *corefile.Core) *cCode {
	lo, hi := sharedCode(c)
	return &cCode{core: c, lines: newCLines(c), vdsoLo: lo, vdsoHi: hi}
}

// withoutLines is a copy that does not read debug information.
func (c *cCode) withoutLines() *cCode {
	if c == nil {
		return nil
	}
	return &cCode{core: c.core, vdsoLo: c.vdsoLo, vdsoHi: c.vdsoHi}
}

// table reads the call frame information.
func (c *cCode) table() frameTable {
	if c == nil {
		return nil
	}
	if !c.opened {
		c.opened = true
		if s := c.core.Binary().ELF().Section(".eh_frame"); s != nil && s.Type != elf.SHT_NOBITS {
			if data, err := c.core.Binary().DebugSection(".eh_frame"); err == nil {
				c.frames = parseFrames(data, s.Addr+c.core.LoadBias())
			}
		}
	}
	return c.frames
}

// leaveC leaves a frame of C code, if there is call frame information for it.
func (w *walker) leaveC(r *rule) bool {
	f := w.b.c.table().find(r.callPC)
	if f == nil {
		return false
	}
	row, ok := f.row(r.callPC)
	if !ok || row.cfaReg == unknownReg {
		return false
	}
	base, ok := w.register(uint64(row.cfaReg))
	if !ok {
		return false
	}
	cfa := base + uint64(row.cfaOff)
	if !w.inside(cfa) {
		return true
	}
	w.record(cfa, true)
	if row.regs[returnReg].kind == cfiUndefined {
		w.done = true // nothing called it
		return true
	}
	ret, ok := w.word(cfa - 8)
	if at := row.regs[returnReg]; at.kind == cfiOffset {
		ret, ok = w.word(cfa + uint64(at.off))
	}
	if !ok {
		w.stop("stack memory at %#x is not in the core", cfa-8)
		return true
	}
	if ret == 0 {
		w.done = true
		return true
	}
	next := cursor{pc: ret, sp: cfa}
	for _, reg := range calleeSaved() {
		w.restoreC(&next, reg, row.regs[reg], cfa)
	}
	w.cur = next
	return true
}

// calleeSaved are the registers that C functions preserve: rbx, rbp, r12 to
// r15 (System V ABI, AMD64 supplement, figure 3.4).
func calleeSaved() [6]int { return [6]int{3, corefile.RegRBP, 12, 13, 14, 15} }

func (w *walker) restoreC(next *cursor, reg int, r cfiRule, cfa uint64) {
	switch r.kind {
	case cfiSame:
		if v, ok := w.register(uint64(reg)); ok {
			next.set(reg, v)
		}
	case cfiOffset:
		if v, ok := w.word(cfa + uint64(r.off)); ok {
			next.set(reg, v)
		}
	case cfiValOffset:
		next.set(reg, cfa+uint64(r.off))
	case cfiRegister:
		if v, ok := w.register(uint64(r.off)); ok {
			next.set(reg, v)
		}
	}
}

// register is the contents of a register at the cursor.
func (w *walker) register(reg uint64) (uint64, bool) {
	switch {
	case reg == corefile.RegRSP:
		return w.cur.sp, true
	case reg == corefile.RegRIP:
		return w.cur.pc, true
	case reg < generalRegs && w.cur.known&(1<<reg) != 0:
		return w.cur.regs[reg], true
	}
	return 0, false
}

// symbol finds the C function at an address.
func (c *cCode) symbol(pc uint64) (cSymbol, bool) {
	if !c.named {
		c.named = true
		c.names = c.readSymbols()
	}
	i := sort.Search(len(c.names), func(i int) bool { return c.names[i].start > pc }) - 1
	if i < 0 || pc >= c.names[i].end {
		return cSymbol{}, false
	}
	return c.names[i], true
}

func (c *cCode) readSymbols() []cSymbol {
	var syms []elf.Symbol
	_ = corefile.Guard("symbols", func() (err error) {
		syms, err = c.core.Binary().ELF().Symbols()
		return err
	})
	var out []cSymbol
	for i := range syms {
		s := &syms[i]
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || s.Section == elf.SHN_UNDEF || s.Size == 0 || s.Value+s.Size < s.Value {
			continue
		}
		start := s.Value + c.core.LoadBias()
		out = append(out, cSymbol{start, start + s.Size, s.Name})
	}
	slices.SortStableFunc(out, func(a, b cSymbol) int {
		switch {
		case a.start < b.start:
			return -1
		case a.start > b.start:
			return 1
		}
		return 0
	})
	return out
}

// describe returns the frames of C code at a PC, innermost first; nil when
// nothing is known.
func (c *cCode) describe(pc, at uint64) []corefile.Frame {
	if c == nil {
		return nil
	}
	if c.lines != nil {
		if fs := c.lines.describe(pc, at); len(fs) > 0 {
			return fs
		}
	}
	if at >= c.vdsoLo && at < c.vdsoHi {
		return []corefile.Frame{{Function: VDSO, PC: pc, CallPC: at}}
	}
	s, ok := c.symbol(at)
	if !ok {
		return nil
	}
	return []corefile.Frame{{Function: s.name, PC: pc, CallPC: at, Entry: s.start}}
}
