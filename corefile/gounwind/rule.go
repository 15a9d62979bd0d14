package gounwind

import (
	"bytes"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
)

// kind says how a frame is left.
type kind uint8

const (
	kindUnknown     kind = iota // no function of Go's: C code, or nothing known
	kindGo                      // by the return address
	kindTop                     // nothing is further out
	kindSPWrite                 // it changed its stack pointer in a way unknown here
	kindSystemstack             // these and the following change stacks, see amd64.go
	kindMcall
	kindMorestack
	kindAsmcgocall
	kindAsmcgocallNoG
	kindCgocallback
	kindSigtramp
	kindClone
	kindGogo
)

// bpRule says what the caller's frame pointer is.
type bpRule uint8

const (
	bpKept  bpRule = iota // as in this frame
	bpSaved               // below the return address
	bpLost
)

// saves says which registers of the frame below a function saved.
type saves uint8

const (
	savesNothing saves = iota
	savesPreempted
	savesPanicBounds
	savesHost // those that C code expects to be preserved
)

// rule is how the frame of a PC is left.
type rule struct {
	kind   kind
	bp     bpRule
	saves  saves
	traps  bool  // what is below was interrupted by it, it did not call
	delta  int32 // from the stack pointer to the frame address
	callPC uint64
}

// maxRules bounds the caches: 100 000 goroutines share a few hundred PCs.
const maxRules = 1 << 20

// rule returns the rule of a PC: where something was interrupted (exact), or
// the return address of a call.
func (b *Backend) rule(pc uint64, exact bool) rule {
	if exact {
		return b.ruleIn(b.stops, pc, exact)
	}
	near := &b.near[pc*0x9e3779b97f4a7c15>>(64-nearBits)]
	if near.pc != pc || pc == 0 {
		*near = nearRule{pc: pc, rule: b.ruleIn(b.calls, pc, exact)}
	}
	return near.rule
}

// nearBits is the logarithm of the number of rules that are found without a map.
const nearBits = 9

// nearRule is the rule of the return address that was last looked up of those
// with its hash, and the calls there once they were asked for.
type nearRule struct {
	pc    uint64
	rule  rule
	calls []corefile.Frame
}

// ruleIn finds or makes a rule in one of the caches.
func (b *Backend) ruleIn(cache map[uint64]rule, pc uint64, exact bool) rule {
	r, ok := cache[pc]
	if !ok {
		r = b.makeRule(pc, exact)
		if len(cache) < maxRules {
			cache[pc] = r
		}
	}
	return r
}

func (b *Backend) makeRule(pc uint64, exact bool) rule {
	f, ok := b.table.Find(pc)
	if !exact && pc > 0 {
		// A call that does not return may be the last instruction of its
		// function: the return address is then the next one's.
		if caller, ok2 := b.table.Find(pc - 1); ok2 && (!ok || caller.Entry() != f.Entry() && !madeUp(&f)) {
			f, ok = caller, true
		}
	}
	if !ok || !f.IsGo() {
		return rule{callPC: callPC(nil, pc, exact)}
	}
	r := rule{kind: kindGo, callPC: callPC(&f, pc, exact)}
	delta, ok := f.SPDelta(r.callPC)
	if !ok || delta < 0 || delta > maxFrame {
		return rule{callPC: r.callPC}
	}
	r.delta = delta + 8 // the return address
	b.special(&r, &f)
	r.bp = b.frameRule(&f, delta)
	return r
}

// maxFrame bounds the size of one frame. The compiler's own bound for what it
// puts on a stack is lower.
const maxFrame = 1 << 30

// madeUp reports whether a return address at the entry of f can be meant so:
// the runtime makes goroutines whose function seems to be called from the start
// of another.
func madeUp(f *pclntab.Func) bool { return f.Flags()&pclntab.FlagTopFrame != 0 }

// callPC is an address within the instruction that a frame executes. The
// runtime makes up some return addresses that nobody called from.
func callPC(f *pclntab.Func, pc uint64, exact bool) uint64 {
	if exact || pc == 0 {
		return pc
	}
	if f != nil && (pc == f.Entry() || noCall(f.Name())) {
		return pc
	}
	return pc - 1
}

func noCall(function string) bool {
	return function == "runtime.mstart" || function == "runtime.systemstack_switch"
}

// frameRule tells where the caller's frame pointer is. Compiled functions save
// it first of all, below the return address, when they have a frame; assembly
// does when it begins so.
func (b *Backend) frameRule(f *pclntab.Func, delta int32) bpRule {
	if delta == 0 {
		return bpKept
	}
	if f.Flags()&pclntab.FlagAsm == 0 {
		return bpSaved
	}
	if pushesFrame(b.mem.Window(f.Entry(), int(min(f.End()-f.Entry(), maxPrologue)))) {
		return bpSaved
	}
	return bpLost
}

// maxPrologue is where the frame must have been made: behind the check of the
// stack's size.
const maxPrologue = 48

// pushesFrame looks for PUSHQ BP; MOVQ SP, BP.
func pushesFrame(code []byte) bool {
	return bytes.Contains(code, []byte{0x55, 0x48, 0x89, 0xe5})
}
