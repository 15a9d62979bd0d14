package gounwind

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
)

// The call frame information of C code: section .eh_frame. Source: Linux
// Standard Base 5.0, chapters 10.6 and 10.5.1 (encodings); DWARF 5, section 6.4
// (instructions).
const (
	maxFDEs    = 1 << 20
	maxCFIOps  = 1 << 12
	maxSaved   = 16 // nested DW_CFA_remember_state
	pePCRel    = 0x10
	peOmit     = 0xff
	returnReg  = 16
	cfiRegs    = 17
	unknownReg = -1
)

// fde describes the frames of a range of code.
type fde struct {
	start, end uint64 // addresses of the process
	cie        *cie
	program    []byte
}

// cie is what several fdes share.
type cie struct {
	codeAlign uint64
	dataAlign int64
	encoding  byte
	augmented bool
	program   []byte
}

// frameTable is a section .eh_frame, ascending by address.
type frameTable []fde

// find returns the entry for a PC.
func (t frameTable) find(pc uint64) *fde {
	i := sort.Search(len(t), func(i int) bool { return t[i].start > pc }) - 1
	if i < 0 || pc >= t[i].end {
		return nil
	}
	return &t[i]
}

// parseFrames reads a section that lies at addr in the process. What is damaged
// or of a kind that C compilers don't make is left out.
func parseFrames(data []byte, addr uint64) frameTable {
	var out frameTable
	cies := map[int]*cie{}
	for at := 0; at+8 <= len(data) && len(out) < maxFDEs; {
		size := int(binary.LittleEndian.Uint32(data[at:]))
		if size < 4 || size > len(data)-at-4 { // the end, 64-bit, or damage
			break
		}
		body := data[at+4 : at+4+size]
		id := int(binary.LittleEndian.Uint32(body))
		if id == 0 {
			cies[at] = parseCIE(body[4:])
		} else if c := cies[at+4-id]; c != nil {
			if f, ok := parseFDE(body[4:], addr+uint64(at)+8, c); ok {
				out = append(out, f)
			}
		}
		at += 4 + size
	}
	slices.SortFunc(out, func(a, b fde) int {
		if a.start < b.start {
			return -1
		}
		if a.start > b.start {
			return 1
		}
		return 0
	})
	return out
}

// parseCIE reads what follows the id; nil when it is not understood.
func parseCIE(b []byte) *cie {
	d := bytesReader{b: b}
	version := d.u8()
	text, rest, ok := bytes.Cut(d.b, []byte{0})
	if !ok || version != 1 && version != 3 || len(text) > 0 && text[0] != 'z' {
		return nil
	}
	d.b = rest
	c := &cie{codeAlign: d.uleb(), dataAlign: d.sleb(), augmented: len(text) > 0}
	if version == 1 {
		d.u8()
	} else {
		d.uleb()
	}
	if c.augmented {
		n := d.uleb()
		if d.bad || n > uint64(len(d.b)) {
			return nil
		}
		extra := bytesReader{b: d.b[:n]}
		d.b = d.b[n:]
		for _, ch := range text[1:] {
			switch ch {
			case 'R':
				c.encoding = extra.u8()
			case 'P':
				e := extra.u8()
				extra.pointer(e, 0)
			case 'L':
				extra.u8()
			case 'S':
			default:
				return nil
			}
		}
		if extra.bad {
			return nil
		}
	}
	c.program = d.b
	if d.bad {
		return nil
	}
	return c
}

// parseFDE reads what follows the pointer to c; at is its address.
func parseFDE(b []byte, at uint64, c *cie) (fde, bool) {
	d := bytesReader{b: b}
	f := fde{cie: c, start: d.pointer(c.encoding, at)}
	size := d.pointer(c.encoding&0x0f, 0)
	if c.augmented {
		n := d.uleb()
		if n > uint64(len(d.b)) {
			return f, false
		}
		d.b = d.b[n:]
	}
	f.end = f.start + size
	f.program = d.b
	return f, !d.bad && f.end > f.start
}

// cfiRule says where a register of the caller is.
type cfiRule struct {
	kind cfiKind
	off  int64 // from the frame address, or a register
}

type cfiKind uint8

const (
	cfiSame cfiKind = iota
	cfiUndefined
	cfiOffset    // at the frame address + off
	cfiValOffset // the frame address + off
	cfiRegister
	cfiUnknown
)

// cfiState is a row of the table that a program makes.
type cfiState struct {
	cfaReg int // unknownReg: by an expression
	cfaOff int64
	regs   [cfiRegs]cfiRule
}

// row runs the programs up to pc.
func (f *fde) row(pc uint64) (cfiState, bool) {
	m := cfiMachine{f: f, loc: f.start, pc: pc}
	m.st.cfaReg = unknownReg
	if !m.run(f.cie.program) {
		return m.st, false
	}
	m.first = m.st
	m.loc = f.start
	return m.st, m.run(f.program)
}

// cfiMachine runs call frame instructions.
type cfiMachine struct {
	f         *fde
	st, first cfiState
	saved     []cfiState
	loc, pc   uint64
	steps     int
}

// run executes a program as far as the PC; false when it is malformed.
func (m *cfiMachine) run(program []byte) bool {
	d := bytesReader{b: program}
	for len(d.b) > 0 && !d.bad {
		if m.steps++; m.steps > maxCFIOps {
			return false
		}
		op := d.u8()
		arg := uint64(op & 0x3f)
		switch op >> 6 {
		case 1:
			if m.advance(arg) {
				return true
			}
			continue
		case 2:
			m.set(arg, cfiOffset, int64(d.uleb())*m.f.cie.dataAlign)
			continue
		case 3:
			m.restore(arg)
			continue
		}
		over, ok := m.extended(op, &d)
		if !ok {
			return false
		}
		if over {
			return true
		}
	}
	return !d.bad
}

// advance moves to the next row; true when the PC is in the one before.
func (m *cfiMachine) advance(n uint64) bool {
	m.loc += n * m.f.cie.codeAlign
	return m.loc > m.pc
}

func (m *cfiMachine) set(reg uint64, k cfiKind, off int64) {
	if reg < cfiRegs {
		m.st.regs[reg] = cfiRule{k, off}
	}
}

func (m *cfiMachine) restore(reg uint64) {
	if reg < cfiRegs {
		m.st.regs[reg] = m.first.regs[reg]
	}
}

// extended executes the instructions whose operands do not fit in a byte.
func (m *cfiMachine) extended(op byte, d *bytesReader) (over, ok bool) {
	align := m.f.cie.dataAlign
	switch op {
	case 0x00: // nop
	case 0x01: // set_loc
		m.loc = d.pointer(m.f.cie.encoding&0x0f, 0)
		return m.loc > m.pc, true
	case 0x02:
		return m.advance(uint64(d.u8())), true
	case 0x03:
		return m.advance(uint64(d.u16())), true
	case 0x04:
		return m.advance(uint64(d.u32())), true
	case 0x05: // offset_extended
		reg := d.uleb()
		m.set(reg, cfiOffset, int64(d.uleb())*align)
	case 0x06:
		m.restore(d.uleb())
	case 0x07:
		m.set(d.uleb(), cfiUndefined, 0)
	case 0x08:
		m.set(d.uleb(), cfiSame, 0)
	case 0x09: // register
		reg := d.uleb()
		m.set(reg, cfiRegister, int64(d.uleb()))
	case 0x0a: // remember_state
		if len(m.saved) == maxSaved {
			return false, false
		}
		m.saved = append(m.saved, m.st)
	case 0x0b: // restore_state
		if len(m.saved) == 0 {
			return false, false
		}
		m.st = m.saved[len(m.saved)-1]
		m.saved = m.saved[:len(m.saved)-1]
	case 0x0c: // def_cfa
		m.st.cfaReg = int(d.uleb() & 0xff)
		m.st.cfaOff = int64(d.uleb())
	case 0x0d:
		m.st.cfaReg = int(d.uleb() & 0xff)
	case 0x0e:
		m.st.cfaOff = int64(d.uleb())
	case 0x0f: // def_cfa_expression
		d.skip(d.uleb())
		m.st.cfaReg = unknownReg
	case 0x10, 0x16: // expression, val_expression
		reg := d.uleb()
		d.skip(d.uleb())
		m.set(reg, cfiUnknown, 0)
	case 0x11: // offset_extended_sf
		reg := d.uleb()
		m.set(reg, cfiOffset, d.sleb()*align)
	case 0x12: // def_cfa_sf
		m.st.cfaReg = int(d.uleb() & 0xff)
		m.st.cfaOff = d.sleb() * align
	case 0x13:
		m.st.cfaOff = d.sleb() * align
	case 0x14:
		reg := d.uleb()
		m.set(reg, cfiValOffset, int64(d.uleb())*align)
	case 0x15:
		reg := d.uleb()
		m.set(reg, cfiValOffset, d.sleb()*align)
	case 0x2e: // GNU_args_size
		d.uleb()
	default:
		return false, false
	}
	return false, true
}
