package capture

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Note types that a live core has beside those of notes.go.
const (
	ntFPRegSet = 2
	ntPRPSInfo = 3
	ntAuxv     = 6

	prRegs = 112 // offset of pr_reg in struct elf_prstatus
)

// liveThread is a stopped thread with its register sets, by note type.
type liveThread struct {
	tid  int
	regs map[uint32][]byte
}

// registers reads those of all threads that stand, the first thread of the
// process first.
func (s *stopper) registers() ([]liveThread, error) {
	var all []liveThread
	for tid, t := range s.threads {
		if !t.halted {
			continue
		}
		th := liveThread{tid: tid, regs: map[uint32][]byte{}}
		for _, set := range []uint32{ntPRStatus, ntFPRegSet, ntXState} {
			b, err := regSet(tid, set)
			if err != nil && set == ntPRStatus {
				return nil, fmt.Errorf("registers of thread %d: %w", tid, gone(err))
			}
			if err == nil {
				th.regs[set] = b
			}
		}
		all = append(all, th)
	}
	slices.SortFunc(all, func(a, b liveThread) int {
		switch {
		case a.tid == s.pid:
			return -1
		case b.tid == s.pid:
			return 1
		}
		return a.tid - b.tid
	})
	return all, nil
}

// regSet reads a register set of a stopped thread.
func regSet(tid int, set uint32) ([]byte, error) {
	b := make([]byte, 16<<10) // AMX needs 11 KiB of extended state
	iov := unix.Iovec{Base: &b[0], Len: uint64(len(b))}
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GETREGSET, uintptr(tid), uintptr(set), uintptr(unsafe.Pointer(&iov)), 0, 0)
	if errno != 0 {
		return nil, errno
	}
	return slices.Clone(b[:iov.Len]), nil
}

// liveNotes builds the notes in the kernel's order (fs/binfmt_elf.c). There is
// no signal: pr_cursig is 0, and NT_SIGINFO is missing.
func liveNotes(pid int, threads []liveThread, maps []mapping) ([]byte, error) {
	auxv, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "auxv"))
	if err != nil {
		return nil, gone(err)
	}
	ids := statIDs(pid)
	var b []byte
	for i, th := range threads {
		b = appendNote(b, note{"CORE", ntPRStatus, prStatus(th, ids)})
		if i == 0 {
			b = appendNote(b, note{"CORE", ntPRPSInfo, prPSInfo(pid, ids)})
			b = appendNote(b, note{"CORE", ntAuxv, auxv})
			b = appendNote(b, note{"CORE", ntFile, fileNote(filesOf(maps))})
		}
		if r := th.regs[ntFPRegSet]; r != nil {
			b = appendNote(b, note{"CORE", ntFPRegSet, r})
		}
		if r := th.regs[ntXState]; r != nil {
			b = appendNote(b, note{"LINUX", ntXState, r})
		}
	}
	return b, nil
}

// statIDs are the numbers of parent, group and session: fields 4 to 6 of
// /proc/PID/stat. They are 0 where they can't be read.
func statIDs(pid int) (ids [3]int) {
	f := statFields(pid)
	for i := range ids {
		if i+1 < len(f) {
			ids[i], _ = strconv.Atoi(f[i+1])
		}
	}
	return ids
}

// prStatus encodes struct elf_prstatus (include/linux/elfcore.h).
func prStatus(th liveThread, ids [3]int) []byte {
	regs := th.regs[ntPRStatus]
	b := make([]byte, prRegs+len(regs)+8)
	le := binary.LittleEndian
	for i, id := range []int{th.tid, ids[0], ids[1], ids[2]} {
		le.PutUint32(b[prPID+4*i:], uint32(id))
	}
	copy(b[prRegs:], regs)
	if th.regs[ntFPRegSet] != nil {
		le.PutUint32(b[prRegs+len(regs):], 1)
	}
	return b
}

// prPSInfo encodes struct elf_prpsinfo, 136 bytes.
func prPSInfo(pid int, ids [3]int) []byte {
	b := make([]byte, 136)
	le := binary.LittleEndian
	b[1] = 'S'
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	if status, err := os.ReadFile(filepath.Join(dir, "status")); err == nil {
		le.PutUint32(b[16:], uint32(statusNumber(status, "Uid:")))
		le.PutUint32(b[20:], uint32(statusNumber(status, "Gid:")))
	}
	for i, id := range []int{pid, ids[0], ids[1], ids[2]} {
		le.PutUint32(b[24+4*i:], uint32(id))
	}
	comm, _ := os.ReadFile(filepath.Join(dir, "comm")) // a name without one is empty
	copy(b[40:55], bytes.TrimSuffix(comm, []byte("\n")))
	args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	copy(b[56:135], bytes.ReplaceAll(args, []byte{0}, []byte{' '}))
	return b
}

// dumped is how many bytes of a mapping go into the core: what the kernel would
// dump by its default filter 0x33, plus private file mappings that may be
// written to, of which maps does not tell whether they were.
func (m *mapping) dumped(mem *os.File) uint64 {
	deleted := strings.HasSuffix(m.path, " (deleted)")
	switch {
	case m.path == "[vsyscall]" || m.path == "[vvar]" || m.path == "[vvar_vclock]":
		return 0
	case m.path == "[vdso]", !m.file && !m.shared, m.shared && (deleted || !m.file), m.file && !m.shared && m.flags&elf.PF_W != 0:
		return m.end - m.start
	case m.file && !m.shared && m.offset == 0 && m.flags&elf.PF_R != 0:
		magic := make([]byte, len(elf.ELFMAG))
		if _, err := mem.ReadAt(magic, int64(m.start)); err == nil && string(magic) == elf.ELFMAG {
			return pageSize
		}
	}
	return 0
}

// readLive reads a process whose threads stand into a core, and returns the
// core's size.
func readLive(ctx context.Context, pool *sparsePool, res *LiveResult, threads []liveThread) (end int64, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(res.PID))
	text, err := os.ReadFile(filepath.Join(dir, "maps"))
	if err != nil {
		return 0, gone(err)
	}
	maps := parseMaps(string(text))
	if len(maps) == 0 {
		return 0, ErrNoProcess
	}
	if len(maps)+1 >= maxSegments {
		return 0, fmt.Errorf("%d mappings are more than a core's header holds", len(maps))
	}
	mem, err := os.Open(filepath.Join(dir, "mem"))
	if err != nil {
		return 0, whyNot(res.PID, err)
	}
	defer mem.Close()
	notes, err := liveNotes(res.PID, threads, maps)
	if err != nil {
		return 0, err
	}
	c := copier{ctx: ctx, pid: res.PID, out: pool, mem: mem}
	if pagemap, err := os.Open(filepath.Join(dir, "pagemap")); err == nil {
		defer pagemap.Close()
		c.pagemap = pagemap
	}
	end, err = c.core(maps, notes)
	res.Unreadable = c.unreadable
	if err == nil && zombie(res.PID) {
		err = fmt.Errorf("%w: it was killed meanwhile", ErrNoProcess)
	}
	return end, err
}

// core writes headers, notes and memory, and returns the size of the file.
func (c *copier) core(maps []mapping, notes []byte) (end int64, err error) {
	noteAt := uint64(ehdrSize + phdrSize*(1+len(maps)))
	at := (noteAt + uint64(len(notes)) + pageSize - 1) / pageSize * pageSize
	head := liveHeader(1 + len(maps))
	head = appendProg(head, elf.ProgHeader{Type: elf.PT_NOTE, Off: noteAt, Filesz: uint64(len(notes)), Align: 4})
	for i := range maps {
		m := &maps[i]
		size := m.dumped(c.mem)
		head = appendProg(head, elf.ProgHeader{Type: elf.PT_LOAD, Flags: m.flags, Off: at, Vaddr: m.start, Filesz: size, Memsz: m.end - m.start, Align: pageSize})
		if err := c.mapping(m, size, at); err != nil {
			return 0, fmt.Errorf("memory %#x-%#x: %w", m.start, m.end, err)
		}
		at += size
	}
	_, err = c.out.file.WriteAt(append(head, notes...), 0)
	return int64(at), err
}

// liveHeader encodes the ELF header of a core with so many segments.
func liveHeader(count int) []byte {
	le := binary.LittleEndian
	b := make([]byte, ehdrSize)
	copy(b, elf.ELFMAG)
	b[elf.EI_CLASS], b[elf.EI_DATA], b[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	le.PutUint16(b[16:], uint16(elf.ET_CORE))
	le.PutUint16(b[18:], uint16(elf.EM_X86_64))
	le.PutUint32(b[20:], uint32(elf.EV_CURRENT))
	le.PutUint64(b[ehdrPhOff:], ehdrSize)
	le.PutUint16(b[52:], ehdrSize)
	le.PutUint16(b[54:], phdrSize)
	le.PutUint16(b[ehdrPhNum:], uint16(count))
	return b
}

func appendProg(b []byte, p elf.ProgHeader) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(p.Type))
	b = le.AppendUint32(b, uint32(p.Flags))
	for _, v := range []uint64{p.Off, p.Vaddr, p.Paddr, p.Filesz, p.Memsz, p.Align} {
		b = le.AppendUint64(b, v)
	}
	return b
}
