package elfcore

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// memFile is a File in memory.
type memFile struct{ b []byte }

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if need := int(off) + len(p); need > len(f.b) {
		f.b = append(f.b, make([]byte, need-len(f.b))...)
	}
	return copy(f.b[off:], p), nil
}

func (f *memFile) Truncate(size int64) error {
	if int(size) > len(f.b) {
		f.b = append(f.b, make([]byte, int(size)-len(f.b))...)
	}
	f.b = f.b[:size]
	return nil
}

// image is the memory of a process that does not exist: pages by address.
// A page that is missing can't be read.
type image map[uint64][]byte

func (m image) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		addr := uint64(off) + uint64(n)
		page, ok := m[addr&^(pageSize-1)]
		if !ok {
			return n, errors.New("input/output error")
		}
		n += copy(p[n:], page[addr%pageSize:])
	}
	return n, nil
}

func page(fill byte) []byte { return bytes.Repeat([]byte{fill}, pageSize) }

// pagemapOf makes a /proc/PID/pagemap in which the given pages are populated.
func pagemapOf(addrs map[uint64]uint64) io.ReaderAt { return fakePagemap(addrs) }

type fakePagemap map[uint64]uint64

func (m fakePagemap) ReadAt(p []byte, off int64) (int, error) {
	for i := 0; i+8 <= len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], m[(uint64(off)+uint64(i))/8*pageSize])
	}
	return len(p), nil
}

func header4(kind byte) []byte {
	p := page(0)
	copy(p, elf.ELFMAG)
	p[100] = kind
	return p
}

func synthetic() (*Process, Crash, Memory) {
	p := &Process{
		PID: 100, PPID: 1, PGRP: 100, SID: 99, UID: 7, GID: 8, Nice: -5, Flags: 0x400000, Comm: "a-rather-long-name", Args: strings.Repeat("x", 200),
		Auxv: bytes.Repeat([]byte{1}, 32), Filter: 0x33,
		Threads: map[int]ThreadInfo{101: {Pending: 1, Blocked: 2, UserTime: 250, SysTime: 3}},
		Mappings: []Mapping{
			{Start: 0x400000, End: 0x402000, Read: true, Exec: true, Inode: 5, Path: "/bin/x"},
			{Start: 0x402000, End: 0x403000, Read: true, Write: true, Offset: 0x2000, Inode: 5, Path: "/bin/x", Touched: true},
			{Start: 0xc000000000, End: 0xc000004000, Read: true, Write: true, Touched: true},
			{Start: 0xd000000000, End: 0xd000001000, Read: true, Write: true},
			{Start: 0x7f0000000000, End: 0x7f0000001000, Read: true, Inode: 6, Path: "/etc/data"},
		},
	}
	mem := image{
		0x400000: header4(1), 0x401000: page(0xcc), 0x402000: page(2),
		0xc000000000: page(3), 0xc000001000: page(0), // 0xc000002000 can't be read
		0xc000003000: page(9), 0x7f0000000000: page(7),
	}
	// 0xc000003000 was never touched: what the image holds must not be read.
	pagemap := pagemapOf(map[uint64]uint64{0xc000000000: pagePresent, 0xc000001000: pagePresent, 0xc000002000: pageSwapped})
	c := Crash{Signal: 6, SigInfo: make([]byte, 128), Threads: []Thread{
		{TID: 101, Regs: bytes.Repeat([]byte{5}, 216), FPRegs: make([]byte, 512), XState: make([]byte, 1000)},
		{TID: 100, Regs: bytes.Repeat([]byte{6}, 216)},
	}}
	return p, c, Memory{Mem: mem, Pagemap: pagemap}
}

func TestWrite(t *testing.T) {
	p, c, mem := synthetic()
	var out memFile
	stats, err := Write(&out, elf.EM_X86_64, p, c, mem)
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{Threads: 2, Segments: 5, Size: int64(len(out.b)), Copied: 3 * pageSize, Unreadable: pageSize}
	if stats != want {
		t.Errorf("stats %+v, want %+v", stats, want)
	}
	f, err := elf.NewFile(bytes.NewReader(out.b))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_CORE || f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 {
		t.Errorf("header %+v", f.FileHeader)
	}
	segments := []struct {
		vaddr, filesz, memsz uint64
		flags                elf.ProgFlag
		first                byte // of each page
	}{
		{0x400000, pageSize, 0x2000, elf.PF_R | elf.PF_X, 0x7f},
		{0x402000, pageSize, 0x1000, elf.PF_R | elf.PF_W, 2},
		{0xc000000000, 4 * pageSize, 0x4000, elf.PF_R | elf.PF_W, 3},
		{0xd000000000, 0, 0x1000, elf.PF_R | elf.PF_W, 0},
		{0x7f0000000000, 0, 0x1000, elf.PF_R, 0},
	}
	for i, s := range segments {
		prog := f.Progs[1+i]
		if prog.Type != elf.PT_LOAD || prog.Vaddr != s.vaddr || prog.Filesz != s.filesz || prog.Memsz != s.memsz || prog.Flags != s.flags || prog.Off%pageSize != 0 {
			t.Errorf("segment %d: %+v, want %+v", i, prog.ProgHeader, s)
		}
		b, err := io.ReadAll(prog.Open())
		if err != nil || uint64(len(b)) != s.filesz {
			t.Fatalf("segment %d: %d bytes, %v", i, len(b), err)
		}
		if len(b) > 0 && b[0] != s.first {
			t.Errorf("segment %d begins with %#x, want %#x", i, b[0], s.first)
		}
	}
	heap, _ := io.ReadAll(f.Progs[3].Open())
	if !bytes.Equal(heap[pageSize:], make([]byte, 3*pageSize)) {
		t.Error("pages that are zero, unreadable or untouched are not zero in the core")
	}
}

func TestNotes(t *testing.T) {
	p, c, _ := synthetic()
	b, err := notes(p, c)
	if err != nil {
		t.Fatal(err)
	}
	type note struct {
		name string
		typ  uint32
	}
	var got []note
	data := map[int][]byte{}
	le := binary.LittleEndian
	for len(b) > 0 {
		nameSize, size, typ := int(le.Uint32(b)), int(le.Uint32(b[4:])), le.Uint32(b[8:])
		b = b[12:]
		data[len(got)] = b[(nameSize+3)&^3:][:size]
		got = append(got, note{string(b[:nameSize-1]), typ})
		b = b[(nameSize+3)&^3+(size+3)&^3:]
	}
	want := []note{{"CORE", ntPRStatus}, {"CORE", ntPRPSInfo}, {"CORE", ntSigInfo}, {"CORE", ntAuxv}, {"CORE", ntFile},
		{"CORE", ntFPRegSet}, {"LINUX", ntX86XState}, {"CORE", ntPRStatus}}
	if len(got) != len(want) {
		t.Fatalf("notes %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("note %d is %v, want %v", i, got[i], want[i])
		}
	}
	status := data[0]
	if len(status) != 336 { // sizeof(struct elf_prstatus) on amd64
		t.Errorf("NT_PRSTATUS of %d bytes", len(status))
	}
	if le.Uint32(status) != 6 || le.Uint16(status[12:]) != 6 || le.Uint64(status[16:]) != 1 || le.Uint64(status[24:]) != 2 ||
		le.Uint32(status[32:]) != 101 || le.Uint64(status[48:]) != 2 || le.Uint64(status[56:]) != 500000 || status[112] != 5 || status[327] != 5 || le.Uint32(status[328:]) != 1 {
		t.Errorf("NT_PRSTATUS %x", status)
	}
	if le.Uint32(data[7][32:]) != 100 || le.Uint32(data[7][328:]) != 0 {
		t.Errorf("second NT_PRSTATUS %x", data[7])
	}
	info := data[1]
	if len(info) != 136 || int8(info[3]) != -5 || le.Uint32(info[16:]) != 7 || le.Uint32(info[24:]) != 100 ||
		string(info[40:56]) != "a-rather-long-n\x00" || info[135] != 0 || info[134] != 'x' {
		t.Errorf("NT_PRPSINFO %x", info)
	}
	fileData := data[4]
	if le.Uint64(fileData) != 3 || le.Uint64(fileData[8:]) != pageSize || le.Uint64(fileData[16+24+16:]) != 2 ||
		!bytes.HasSuffix(fileData, []byte("/bin/x\x00/bin/x\x00/etc/data\x00")) {
		t.Errorf("NT_FILE %x", fileData)
	}
}

func TestWriteRefuses(t *testing.T) {
	p, c, mem := synthetic()
	none := c
	none.Threads = nil
	if _, err := Write(&memFile{}, elf.EM_X86_64, p, none, mem); err == nil {
		t.Error("a core without a thread was written")
	}
	odd := c
	odd.Threads = []Thread{{TID: 1, Regs: make([]byte, 7)}}
	if _, err := Write(&memFile{}, elf.EM_X86_64, p, odd, mem); err == nil {
		t.Error("a register set of 7 bytes was written")
	}
	if _, err := Write(fullDisk{}, elf.EM_X86_64, p, c, mem); !errors.Is(err, errFull) {
		t.Errorf("full disk: %v", err)
	}
}

var errFull = errors.New("no space left on device")

type fullDisk struct{}

func (fullDisk) WriteAt([]byte, int64) (int, error) { return 0, errFull }
func (fullDisk) Truncate(int64) error               { return nil }

// TestManySegments checks the count beyond what the ELF header can hold.
func TestManySegments(t *testing.T) {
	p, c, mem := synthetic()
	p.Mappings = nil
	for i := uint64(0); i < 70000; i++ {
		p.Mappings = append(p.Mappings, Mapping{Start: 1<<32 + i*2*pageSize, End: 1<<32 + (i*2+1)*pageSize})
	}
	var out memFile
	if _, err := Write(&out, elf.EM_X86_64, p, c, mem); err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	section := out.b[le.Uint64(out.b[40:]):]
	if le.Uint16(out.b[56:]) != pnXNum || le.Uint16(out.b[60:]) != 1 || le.Uint32(section[44:]) != 70001 {
		t.Errorf("e_phnum %#x, e_shnum %d, sh_info %d", le.Uint16(out.b[56:]), le.Uint16(out.b[60:]), le.Uint32(section[44:]))
	}
}

func TestPlan(t *testing.T) {
	file := func(m Mapping) Mapping { m.Inode, m.Path = 1, "/f"; return m }
	tests := []struct {
		name   string
		m      Mapping
		filter uint32
		want   extent
	}{
		{"heap", Mapping{Touched: true}, 0x33, whole},
		{"heap, filtered out", Mapping{Touched: true}, 0x32, nothing},
		{"reserved", Mapping{}, 0xff, nothing},
		{"text", file(Mapping{Read: true, Exec: true}), 0x33, header},
		{"text, no headers", file(Mapping{Read: true}), 0x23, nothing},
		{"text, second part", file(Mapping{Read: true, Offset: 0x1000}), 0x33, nothing},
		{"text, mapped private", file(Mapping{Read: true, Offset: 0x1000}), 0x37, whole},
		{"data", file(Mapping{Read: true, Write: true, Touched: true, Offset: 0x1000}), 0x33, whole},
		{"shared file", file(Mapping{Read: true, Shared: true}), 0x33, nothing},
		{"shared file, wanted", file(Mapping{Read: true, Shared: true}), 0x3b, whole},
		{"shared memory", Mapping{Shared: true, Inode: 2, Path: "/memfd:x (deleted)"}, 0x33, whole},
		{"shared memory, filtered out", Mapping{Shared: true, Inode: 2, Path: "/dev/zero (deleted)"}, 0x31, nothing},
		{"huge pages", Mapping{Huge: true, Touched: true}, 0x33, whole},
		{"huge pages, filtered out", Mapping{Huge: true, Touched: true}, 0x13, nothing},
		{"shared huge pages", Mapping{Huge: true, Shared: true}, 0x33, nothing},
		{"madvise DONTDUMP", Mapping{Touched: true, DontDump: true}, 0xff, nothing},
		{"device", Mapping{Touched: true, IO: true}, 0xff, nothing},
		{"vdso", Mapping{Path: "[vdso]", Exec: true}, 0, whole},
		{"vsyscall", Mapping{Path: "[vsyscall]", Exec: true}, 0xff, nothing},
		{"stack", Mapping{Path: "[stack]", Touched: true}, 0x33, whole},
	}
	for _, tt := range tests {
		if got := plan(tt.m, tt.filter); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestParseSmaps(t *testing.T) {
	text := `00400000-004ad000 r-xp 00001000 fe:00 5248 /srv/a b:c-d
Size:                692 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:           160 kB
VmFlags: rd wr mr mw me ac
7ffe0000-7ffe4000 r--p 00000000 00:00 0                          [vvar]
VmFlags: rd mr pf io de dd
7f00000000-7f00001000 rw-s 00000000 00:01 9                      /memfd:x\012y (deleted)
Swap:                  0 kB
7f10000000-7f10200000 rw-p 00000000 00:00 0
Swap:                  4 kB
VmFlags: rd wr ht wf
`
	got, err := parseSmaps(strings.NewReader(text), true)
	if err != nil {
		t.Fatal(err)
	}
	want := []Mapping{
		{Start: 0x400000, End: 0x4ad000, Read: true, Exec: true, Offset: 0x1000, Inode: 5248, Path: "/srv/a b:c-d"},
		{Start: 0xc000000000, End: 0xc000400000, Read: true, Write: true, Touched: true},
		{Start: 0x7ffe0000, End: 0x7ffe4000, Read: true, Path: "[vvar]", DontDump: true, IO: true},
		{Start: 0x7f00000000, End: 0x7f00001000, Read: true, Write: true, Shared: true, Inode: 9, Path: "/memfd:x\ny (deleted)"},
		{Start: 0x7f10000000, End: 0x7f10200000, Read: true, Write: true, Touched: true, Swapped: true, Huge: true, Wiped: true},
	}
	if len(got) != len(want) {
		t.Fatalf("%d mappings, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v\nwant %+v", i, got[i], want[i])
		}
	}
	for _, bad := range []string{"x", "1000-2000", "2000-1000 rw-p 0 0:0 0", "1001-2000 rw-p 0 0:0 0", "1000-2000 rw 0 0:0 0", "1000-2000 rw-p z 0:0 0", "1000-2000 rw-p 0 0:0 z"} {
		if m, err := parseSmaps(strings.NewReader(bad), true); err == nil {
			t.Errorf("%q gave %+v", bad, m)
		}
	}
}

func TestPopulated(t *testing.T) {
	const base = 0x10000
	collect := func(pagemap io.ReaderAt) (got []span) {
		if err := populated(pagemap, base, base+8*pageSize, func(s span) error { got = append(got, s); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	at := func(n uint64) uint64 { return base + n*pageSize }
	tests := []struct {
		name    string
		pagemap io.ReaderAt
		want    []span
	}{
		{"no pagemap", nil, []span{{at(0), at(8)}}},
		{"nothing", pagemapOf(nil), nil},
		{"runs", pagemapOf(map[uint64]uint64{at(0): pagePresent, at(1): pageSwapped, at(4): pagePresent, at(7): pagePresent}),
			[]span{{at(0), at(2)}, {at(4), at(5)}, {at(7), at(8)}}},
		{"unreadable", unreadable{}, []span{{at(0), at(8)}}},
	}
	for _, tt := range tests {
		got := collect(tt.pagemap)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
			}
		}
	}
}

type unreadable struct{}

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, errors.New("permission denied") }

// FuzzParseSmaps: no panic, and what is accepted is page-aligned and not empty.
func FuzzParseSmaps(f *testing.F) {
	f.Add("00400000-004ad000 r-xp 00001000 fe:00 5248 /x\nAnonymous: 1 kB\n")
	f.Add("a-b:c\n-: \n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseSmaps(strings.NewReader(text), true)
		if err != nil {
			return
		}
		for _, m := range all {
			if m.Start >= m.End || m.Start%pageSize != 0 || m.End%pageSize != 0 {
				t.Errorf("accepted %+v", m)
			}
		}
	})
}
