package delvecore

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/line"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
)

// lineProgram is a DWARF 5 line program header with one directory and one
// file, and what tests change of it.
type lineProgram struct {
	version              uint16
	lineRange, opBase    byte
	dirCount, fileCount  byte
	form                 byte
	cut                  int // bytes to leave out at the end
	lengthOff, headerOff int // added to the lengths
}

func (p lineProgram) bytes() []byte {
	le := binary.LittleEndian
	body := []byte{1, 1, 1, 0xfb, p.lineRange, p.opBase}
	for i := 1; i < int(p.opBase); i++ {
		body = append(body, 0)
	}
	table := func(count byte) {
		body = append(body, 1, 1, p.form, count) // one column: a path
		for range count % 8 {
			body = append(body, 'x', 0)
		}
	}
	table(p.dirCount)
	table(p.fileCount)
	head := le.AppendUint16(nil, p.version)
	head = append(head, 8, 0)
	head = le.AppendUint32(head, uint32(len(body)+p.headerOff))
	all := append(head, body...)
	all = append(le.AppendUint32(nil, uint32(len(all)+p.lengthOff)), all...)
	return all[:len(all)-p.cut]
}

var goodLine = lineProgram{version: 5, lineRange: 14, opBase: 13, dirCount: 1, fileCount: 2, form: 0x08}

func TestVetLine(t *testing.T) {
	bad := func(change func(*lineProgram)) lineProgram {
		p := goodLine
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		p    lineProgram
		good bool
	}{
		"as compilers write it": {goodLine, true},
		"no line range":         {bad(func(p *lineProgram) { p.lineRange = 0 }), false},
		"unknown opcodes":       {bad(func(p *lineProgram) { p.opBase = 20 }), false},
		"no opcode base":        {bad(func(p *lineProgram) { p.opBase = 0 }), false},
		"too many files":        {bad(func(p *lineProgram) { p.fileCount = 120 }), false},
		"unknown form":          {bad(func(p *lineProgram) { p.form = 0x77 }), false},
		"cut":                   {bad(func(p *lineProgram) { p.cut = 3 }), false},
		"longer than it is":     {bad(func(p *lineProgram) { p.lengthOff = 100 }), false},
		"header longer than it": {bad(func(p *lineProgram) { p.headerOff = 1 << 20 }), false},
		"version 9":             {bad(func(p *lineProgram) { p.version = 9 }), false},
	} {
		if err := vetLine(c.p.bytes(), 0, nil); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVetBuildID: delve allocates what the header of the note says.
func TestVetBuildID(t *testing.T) {
	for name, c := range map[string]struct {
		head []uint32
		good bool
	}{
		"as linkers write it":       {[]uint32{4, 20, 3}, true},
		"a descriptor of 4 GB":      {[]uint32{4, 0xffffffff, 3}, false},
		"a name of 4 GB":            {[]uint32{0xffffffff, 20, 3}, false},
		"both, over 32 bits":        {[]uint32{0x80000000, 0x80000010, 3}, false},
		"cut within its own header": {[]uint32{4}, true},
	} {
		var data []byte
		for _, w := range c.head {
			data = binary.LittleEndian.AppendUint32(data, w)
		}
		if len(c.head) == 3 {
			data = append(append(data, "GNU\x00"...), make([]byte, 20)...)
		}
		e := coretest.SynthELF{Type: elf.ET_EXEC, Sections: []coretest.SynthSection{
			{Name: ".note.gnu.build-id", Type: elf.SHT_NOTE, Data: data},
		}}
		file, _ := e.Bytes()
		f, err := elf.NewFile(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if err := vetSections(f); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzVetLine: what passes the check does not make delve's parser panic.
func FuzzVetLine(f *testing.F) {
	f.Add(goodLine.bytes(), []byte("a\x00b\x00"))
	f.Fuzz(func(t *testing.T, section, strs []byte) {
		if len(section) == 0 || vetLine(section, 0, strs) != nil {
			return
		}
		line.Parse("/", bytesBuffer(section), strs, nil, 0, false, 8)
	})
}

// FuzzVetFrames: a table of any bytes is refused or parsed.
func FuzzVetFrames(f *testing.F) {
	f.Add([]byte{12, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 3, 0, 1, 0x7c, 16, 0, 0, 0}, uint64(0))
	f.Add([]byte{8, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0}, uint64(0x1000))
	f.Fuzz(func(t *testing.T, data []byte, addr uint64) {
		_ = vetFrameTable(data, addr) // must not panic or hang
	})
}

// FuzzVetUnits: what passes does not make delve's reader of units panic.
func FuzzVetUnits(f *testing.F) {
	f.Add([]byte{8, 0, 0, 0, 5, 0, 1, 8, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = guard("units", func() error { return vetUnits(data) })
	})
}

func TestGuard(t *testing.T) {
	err := guard("stack", func() error {
		var s []int
		return errors.New("never" + string(rune(s[3])))
	})
	if !errors.Is(err, ErrDelve) {
		t.Errorf("run-time error: %v", err)
	}
	err = guard("stack", func() error { panic("password hunter2") })
	if !errors.Is(err, ErrDelve) || err.Error() != "stack: delve failed: panic of type string" {
		t.Errorf("panic with a text: %v", err)
	}
	if err := guard("stack", func() error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestNoBinary(t *testing.T) {
	if err := vet(nil); !errors.Is(err, corefile.ErrNoDWARF) {
		t.Errorf("no binary: %v", err)
	}
	if _, err := Open(nil, nil, Options{}); err == nil {
		t.Error("no core: no error")
	}
}
