package coretest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// Addresses of a synthetic crash, load bias not included.
const (
	SynthText  = 0x400000 // headers, notes and text: 3 pages, of which the core has 1
	SynthRO    = 0x403000 // read-only data: 1 page, not dumped
	SynthData  = 0x404000 // data: 1 page, dumped
	SynthBSS   = 0x405000 // 1 page, not dumped
	SynthHeap  = 0xc000000000
	SynthStack = 0x7ffc00000000 // 2 pages
	SynthEntry = SynthText + 0x1100
	SynthPIE   = 0x555500000000 // load bias of the position independent variant
)

// What a synthetic crash says of itself.
const (
	SynthGNUID   = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14"
	SynthGoID    = "action/main/content"
	SynthVersion = "go1.26.8"
	SynthModule  = "path\texample.org/pay\nmod\texample.org/pay\tv1.2.3\t\ndep\texample.org/dep\tv0.1.0\th1:abc=\nbuild\tGOARCH=amd64\nbuild\tGOOS=linux\nbuild\tvcs.revision=0123\n"
	SynthPID     = 4242
)

// SynthCrash is a core and its binary that belong together. Change the parts,
// then call Core.Bytes and Binary.Bytes.
type SynthCrash struct {
	Core, Binary *SynthELF
	Bias         uint64
}

// NewSynthCrash makes a crash of a program at fixed addresses, or of a
// position independent one. path is where NT_FILE says that the binary is;
// gnuID and goID are left out when empty.
func NewSynthCrash(path, gnuID, goID string, pie bool) *SynthCrash {
	c := &SynthCrash{}
	typ := elf.ET_EXEC
	if pie {
		typ, c.Bias = elf.ET_DYN, SynthPIE
	}
	data := make([]byte, SynthPage)
	copy(data, synthBuildInfo())
	c.Binary = &SynthELF{
		Type: typ, Entry: SynthEntry, HeadersMapped: true,
		Notes: synthIDs(gnuID, goID),
		Segments: []SynthSegment{
			{Addr: SynthText, Data: pattern('T', 3*SynthPage), Flags: elf.PF_R | elf.PF_X},
			{Addr: SynthRO, Data: pattern('R', SynthPage), Flags: elf.PF_R},
			{Addr: SynthData, Data: data, MemSize: 2 * SynthPage, Flags: elf.PF_R | elf.PF_W},
		},
	}
	file, layout := c.Binary.Bytes()
	c.Binary.Sections = []SynthSection{
		{Name: ".text", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, Addr: SynthText + SynthPage, Offset: SynthPage, Data: file[SynthPage : 3*SynthPage]},
		{Name: ".go.buildinfo", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addr: SynthData, Offset: layout.Segments[2], Data: synthBuildInfo()},
	}
	file, _ = c.Binary.Bytes()
	c.Core = c.newCore(path, file, len(c.Binary.Notes)+len(c.Binary.Segments), data)
	return c
}

// newCore makes the core as the kernel dumps it by default.
func (c *SynthCrash) newCore(path string, binary []byte, phnum int, data []byte) *SynthELF {
	auxv := Words(
		3, SynthText+c.Bias+synthEhdr, // AT_PHDR
		5, uint64(phnum), // AT_PHNUM
		9, SynthEntry+c.Bias, // AT_ENTRY
		31, SynthStack+2*SynthPage-0x40, // AT_EXECFN
		0, 0,
	)
	core := &SynthELF{
		Type: elf.ET_CORE,
		Notes: [][]SynthNote{{
			PRStatus(SynthPID, 6, SynthText+0x1200+c.Bias, SynthStack+0x100),
			PRPSInfo(SynthPID, "pay", "./pay -v"),
			SigInfo(11, 1, 0x10),
			{"CORE", 6, auxv},
			FileNote(
				FileMap{SynthText + c.Bias, SynthRO + c.Bias, 0, path},
				FileMap{SynthRO + c.Bias, SynthData + c.Bias, 3 * SynthPage, path},
				FileMap{SynthData + c.Bias, SynthBSS + c.Bias, 4 * SynthPage, path},
			),
			FPRegs(1),
			PRStatus(SynthPID+1, 6, SynthText+0x1300+c.Bias, SynthStack+0x200),
			FPRegs(2),
		}},
		Segments: []SynthSegment{
			{Addr: SynthText + c.Bias, Data: binary[:SynthPage], MemSize: 3 * SynthPage, Flags: elf.PF_R | elf.PF_X},
			{Addr: SynthRO + c.Bias, MemSize: SynthPage, Flags: elf.PF_R},
			{Addr: SynthData + c.Bias, Data: data, Flags: elf.PF_R | elf.PF_W},
			{Addr: SynthBSS + c.Bias, MemSize: SynthPage, Flags: elf.PF_R | elf.PF_W},
			{Addr: SynthHeap, Data: pattern('H', 2*SynthPage), Flags: elf.PF_R | elf.PF_W},
			{Addr: SynthStack, Data: synthStack(auxv, path), Flags: elf.PF_R | elf.PF_W},
		},
	}
	return core
}

// synthStack is the initial stack: argc, argv, 0, envp, 0, auxv, strings.
func synthStack(auxv []byte, path string) []byte {
	const size = 2 * SynthPage
	stack := make([]byte, size)
	at := SynthPage + 0x800
	str := func(s string) uint64 {
		copy(stack[at:], s)
		at += len(s) + 1
		return SynthStack + uint64(at-len(s)-1)
	}
	words := Words(2, str("./pay"), str("-v"), 0,
		str("PWD=/srv/pay"), str("TOKEN=s3cr3t=x"), str("HOME=/root"), 0)
	copy(stack[SynthPage:], append(words, auxv...))
	copy(stack[size-0x40:], path)
	return stack
}

// synthIDs are the PT_NOTE segments of a binary.
func synthIDs(gnuID, goID string) [][]SynthNote {
	var notes []SynthNote
	if goID != "" {
		notes = append(notes, SynthNote{"Go\x00", 4, []byte(goID)})
	}
	if gnuID != "" {
		notes = append(notes, SynthNote{"GNU", 3, []byte(gnuID)})
	}
	if notes == nil {
		return nil
	}
	return [][]SynthNote{notes}
}

// synthBuildInfo is the blob that debug/buildinfo reads.
func synthBuildInfo() []byte {
	b := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	frame := strings.Repeat("\x30", 16)
	for _, s := range []string{SynthVersion, frame + SynthModule + frame} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// pattern is n bytes that tell where they are from: a letter, then their offset.
func pattern(c byte, n int) []byte {
	b := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], uint64(c)<<56|uint64(i))
	}
	return b
}

// PRStatus is an NT_PRSTATUS note; other registers hold their index in
// user_regs_struct plus 0x1000.
func PRStatus(tid, sig int, pc, sp uint64) SynthNote {
	d := make([]byte, 336)
	binary.LittleEndian.PutUint16(d[12:], uint16(sig))
	binary.LittleEndian.PutUint32(d[32:], uint32(tid))
	for i := range 27 {
		v := 0x1000 + uint64(i)
		switch i {
		case 16:
			v = pc
		case 19:
			v = sp
		}
		binary.LittleEndian.PutUint64(d[112+8*i:], v)
	}
	return SynthNote{"CORE", 1, d}
}

// PRPSInfo is an NT_PRPSINFO note.
func PRPSInfo(pid int, name, args string) SynthNote {
	d := make([]byte, 136)
	binary.LittleEndian.PutUint32(d[24:], uint32(pid))
	copy(d[40:55], name)
	copy(d[56:135], args)
	return SynthNote{"CORE", 3, d}
}

// SigInfo is an NT_SIGINFO note.
func SigInfo(sig, code int32, addr uint64) SynthNote {
	d := make([]byte, 128)
	binary.LittleEndian.PutUint32(d, uint32(sig))
	binary.LittleEndian.PutUint32(d[8:], uint32(code))
	binary.LittleEndian.PutUint64(d[16:], addr)
	return SynthNote{"CORE", 0x53494749, d}
}

// FPRegs is an NT_FPREGSET note in which XMM register i is filled with seed+i.
func FPRegs(seed byte) SynthNote {
	d := make([]byte, 512)
	for i := range 16 {
		copy(d[160+16*i:], bytes.Repeat([]byte{seed + byte(i)}, 16))
	}
	return SynthNote{"CORE", 2, d}
}

// FileMap is one mapping of an NT_FILE note; Offset is in bytes.
type FileMap struct {
	Start, End, Offset uint64
	Path               string
}

// FileNote is an NT_FILE note.
func FileNote(maps ...FileMap) SynthNote {
	d := Words(uint64(len(maps)), SynthPage)
	for _, m := range maps {
		d = append(d, Words(m.Start, m.End, m.Offset/SynthPage)...)
	}
	for _, m := range maps {
		d = append(append(d, m.Path...), 0)
	}
	return SynthNote{"CORE", 0x46494c45, d}
}
