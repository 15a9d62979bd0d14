package goruntime

import (
	"encoding/binary"

	"golang.org/x/arch/x86/x86asm"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
)

// maxWrapperSteps bounds the instructions that are followed: wrappers are short.
const maxWrapperSteps = 256

// dwarfRegisters are the DWARF numbers of RAX, RCX, RDX, RBX, RSP, RBP, RSI,
// RDI, R8 to R15, the order of their encoding.
func dwarfRegisters() [16]uint64 {
	return [16]uint64{0, 2, 1, 3, corefile.RegRSP, corefile.RegRBP, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15}
}

// machine follows straight code with what is known of its registers: the moves
// with which a wrapper prepares a call.
type machine struct {
	r     *Runtime
	regs  map[x86asm.Reg]uint64
	xmm   map[x86asm.Reg][]byte
	stack map[uint64]uint64
	pc    uint64
	equal compared // of the last comparison
}

// compared says how a comparison ended.
type compared uint8

const (
	comparedUnknown compared = iota
	comparedEqual
	comparedOther
)

// followWrapper executes the wrapper f of the closure up to its call.
func (r *Runtime) followWrapper(f *pclntab.Func, closure uint64) (Call, bool) {
	m := &machine{
		r: r, pc: f.Entry(), xmm: map[x86asm.Reg][]byte{}, stack: map[uint64]uint64{},
		regs: map[x86asm.Reg]uint64{x86asm.RDX: closure, x86asm.RSP: stackTop - 8},
	}
	for range maxWrapperSteps {
		if calls := f.Calls(m.pc); len(calls) > 1 {
			outer := &calls[len(calls)-2]
			return m.at(corefile.Frame{
				Function: outer.Function, File: outer.File, Line: outer.Line,
				Entry: f.Entry(), CFA: stackTop, Inlined: true, Depth: 1,
			}), true
		}
		in, ok := m.decode(f)
		if !ok {
			return Call{}, false
		}
		switch {
		case in.Op == x86asm.CALL && !m.instrumented(&in):
			return m.call(&in)
		case in.Op != x86asm.CALL && !m.step(&in):
			return Call{}, false
		}
	}
	return Call{}, false
}

// decode reads the instruction at pc and moves behind it.
func (m *machine) decode(f *pclntab.Func) (x86asm.Inst, bool) {
	const longest = 15
	if m.pc < f.Entry() || m.pc >= f.End() {
		return x86asm.Inst{}, false
	}
	code, err := m.r.view(m.pc, int(min(longest, f.End()-m.pc)))
	if err != nil {
		return x86asm.Inst{}, false
	}
	// x86asm v0.28.0 reads beyond an EVEX prefix that is the end of its input.
	var padded [2 * longest]byte
	copy(padded[:], code)
	in, err := x86asm.Decode(padded[:], 64)
	if err != nil || in.Len == 0 || in.Len > len(code) {
		return in, false
	}
	m.pc += uint64(in.Len)
	return in, true
}

// step executes an instruction. It returns false for one that could lead
// elsewhere or write where it is not known.
func (m *machine) step(in *x86asm.Inst) bool {
	dst, src := in.Args[0], in.Args[1]
	switch in.Op {
	case x86asm.NOP:
		return true
	case x86asm.TEST:
		m.equal = comparedUnknown
		if dst == x86asm.R12 && src == x86asm.R12 {
			// Go 1.25: is there a g._panic. Both ways come to the same place.
			m.equal = comparedEqual
		}
		return true
	case x86asm.CMP:
		m.compare(dst, src, in.MemBytes)
		return true
	case x86asm.JBE: // the stack is large enough
		return true
	case x86asm.JE, x86asm.JNE: // does an interface hold what the compiler guessed
		if m.equal == comparedUnknown {
			return false
		}
		return (m.equal == comparedEqual) != (in.Op == x86asm.JE) || m.jump(dst)
	case x86asm.JMP:
		return m.jump(dst)
	case x86asm.PUSH:
		m.regs[x86asm.RSP] -= 8
		return m.store(m.regs[x86asm.RSP], 8, dst)
	case x86asm.SUB:
		m.equal = comparedUnknown
		if n, ok := src.(x86asm.Imm); ok && dst == x86asm.RSP && n >= 0 && n < stackSpan/2 {
			m.regs[x86asm.RSP] -= uint64(n)
			return true
		}
		return false
	case x86asm.LEA:
		return m.set(dst, func() (uint64, bool) { return m.address(src) })
	case x86asm.XOR:
		m.equal = comparedUnknown
		if dst != src {
			return false
		}
		return m.set(dst, func() (uint64, bool) { return 0, true })
	case x86asm.MOV, x86asm.MOVZX:
		if mem, ok := dst.(x86asm.Mem); ok {
			at, known := m.address(mem)
			return known && m.store(at, in.MemBytes, src)
		}
		return m.set(dst, func() (uint64, bool) { return m.load(src, in.MemBytes) })
	case x86asm.MOVSD_XMM, x86asm.MOVSS, x86asm.MOVUPS:
		return m.vector(in)
	}
	return false
}

// jump goes forward.
func (m *machine) jump(to x86asm.Arg) bool {
	rel, ok := to.(x86asm.Rel)
	m.pc += uint64(max(rel, 0))
	return ok && rel >= 0
}

// compare notes how a comparison ends.
func (m *machine) compare(a, b x86asm.Arg, size int) {
	x, ok1 := m.load(a, size)
	y, ok2 := m.load(b, size)
	switch {
	case !ok1 || !ok2:
		m.equal = comparedUnknown
	case x == y:
		m.equal = comparedEqual
	default:
		m.equal = comparedOther
	}
}

// set gives a register a new value, which may be unknown.
func (m *machine) set(dst x86asm.Arg, value func() (uint64, bool)) bool {
	reg, ok := dst.(x86asm.Reg)
	if !ok {
		return false
	}
	wide, ok := wideRegister(reg)
	if !ok || wide == x86asm.RSP {
		return false
	}
	if v, known := value(); known {
		m.regs[wide] = v
	} else {
		delete(m.regs, wide)
	}
	return true
}

// wideRegister is the 64-bit register that a move into reg replaces as a whole.
func wideRegister(reg x86asm.Reg) (x86asm.Reg, bool) {
	switch {
	case reg >= x86asm.RAX && reg <= x86asm.R15:
		return reg, true
	case reg >= x86asm.EAX && reg <= x86asm.R15L:
		return reg - x86asm.EAX + x86asm.RAX, true
	}
	return 0, false
}

// load is the value of an operand.
func (m *machine) load(src x86asm.Arg, size int) (uint64, bool) {
	switch a := src.(type) {
	case x86asm.Imm:
		return uint64(a), true
	case x86asm.Reg:
		wide, ok := wideRegister(a)
		v, known := m.regs[wide]
		if wide != a {
			v = uint64(uint32(v))
		}
		return v, ok && known
	case x86asm.Mem:
		at, ok := m.address(a)
		if !ok || size <= 0 || size > 8 {
			return 0, false
		}
		b, ok := m.bytes(at, size)
		if !ok {
			return 0, false
		}
		var word [8]byte
		copy(word[:], b)
		return binary.LittleEndian.Uint64(word[:]), true
	}
	return 0, false
}

// bytes reads the made-up stack or the core.
func (m *machine) bytes(at uint64, size int) ([]byte, bool) {
	if m.onStack(at) {
		v, ok := m.stack[at]
		return binary.LittleEndian.AppendUint64(nil, v)[:min(size, 8)], ok && size <= 8
	}
	b, err := m.r.view(at, size)
	return b, err == nil
}

func (m *machine) onStack(at uint64) bool {
	c := Call{}
	return c.OnStack(at)
}

// store writes to the made-up stack; nothing else may be written.
func (m *machine) store(at uint64, size int, src x86asm.Arg) bool {
	if !m.onStack(at) || at%8 != 0 && size == 8 {
		return false
	}
	v, known := m.load(src, 8)
	if size == 8 && known {
		m.stack[at] = v
	} else {
		delete(m.stack, at&^7)
	}
	return true
}

// vector follows moves of floating point values, and forgets what wider ones
// write.
func (m *machine) vector(in *x86asm.Inst) bool {
	if mem, ok := in.Args[0].(x86asm.Mem); ok {
		at, known := m.address(mem)
		if !known || !m.onStack(at) {
			return false
		}
		for end := at + 16; at < end; at += 8 {
			delete(m.stack, at&^7)
		}
		return true
	}
	reg, ok := in.Args[0].(x86asm.Reg)
	if !ok {
		return false
	}
	delete(m.xmm, reg)
	if mem, ok := in.Args[1].(x86asm.Mem); ok && in.MemBytes > 0 && in.MemBytes <= 16 {
		if at, known := m.address(mem); known {
			if b, ok := m.bytes(at, in.MemBytes); ok {
				m.xmm[reg] = append(append([]byte(nil), b...), make([]byte, 16-len(b))...)
			}
		}
	}
	return true
}

// address computes where an operand in memory is.
func (m *machine) address(a x86asm.Arg) (uint64, bool) {
	mem, ok := a.(x86asm.Mem)
	if !ok || mem.Segment != 0 || mem.Index != 0 {
		return 0, false
	}
	if mem.Base == x86asm.RIP {
		return m.pc + uint64(mem.Disp), true
	}
	base, known := m.regs[mem.Base]
	return base + uint64(mem.Disp), known
}

// target is the address that a call leads to, 0 when it is not known.
func (m *machine) target(in *x86asm.Inst) uint64 {
	if rel, ok := in.Args[0].(x86asm.Rel); ok {
		return m.pc + uint64(int64(rel))
	}
	v, _ := m.load(in.Args[0], 8)
	return v
}

// instrumented reports whether a call is one that the compiler adds for a
// sanitizer: go build -race, -msan, -asan. It leaves no register as it was but
// the stack pointer and the frame pointer.
func (m *machine) instrumented(in *x86asm.Inst) bool {
	switch name, _ := m.r.FuncName(m.target(in)); name {
	case "runtime.racefuncenter", "runtime.raceread", "runtime.racereadrange", "runtime.msanread", "runtime.asanread":
	default:
		return false
	}
	m.regs = map[x86asm.Reg]uint64{x86asm.RSP: m.regs[x86asm.RSP], x86asm.RBP: m.regs[x86asm.RBP]}
	clear(m.xmm)
	return true
}

// call goes to the called function and follows its prologue, which keeps the
// arguments in the frame where the debug information looks for them.
func (m *machine) call(in *x86asm.Inst) (Call, bool) {
	target := m.target(in)
	f, ok := m.r.Functions().Find(target)
	if !ok || f.Entry() != target {
		return Call{}, false
	}
	m.regs[x86asm.RSP] -= 8 // the return address
	cfa := m.regs[x86asm.RSP] + 8
	m.pc = target
	for range maxWrapperSteps {
		at := m.pc
		in, ok := m.decode(&f)
		if !ok || len(f.Calls(at)) > 1 || !prologue(&in) || !m.step(&in) {
			m.pc = at
			break
		}
	}
	return m.at(corefile.Frame{Function: f.Name(), Entry: target, CFA: cfa}), true
}

// prologue reports whether an instruction belongs to those with which a function
// begins: it makes its frame and stores its arguments there.
func prologue(in *x86asm.Inst) bool {
	switch in.Op {
	case x86asm.CMP, x86asm.JBE, x86asm.PUSH:
		return true
	case x86asm.LEA:
		return in.Args[0] == x86asm.R12
	case x86asm.SUB:
		return in.Args[0] == x86asm.RSP
	case x86asm.MOV:
		mem, ok := in.Args[0].(x86asm.Mem)
		return ok && mem.Base == x86asm.RSP || in.Args[0] == x86asm.RBP && in.Args[1] == x86asm.RSP
	}
	return false
}

// at is a frame that stands where the machine does.
func (m *machine) at(fr corefile.Frame) Call {
	regs := &corefile.Registers{}
	for i, n := range dwarfRegisters() {
		if v, ok := m.regs[x86asm.RAX+x86asm.Reg(i)]; ok {
			regs.SetWord(n, v)
		}
	}
	for reg, b := range m.xmm {
		regs.Set(corefile.RegXMM0+uint64(reg-x86asm.X0), b)
	}
	regs.SetWord(corefile.RegRIP, m.pc)
	fr.PC, fr.CallPC, fr.Regs = m.pc, m.pc, regs
	return Call{Frame: fr, Stack: m.stack}
}
