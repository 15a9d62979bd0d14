package goruntime

import (
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// frameRegisters are what the general registers hold, in the order of their encoding, as
// far as the frame tells: words that are also in it, and what is computed from
// those.
type frameRegisters [16]Operand

// frameFlow follows registers through the code of a function, on all ways at once:
// where ways meet, what is known is what all of them say.
type frameFlow struct {
	w      *flowReader
	leader []bool
	in     map[int]frameRegisters // before the first instruction of a block
	stores map[uint64]int         // how many instructions write to a word of the frame
	slow   map[int]Operand        // what sites pass to their slow path
}

func newFrameFlow(w *flowReader) *frameFlow {
	f := &frameFlow{w: w, leader: make([]bool, len(w.insts)+1), in: map[int]frameRegisters{}, stores: map[uint64]int{}, slow: map[int]Operand{}}
	for i, to := range w.flow.next {
		for _, j := range to {
			if j >= 0 && j != i+1 {
				f.leader[j] = true
			}
		}
		if to[0] != i+1 || to[1] >= 0 {
			f.leader[i+1] = true
		}
	}
	morestack := false // the arguments are saved before it, to no harm
	for i := len(w.insts) - 1; i >= 0; i-- {
		if w.insts[i].Op == x86asm.CALL {
			morestack = strings.HasPrefix(w.calls[i], "runtime.morestack")
		}
		if mem, ok := w.insts[i].Args[0].(x86asm.Mem); ok && !morestack && w.insts[i].Op == x86asm.MOV {
			if at, ok := f.slot(mem, i); ok {
				f.stores[at]++
			}
		}
	}
	return f
}

// addresses finds the address that each site is given.
func (f *frameFlow) addresses() {
	f.in[0] = frameRegisters{}
	const most = 1 << 16 // blocks that are looked at: each changes at most 16 times
	n := 0
	for todo := []int{0}; len(todo) > 0; n++ {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n == most {
			return
		}
		regs := f.in[i]
		for {
			f.step(&regs, i)
			next := f.w.flow.next[i]
			if next[1] < 0 && next[0] == i+1 && !f.leader[i+1] {
				i++
				continue
			}
			for _, j := range next {
				if j >= 0 && f.meet(j, &regs) {
					todo = append(todo, j)
				}
			}
			break
		}
	}
	defer f.settle()
	for i, regs := range f.in {
		for {
			f.site(&regs, i)
			f.step(&regs, i)
			if i++; i >= len(f.w.insts) || f.leader[i] {
				break
			}
		}
	}
}

// meet joins what is known on one way to an instruction with what is on the others,
// and reports whether that changed anything.
func (f *frameFlow) meet(i int, regs *frameRegisters) bool {
	have, seen := f.in[i]
	if !seen {
		f.in[i] = *regs
		return true
	}
	changed := false
	for n := range have {
		if have[n].known && have[n] != regs[n] {
			have[n], changed = Operand{}, true
		}
	}
	f.in[i] = have
	return changed
}

// site notes the address that a site is given, where the instruction tells.
func (f *frameFlow) site(regs *frameRegisters, i int) {
	n := f.w.flow.site[i]
	if n < 0 {
		return
	}
	s := &f.w.flow.Sites[n]
	if !s.Inlined {
		s.Address = regs[0]
	} else if mem, ok := locked(&f.w.insts[i]); ok && !s.Address.known {
		s.Address = f.address(regs, mem, i)
	} else if slowPath(f.w.calls[i]) && !s.Address.known {
		f.slow[n] = regs[0]
	}
}

// settle takes what is passed to the slow path for the address of sites where no
// instruction has told it, and looks which of them may be out of date.
func (f *frameFlow) settle() {
	for n := range f.w.flow.Sites {
		s := &f.w.flow.Sites[n]
		if slow := f.slow[n]; !s.Address.known && slow.known {
			s.Address, s.Inlined = slow, false
		}
		s.Shared = s.Address.slot && f.stores[s.Address.base] > 1
	}
}

// slowPath reports whether a function is what an inlined method of a lock calls, with
// its receiver, when there is something to wait for or to wake.
func slowPath(name string) bool {
	switch name {
	case "sync.(*Mutex).lockSlow", "sync.(*Mutex).unlockSlow", "sync.(*RWMutex).rUnlockSlow",
		"internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).unlockSlow":
		return true
	}
	return false
}

// slot is the place of a stack operand relative to the frame address.
func (f *frameFlow) slot(mem x86asm.Mem, i int) (uint64, bool) {
	if mem.Index != 0 || mem.Segment != 0 || mem.Base != x86asm.RSP {
		return 0, false
	}
	delta, ok := f.w.f.SPDelta(f.w.flow.pcs[i])
	// The return address lies below the frame address; SPDelta is without it.
	return uint64(mem.Disp) - uint64(int64(delta)) - 8, ok
}

// address is that of an operand in memory.
func (f *frameFlow) address(regs *frameRegisters, mem x86asm.Mem, i int) Operand {
	switch {
	case mem.Index != 0 || mem.Segment != 0 || mem.Base == x86asm.RSP:
		return Operand{}
	case mem.Base == x86asm.RIP:
		return Operand{known: true, base: f.w.end(i) + uint64(mem.Disp)}
	case mem.Base == 0:
		return Operand{known: true, base: uint64(mem.Disp)}
	case mem.Base >= x86asm.RAX && mem.Base <= x86asm.R15:
		return regs[mem.Base-x86asm.RAX].plus(mem.Disp)
	}
	return Operand{}
}

// step notes what an instruction does to registers.
func (f *frameFlow) step(regs *frameRegisters, i int) {
	in := &f.w.insts[i]
	switch in.Op {
	case x86asm.CALL:
		if strings.HasPrefix(f.w.calls[i], "runtime.gcWriteBarrier") { // it changes R11 only
			regs[11] = Operand{}
		} else {
			*regs = frameRegisters{}
		}
		return
	case x86asm.CMP, x86asm.TEST, x86asm.NOP:
		return
	case x86asm.CMPXCHG:
		regs[0] = Operand{} // RAX
	case x86asm.MUL, x86asm.DIV, x86asm.IDIV, x86asm.IMUL, x86asm.CQO, x86asm.CDQ:
		regs[0], regs[2] = Operand{}, Operand{} // RAX and RDX
	case x86asm.XCHG, x86asm.XADD:
		f.write(regs, in.Args[1], Operand{})
	case x86asm.MOV:
		if mem, ok := in.Args[0].(x86asm.Mem); ok {
			f.save(regs, mem, i)
			return
		}
	}
	f.write(regs, in.Args[0], f.value(regs, i))
}

// write changes a register.
func (f *frameFlow) write(regs *frameRegisters, to x86asm.Arg, v Operand) {
	reg, ok := to.(x86asm.Reg)
	if !ok {
		return
	}
	wide, ok := wideRegister(reg)
	switch {
	case ok && wide == reg:
		regs[wide-x86asm.RAX] = v
	case ok:
		regs[wide-x86asm.RAX] = Operand{}
	default: // a part of one, which one does not matter
		if n, ok := narrowRegister(reg); ok {
			regs[n] = Operand{}
		}
	}
}

// narrowRegister is the number of the register that AL, AX or R8B is part of.
func narrowRegister(reg x86asm.Reg) (int, bool) {
	switch {
	case reg >= x86asm.AL && reg <= x86asm.BL:
		return int(reg - x86asm.AL), true
	case reg >= x86asm.AH && reg <= x86asm.BH:
		return int(reg - x86asm.AH), true
	case reg >= x86asm.SPB && reg <= x86asm.R15B:
		return int(reg-x86asm.SPB) + 4, true
	case reg >= x86asm.AX && reg <= x86asm.R15W:
		return int(reg - x86asm.AX), true
	}
	return 0, false
}

// value is what an instruction puts into its first operand.
func (f *frameFlow) value(regs *frameRegisters, i int) Operand {
	in := &f.w.insts[i]
	switch src := in.Args[1].(type) {
	case x86asm.Mem:
		switch in.Op {
		case x86asm.LEA:
			return f.address(regs, src, i)
		case x86asm.MOV:
			if at, ok := f.slot(src, i); ok {
				return Operand{known: true, slot: true, base: at}
			}
			return f.address(regs, src, i).read()
		}
	case x86asm.Reg:
		if in.Op == x86asm.MOV && src >= x86asm.RAX && src <= x86asm.R15 {
			return regs[src-x86asm.RAX]
		}
	case x86asm.Imm:
		if dst, ok := in.Args[0].(x86asm.Reg); ok && in.Op == x86asm.ADD && dst >= x86asm.RAX && dst <= x86asm.R15 {
			return regs[dst-x86asm.RAX].plus(int64(src))
		}
	}
	return Operand{}
}

// save notes that a register was saved in the frame: from there on its contents
// have the name of that place, and no other value has it.
func (f *frameFlow) save(regs *frameRegisters, mem x86asm.Mem, i int) {
	at, ok := f.slot(mem, i)
	if !ok {
		return
	}
	name := Operand{known: true, slot: true, base: at}
	for n := range regs {
		if regs[n].slot && regs[n].base == at {
			regs[n] = Operand{}
		}
	}
	src, ok := f.w.insts[i].Args[1].(x86asm.Reg)
	if !ok || src < x86asm.RAX || src > x86asm.R15 {
		return
	}
	old := regs[src-x86asm.RAX]
	for n := range regs { // copies of it
		if n == int(src-x86asm.RAX) || old.known && regs[n] == old {
			regs[n] = name
		}
	}
}
