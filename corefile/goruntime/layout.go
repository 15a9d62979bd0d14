package goruntime

import "fmt"

// maxStruct bounds the size of a runtime structure: runtime.m has 1.8 kB in Go
// 1.26.
const maxStruct = 1 << 16

// field is a scalar field of a runtime structure; !ok: this release has none.
type field struct {
	off, size int64
	ok        bool
}

// layout is where the fields are that are read here, by the names that they
// have in runtime/runtime2.go of Go 1.26.
type layout struct {
	gSize, mSize, panicSize, deferSize int64

	gStackLo, gStackHi, gPanic, gDefer, gM  field
	gSchedSP, gSchedPC, gSchedBP, gSchedG   field
	gSchedCtxt                              field
	gStatus                                 field
	gID, gWaitSince, gWaitReason, gParent   field
	gGoPC, gStartPC, gLabels, gLockedM      field
	gSig, gSigCode0, gSigCode1, gSigPC      field
	gSyscallPC, gSyscallSP, gCleanups       field
	gSyscallBP, gXRegs, mVDSOSP, mVDSOPC    field
	gSecret, gWaiting, gSleepWhen           field
	mG0, mProcID, mGSignal, mCurG, mID      field
	mThrowing, mDying, mCaughtSig, mAllLink field
	mLockedG, mInCgo                        field
	pArg, pLink, pRecovered, pRepanicked    field
	pGoexit, pDeferReturn                   field
	dRangeFunc, dSP, dPC, dFn, dLink, dHead field
	dHeap                                   field
}

// need is a field to look up.
type need struct {
	to       *field
	path     string
	required bool
}

func readLayout(t types) (layout, error) {
	var l layout
	var err error
	if l.gSize, err = fields(t, "runtime.g", l.goroutine()); err != nil {
		return l, err
	}
	if l.mSize, err = fields(t, "runtime.m", l.machine()); err != nil {
		return l, err
	}
	if l.panicSize, err = fields(t, "runtime._panic", l.panics()); err != nil {
		return l, err
	}
	// Without it the deferred calls alone can't be listed.
	if l.deferSize, err = fields(t, "runtime._defer", l.defers()); err != nil {
		l.deferSize = 0
	}
	return l, nil
}

func (l *layout) goroutine() []need {
	return []need{
		{&l.gStackLo, "stack.lo", true}, {&l.gStackHi, "stack.hi", true},
		{&l.gPanic, "_panic", true}, {&l.gDefer, "_defer", false}, {&l.gM, "m", true},
		{&l.gSchedSP, "sched.sp", true}, {&l.gSchedPC, "sched.pc", true}, {&l.gSchedBP, "sched.bp", false},
		{&l.gSchedG, "sched.g", false}, {&l.gSchedCtxt, "sched.ctxt", false},
		{&l.gStatus, "atomicstatus", true}, {&l.gID, "goid", true},
		{&l.gWaitSince, "waitsince", false}, {&l.gWaitReason, "waitreason", false},
		{&l.gParent, "parentGoid", false}, {&l.gGoPC, "gopc", false}, {&l.gStartPC, "startpc", false},
		{&l.gLabels, "labels", false}, {&l.gLockedM, "lockedm", false},
		{&l.gSig, "sig", false}, {&l.gSigCode0, "sigcode0", false},
		{&l.gSigCode1, "sigcode1", false}, {&l.gSigPC, "sigpc", false},
		{&l.gSyscallPC, "syscallpc", false}, {&l.gSyscallSP, "syscallsp", false},
		{&l.gCleanups, "runningCleanups", false},
		{&l.gSyscallBP, "syscallbp", false}, {&l.gXRegs, "xRegs.state", false},
		{&l.gSecret, "secret", false}, {&l.gWaiting, "waiting", false}, {&l.gSleepWhen, "sleepWhen", false},
	}
}

func (l *layout) machine() []need {
	return []need{
		{&l.mG0, "g0", true}, {&l.mProcID, "procid", true}, {&l.mGSignal, "gsignal", false},
		{&l.mCurG, "curg", true}, {&l.mID, "id", false}, {&l.mThrowing, "throwing", false},
		{&l.mDying, "dying", false}, {&l.mCaughtSig, "caughtsig", false},
		{&l.mAllLink, "alllink", true}, {&l.mLockedG, "lockedg", false}, {&l.mInCgo, "incgo", false},
		{&l.mVDSOSP, "vdsoSP", false}, {&l.mVDSOPC, "vdsoPC", false},
	}
}

func (l *layout) panics() []need {
	return []need{
		{&l.pArg, "arg", true}, {&l.pLink, "link", true},
		{&l.pRecovered, "recovered", false}, {&l.pRepanicked, "repanicked", false},
		{&l.pGoexit, "goexit", false}, {&l.pDeferReturn, "deferreturn", false},
	}
}

func (l *layout) defers() []need {
	return []need{
		{&l.dSP, "sp", true}, {&l.dPC, "pc", true}, {&l.dFn, "fn", true}, {&l.dLink, "link", true},
		{&l.dRangeFunc, "rangefunc", false}, {&l.dHead, "head", false},
		{&l.dHeap, "heap", false},
	}
}

// fields looks up the fields of a structure.
func fields(t types, name string, needs []need) (size int64, err error) {
	typ, err := t.ByName(name)
	if err != nil {
		return 0, fmt.Errorf("type %s: %w", name, err)
	}
	if typ == nil || typ.Size <= 0 || typ.Size > maxStruct {
		return 0, fmt.Errorf("type %s has no usable size", name)
	}
	for _, n := range needs {
		f, ok := typ.Field(n.path)
		if !ok || f.Type == nil || f.Offset < 0 || f.Offset > typ.Size {
			if n.required {
				return 0, fmt.Errorf("type %s has no field %s", name, n.path)
			}
			continue
		}
		*n.to = field{off: f.Offset, size: f.Type.Size, ok: true}
		if end := f.Offset + n.to.size; n.to.size > 8 && n.path != "arg" || end > typ.Size {
			return 0, fmt.Errorf("type %s: field %s has size %d", name, n.path, n.to.size)
		}
	}
	return typ.Size, nil
}
