package sdcore

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk"
)

// Frames that were stopped at any instruction: no stack map holds there, so that
// every word may be a pointer. The debug information knows some of them by name.
// There are few: a thread has one at most, and so has a goroutine that was
// preempted.

// vectorRegisters are the DWARF numbers of XMM0 and the one behind XMM15.
const firstVector, endVector = corefile.RegXMM0, corefile.RegXMM0 + 16

// stopped gives the roots of such a frame.
func (r *stackRoots) stopped(scan *goruntime.StackScan, f *goruntime.FrameScan) bool {
	fr := &r.stack.Frames[f.Frame]
	if !f.Conservative && fr.Regs.OnlyBase() { // it did not begin yet
		return r.live(f, r.plan(f.Map).live, f.CFA, false)
	}
	vs, inRegister := r.located(f, fr)
	if f.Registers && !r.registers(scan, f, fr, inRegister) {
		return false
	}
	if !f.Conservative { // stopped at its entry, where the map holds
		return r.live(f, r.plan(f.Map).live, f.CFA, false)
	}
	named := r.variables(f, vs)
	for i := range named {
		if !r.give(named[i]) {
			return false
		}
	}
	return r.unnamed(f, f.Any, vs) && r.unnamed(f, f.AnyArgs, vs)
}

// located are the variables of a frame that lie in memory, and those that are
// held by registers.
func (r *stackRoots) located(f *goruntime.FrameScan, fr *corefile.Frame) (vs []placed, inRegister map[uint64]placed) {
	if f.Count > 1 {
		return nil, nil
	}
	scopes, err := r.e.finder.Scopes(fr.PC, fr.CallPC)
	if err != nil {
		return nil, nil
	}
	inRegister = map[uint64]placed{}
	for i := range scopes {
		for j := range scopes[i].Vars {
			v := &scopes[i].Vars[j]
			loc, err := v.Locate(fr)
			if err != nil || loc.Stale {
				continue
			}
			vs = r.place(vs, v, loc, scopes[i].Depth)
			var at int64
			for k := range loc.Pieces {
				p := &loc.Pieces[k]
				n := p.Size
				if t := v.SlotType(); n <= 0 && t != nil {
					n = t.Size
				}
				if _, taken := inRegister[p.Reg]; p.Kind == corefile.PieceRegister && !taken && n <= 8 && v.SlotType() != nil {
					inRegister[p.Reg] = placed{v: v, depth: scopes[i].Depth, typ: r.part(v.SlotType(), at, n)}
				}
				at += n
			}
		}
	}
	return vs, inRegister
}

// registers gives what is known of a frame's registers.
func (r *stackRoots) registers(scan *goruntime.StackScan, f *goruntime.FrameScan, fr *corefile.Frame, inRegister map[uint64]placed) bool {
	if fr.Regs.OnlyBase() {
		return true // the frame that saved them is scanned
	}
	root := heapwalk.Root{Kind: heapwalk.RootRegister, Frame: f.Frame, Function: fr.Function, Conservative: true}
	for n := uint64(0); n < endVector; n++ {
		b, ok := fr.Regs.Bytes(n)
		if !ok || n == corefile.RegRSP || n == corefile.RegRIP || n >= firstVector && scan.Vectors.From != 0 {
			continue
		}
		out := root
		out.Name = registerName(n)
		if p, ok := inRegister[n]; ok {
			out.Name, out.Frame = p.v.Name, f.Frame-p.depth
			out.Function = r.stack.Frames[max(out.Frame, 0)].Function
			if p.typ != nil && p.typ.Size == 8 && holdsPointer(p.typ) {
				out.Type = p.typ
			}
		}
		for ; len(b) >= 8; b = b[8:] {
			if out.Value = binary.LittleEndian.Uint64(b); out.Value != 0 && !r.give(out) {
				return false
			}
		}
	}
	if v := scan.Vectors; v.From < v.To {
		root.Name, root.Addr, root.Size = "vector registers", v.From, v.To-v.From
		return r.give(root)
	}
	return true
}

func holdsPointer(t *gotype.Type) bool {
	words, ok := pointerWords(t)
	return ok && len(words) == 1
}

// registerName names a register of amd64 by its DWARF number.
func registerName(n uint64) string {
	names := [...]string{"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"}
	switch {
	case n < uint64(len(names)):
		return names[n]
	case n >= firstVector:
		return fmt.Sprintf("xmm%d", n-firstVector)
	}
	return fmt.Sprintf("r%d", n)
}

// variables are the roots of variables within the words that count.
func (r *stackRoots) variables(f *goruntime.FrameScan, vs []placed) []heapwalk.Root {
	var out []heapwalk.Root
	for i := range vs {
		p := &vs[i]
		from, to := uint64(p.off), uint64(p.off+p.size) // in memory: they are of this frame
		if !(within(f.Any, from, to) || within(f.AnyArgs, from, to)) || slices.ContainsFunc(out, func(o heapwalk.Root) bool {
			return from < o.Addr+o.Size && o.Addr < to
		}) {
			vs[i].words = nil
			continue
		}
		if p.typ != nil {
			out = append(out, r.variable(f, p))
			continue
		}
		for _, w := range p.words {
			one := r.word(p, w)
			out = append(out, r.variable(f, &one))
		}
	}
	return out
}

// variable is the root of a variable of a frame that was stopped.
func (r *stackRoots) variable(f *goruntime.FrameScan, p *placed) heapwalk.Root {
	root := heapwalk.Root{
		Kind: heapwalk.RootLocal, Frame: f.Frame - p.depth, Name: p.v.Name,
		Addr: uint64(p.off), Size: uint64(p.size), Type: p.typ, Conservative: true,
	}
	fr := &r.stack.Frames[max(root.Frame, 0)]
	root.Function = fr.Function
	if p.whole && !p.v.Escaped && !p.v.FixedType() {
		root.Type = p.v.TypeIn(fr)
	}
	return root
}

func within(r goruntime.Range, from, to uint64) bool {
	return from < to && from >= r.From && to <= r.To
}

// unnamed gives the words of a range that are not pointers of the variables.
func (r *stackRoots) unnamed(f *goruntime.FrameScan, of goruntime.Range, vs []placed) bool {
	var words []int64
	for i := range vs {
		for _, w := range vs[i].words {
			if within(of, uint64(w), uint64(w)+8) && uint64(w)%8 == 0 {
				words = append(words, w)
			}
		}
	}
	slices.SortFunc(words, cmp.Compare[int64])
	root := heapwalk.Root{
		Kind: heapwalk.RootStack, Frame: f.Frame, Function: r.stack.Frames[f.Frame].Function, Conservative: true,
	}
	if f.Map.SavesRegisters() {
		root.Kind = heapwalk.RootRegister
	}
	from := (of.From + 7) &^ 7
	for _, w := range append(words, int64(of.To&^7)) {
		if at := uint64(w); from < at {
			root.Addr, root.Size = from, at-from
			if !r.give(root) {
				return false
			}
		}
		from = uint64(w) + 8
	}
	return true
}
