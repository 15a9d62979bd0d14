package elfcore

import (
	"encoding/binary"
	"fmt"
)

// Note types of Linux cores (include/uapi/linux/elf.h).
const (
	ntPRStatus  = 1
	ntFPRegSet  = 2
	ntPRPSInfo  = 3
	ntAuxv      = 6
	ntSigInfo   = 0x53494749
	ntFile      = 0x46494c45
	ntX86XState = 0x202
)

// Thread is one thread of the process, as its tracer sees it.
type Thread struct {
	TID int
	// Regs is the register set NT_PRSTATUS of PTRACE_GETREGSET: struct
	// user_regs_struct of the architecture.
	Regs []byte
	// FPRegs is the register set NT_FPREGSET, nil when it is not known.
	FPRegs []byte
	// XState is the register set NT_X86_XSTATE, nil when there is none.
	XState []byte
}

// Process is what the notes say of the process as a whole.
type Process struct {
	PID, PPID, PGRP, SID int
	UID, GID             int
	Nice                 int
	Flags                uint64
	Comm                 string // the kernel's name of it, at most 15 bytes
	Args                 string // command line, a space after each argument
	Auxv                 []byte
	Mappings             []Mapping
	Threads              map[int]ThreadInfo // by TID
	Filter               uint32             // coredump_filter
}

// ThreadInfo is what /proc says of one thread.
type ThreadInfo struct {
	Pending, Blocked   uint64 // signal masks
	UserTime, SysTime  uint64 // in clock ticks of 1/100 s
	ChildUTime, CSTime uint64 // of waited-for children, in clock ticks
}

// Crash is the signal that ends the process, and its threads. The first
// thread is the one that the signal hit.
type Crash struct {
	Signal  int
	SigInfo []byte // siginfo_t of the signal, 128 bytes; nil when not known
	Threads []Thread
}

// notes builds the content of PT_NOTE in the kernel's order (fs/binfmt_elf.c,
// write_note_info).
func notes(p *Process, c Crash) ([]byte, error) {
	var b noteBuffer
	for i, t := range c.Threads {
		if len(t.Regs) == 0 || len(t.Regs)%8 != 0 {
			return nil, fmt.Errorf("thread %d: register set of %d bytes", t.TID, len(t.Regs))
		}
		b.add("CORE", ntPRStatus, prStatus(p, c.Signal, t))
		if i == 0 {
			b.add("CORE", ntPRPSInfo, prPSInfo(p))
			if c.SigInfo != nil {
				b.add("CORE", ntSigInfo, c.SigInfo)
			}
			if p.Auxv != nil {
				b.add("CORE", ntAuxv, p.Auxv)
			}
			if f := fileNote(p.Mappings); f != nil {
				b.add("CORE", ntFile, f)
			}
		}
		if t.FPRegs != nil {
			b.add("CORE", ntFPRegSet, t.FPRegs)
		}
		if t.XState != nil {
			b.add("LINUX", ntX86XState, t.XState)
		}
	}
	return b.bytes, nil
}

// noteBuffer collects ELF notes: sizes, type, name and data, each padded to
// four bytes.
type noteBuffer struct{ bytes []byte }

func (b *noteBuffer) add(name string, typ uint32, data []byte) {
	b.uint32(uint32(len(name) + 1))
	b.uint32(uint32(len(data)))
	b.uint32(typ)
	b.bytes = append(b.bytes, name...)
	b.bytes = append(b.bytes, 0)
	b.align()
	b.bytes = append(b.bytes, data...)
	b.align()
}

func (b *noteBuffer) uint32(v uint32) { b.bytes = binary.LittleEndian.AppendUint32(b.bytes, v) }

func (b *noteBuffer) align() {
	for len(b.bytes)%4 != 0 {
		b.bytes = append(b.bytes, 0)
	}
}

// Offsets in struct elf_prstatus of a 64-bit system (include/linux/elfcore.h).
// pr_reg ends the part of fixed size; pr_fpvalid follows it.
const (
	prSigNo   = 0
	prCurSig  = 12
	prSigPend = 16
	prSigHold = 24
	prPID     = 32
	prTimes   = 48
	prRegs    = 112
)

func prStatus(p *Process, signal int, t Thread) []byte {
	b := make([]byte, prRegs+len(t.Regs)+8)
	le := binary.LittleEndian
	info := p.Threads[t.TID]
	le.PutUint32(b[prSigNo:], uint32(signal))
	le.PutUint16(b[prCurSig:], uint16(signal))
	le.PutUint64(b[prSigPend:], info.Pending)
	le.PutUint64(b[prSigHold:], info.Blocked)
	for i, id := range []int{t.TID, p.PPID, p.PGRP, p.SID} {
		le.PutUint32(b[prPID+4*i:], uint32(id))
	}
	for i, ticks := range []uint64{info.UserTime, info.SysTime, info.ChildUTime, info.CSTime} {
		le.PutUint64(b[prTimes+16*i:], ticks/100)
		le.PutUint64(b[prTimes+16*i+8:], ticks%100*10000)
	}
	copy(b[prRegs:], t.Regs)
	if t.FPRegs != nil {
		le.PutUint32(b[prRegs+len(t.Regs):], 1)
	}
	return b
}

// prPSInfo encodes struct elf_prpsinfo (include/linux/elfcore.h), 136 bytes.
func prPSInfo(p *Process) []byte {
	const fnameSize, argsSize = 16, 80
	b := make([]byte, 136)
	le := binary.LittleEndian
	b[1] = 'R' // a process that dies of a signal is running
	b[3] = byte(int8(p.Nice))
	le.PutUint64(b[8:], p.Flags)
	for i, id := range []int{p.UID, p.GID, p.PID, p.PPID, p.PGRP, p.SID} {
		le.PutUint32(b[16+4*i:], uint32(id))
	}
	copy(b[40:40+fnameSize-1], p.Comm)
	copy(b[56:56+argsSize-1], p.Args)
	return b
}

// fileNote encodes NT_FILE (fs/binfmt_elf.c, fill_files_note): count, page
// size, the ranges with their offset in pages, the names.
func fileNote(mappings []Mapping) []byte {
	var ranges, names []byte
	count := uint64(0)
	le := binary.LittleEndian
	for _, m := range mappings {
		if !m.hasFile() {
			continue
		}
		count++
		ranges = le.AppendUint64(ranges, m.Start)
		ranges = le.AppendUint64(ranges, m.End)
		ranges = le.AppendUint64(ranges, m.Offset/pageSize)
		names = append(append(names, m.Path...), 0)
	}
	if count == 0 {
		return nil
	}
	b := le.AppendUint64(nil, count)
	b = le.AppendUint64(b, pageSize)
	return append(append(b, ranges...), names...)
}
