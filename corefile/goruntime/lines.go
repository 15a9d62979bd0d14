package goruntime

import (
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// lineTable is the runtime's own table of functions and lines, which even
// stripped binaries have.
type lineTable struct {
	table *gosym.Table
	bias  uint64
	cache map[uint64]report.FrameRef
}

// maxCachedLines bounds the cache: a program has few go statements.
const maxCachedLines = 1 << 16

// openLines reads .gopclntab.
func openLines(c *corefile.Core) (*lineTable, error) {
	f := c.Binary().ELF()
	if f == nil {
		return nil, corefile.ErrNotELF
	}
	var data []byte
	for _, name := range []string{".gopclntab", ".data.rel.ro.gopclntab"} {
		s := f.Section(name)
		if s == nil || s.Type == elf.SHT_NOBITS {
			continue
		}
		b, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("section %s: %w", name, err)
		}
		data = b
		break
	}
	if data == nil {
		return nil, errors.New("no section .gopclntab")
	}
	text, err := textStart(c, f)
	if err != nil {
		return nil, err
	}
	return newLineTable(data, text, c.LoadBias())
}

// textStart is the address of runtime.text without load bias, which the table
// counts from. A section start is not it when C code was linked in front.
func textStart(c *corefile.Core, f *elf.File) (uint64, error) {
	if addr, _, ok := c.Binary().Symbol("runtime.text"); ok {
		return addr, nil
	}
	if s := f.Section(".text"); s != nil {
		return s.Addr, nil
	}
	return 0, errors.New("no section .text")
}

// newLineTable parses a table whose addresses are relative to text.
func newLineTable(data []byte, text, bias uint64) (t *lineTable, err error) {
	if err := checkHeader(data); err != nil {
		return nil, fmt.Errorf("section .gopclntab: %w", err)
	}
	err = corefile.Guard("section .gopclntab", func() error {
		table, err := gosym.NewTable(nil, gosym.NewLineTable(data, text))
		t = &lineTable{table: table, bias: bias, cache: map[uint64]report.FrameRef{}}
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// checkHeader refuses what debug/gosym would take on trust: it allocates for
// as many functions as the header claims. The layout is that of Go 1.20 and
// later (debug/gosym, ver120): magic, two zeros, quantum, pointer size, number
// of functions.
func checkHeader(data []byte) error {
	if len(data) < 16 {
		return errors.New("ends early")
	}
	if data[4] != 0 || data[5] != 0 || data[7] != 8 {
		return errors.New("header is not that of a 64-bit Go 1.20 program or later")
	}
	if n := binary.LittleEndian.Uint64(data[8:]); n > uint64(len(data))/8 {
		return fmt.Errorf("claims %d functions in %d bytes", n, len(data))
	}
	return nil
}

// FuncName names the function that holds pc, an address of the process.
func (r *Runtime) FuncName(pc uint64) (string, bool) {
	if r.lines == nil || pc == 0 {
		return "", false
	}
	f := r.lines.fn(pc)
	if f == nil {
		return "", false
	}
	return f.Name, true
}

// FuncEntry returns the first address of the function that holds pc.
func (r *Runtime) FuncEntry(pc uint64) (uint64, bool) {
	if r.lines == nil || pc == 0 {
		return 0, false
	}
	f := r.lines.fn(pc)
	if f == nil {
		return 0, false
	}
	return f.Entry + r.lines.bias, true
}

// CallLine names the function and the line of the call that returns to pc, as
// a traceback prints it: the line of an inlined call, the name of the function
// that it is inlined into.
func (r *Runtime) CallLine(pc uint64) (report.FrameRef, bool) {
	if r.lines == nil || pc == 0 {
		return report.FrameRef{}, false
	}
	return r.lines.call(pc)
}

func (t *lineTable) fn(pc uint64) (f *gosym.Func) {
	_ = corefile.Guard("line table", func() error {
		f = t.table.PCToFunc(pc - t.bias)
		return nil
	})
	return f
}

func (t *lineTable) call(pc uint64) (report.FrameRef, bool) {
	if ref, ok := t.cache[pc]; ok {
		return ref, ref.Function != ""
	}
	ref := report.FrameRef{}
	if f := t.fn(pc); f != nil {
		at := pc - t.bias
		if at > f.Entry {
			at--
		}
		ref.Function = f.Name
		_ = corefile.Guard("line table", func() error {
			ref.File, ref.Line, _ = t.table.PCToLine(at)
			return nil
		})
	}
	if len(t.cache) < maxCachedLines {
		t.cache[pc] = ref
	}
	return ref, ref.Function != ""
}
