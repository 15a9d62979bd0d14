package crash

import (
	"encoding/binary"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// Signals of linux/amd64.
const (
	sigILL  = 4
	sigTRAP = 5
	sigABRT = 6
	sigBUS  = 7
	sigFPE  = 8
	sigSEGV = 11
	sigSTOP = 19
)

// fault notes the signal that became the panic or fatal error, from the g. A
// panic that is recovered clears it there, so it belongs to the newest one.
func (x *explainer) fault() {
	if x.g == nil || x.g.Fault == nil {
		return
	}
	f := x.g.Fault
	text := x.signalText(f.Signal)
	x.crash.Signal = &report.Signal{
		Number: f.Signal, Name: signalName(text), Code: int(int32(f.Code0)),
		Addr: report.Addr(f.Addr), HasAddr: true, PC: report.Addr(f.PC), Source: "g.sig",
	}
	x.evidence("signal: g.sig, g.sigcode0, g.sigcode1 and g.sigpc of goroutine %d", x.g.ID)
}

// explainSignal explains a death by a signal that the runtime did not turn
// into a panic: one from outside, or a fault in C code. Go dies of such a
// signal by raising SIGABRT, so that NT_SIGINFO does not tell it; the frame
// that the kernel made to deliver it does.
func (x *explainer) explainSignal() {
	x.crash.Kind = report.KindSignal
	sig, ok := x.delivered()
	if !ok {
		x.problem(0, "the signal that was delivered first is not on the signal stack")
		x.crash.Exception = report.Exception{Module: "runtime", Sub: []report.Exception{}}
		return
	}
	x.setSignal(sig)
}

// explainNote explains a core without any frame of the runtime that dies: the
// kernel ended the process.
func (x *explainer) explainNote() {
	sig := *x.in.Core.Signal()
	if sig.Number == sigSTOP || sig.Number == sigTRAP && sig.Code <= 0 {
		x.crash.Kind = report.KindSnapshot
		x.evidence("NT_SIGINFO: signal %d, which ends no program, and no frame that does", sig.Number)
		x.crash.Signal = &sig
		return
	}
	x.crash.Kind = report.KindSignal
	x.evidence("NT_SIGINFO: signal %d, and no frame of the runtime that dies", sig.Number)
	x.setSignal(sig)
}

func (x *explainer) setSignal(sig report.Signal) {
	text := x.signalText(sig.Number)
	sig.Name = signalName(text)
	x.crash.Signal = &sig
	x.crash.Exception = report.Exception{Type: sig.Name, Module: "runtime", Message: text, Sub: []report.Exception{}}
}

// Layout of the frame that the kernel of linux/amd64 pushes to deliver a
// signal (arch/x86/include/asm/sigframe.h, struct rt_sigframe): the return
// address, a ucontext of 304 bytes, a siginfo. In the ucontext are flags, a
// link, the signal stack's start, flags and size, and the registers at 40, of
// which RIP is the 17th.
const (
	frameStack   = 8 + 16
	frameStackSz = 8 + 32
	frameRIP     = 8 + 40 + 16*8
	frameSiginfo = 8 + 304
	frameSize    = frameSiginfo + 128
	maxSigStack  = 1 << 24
)

// delivered finds the signal that was delivered first to the thread: its frame
// is the outermost one on the signal stack. The frame is known by the record
// of the signal stack's own bounds in it.
func (x *explainer) delivered() (report.Signal, bool) {
	if x.in.Runtime == nil || x.thread.GSignal == 0 {
		return report.Signal{}, false
	}
	lo, hi, err := x.in.Runtime.StackBounds(x.thread.GSignal)
	if err != nil || lo%8 != 0 || hi <= lo+frameSize || hi-lo > maxSigStack {
		return report.Signal{}, false
	}
	for at := (hi - frameSize) &^ 7; at >= lo; at -= 8 {
		if v, err := x.mem.Uint64(at + frameStack); err != nil || v != lo {
			continue
		}
		if v, err := x.mem.Uint64(at + frameStackSz); err != nil || v != hi-lo {
			continue
		}
		if s, ok := x.sigFrame(at); ok {
			x.evidence("signal: frame that the kernel made at %#x", at)
			return s, true
		}
	}
	return report.Signal{}, false
}

// sigFrame reads the signal frame at addr.
func (x *explainer) sigFrame(addr uint64) (report.Signal, bool) {
	b, _, ok := x.mem.View(addr, frameSize)
	if !ok {
		return report.Signal{}, false
	}
	info := b[frameSiginfo:]
	s := report.Signal{
		Number: int(int32(binary.LittleEndian.Uint32(info))),
		Code:   int(int32(binary.LittleEndian.Uint32(info[8:]))),
		PC:     report.Addr(binary.LittleEndian.Uint64(b[frameRIP:])),
		Source: "signal frame",
	}
	if s.Number < 1 || s.Number > 64 || x.mem.Provenance(uint64(s.PC)) == corefile.Unmapped && s.Number != sigSEGV {
		return s, false
	}
	switch s.Number {
	case sigSEGV, sigBUS, sigFPE, sigILL, sigTRAP:
		if s.Code > 0 {
			s.Addr, s.HasAddr = report.Addr(binary.LittleEndian.Uint64(info[16:])), true
		}
	}
	return s, true
}

// signalText is what Go prints for a signal, "SIGQUIT: quit", from the
// program's own table (runtime.sigtable: flags and name).
func (x *explainer) signalText(n int) string {
	const entry = 24
	if b := x.in.Core.Binary(); b != nil && n > 0 {
		if addr, size, ok := b.Symbol("runtime.sigtable"); ok && uint64(n) < size/entry {
			if s, err := x.str(addr + x.in.Core.LoadBias() + uint64(n)*entry + 8); err == nil && s != "" {
				return s
			}
		}
	}
	return describe(n)
}

// signalName is the name in a text of signalText.
func signalName(text string) string {
	name, _, _ := strings.Cut(text, ":")
	return name
}
