package gounwind

import (
	"debug/dwarf"

	"github.com/safedump/sdcore/corefile"
)

// cLines finds functions, lines and inlined calls of C code in the debug
// information, of which it reads one unit at a time.
type cLines struct {
	core *corefile.Core
	data *dwarf.Data
	read bool
}

func newCLines(c *corefile.Core) *cLines { return &cLines{core: c} }

const (
	maxDIEs   = 1 << 20 // of one unit
	maxInline = 64
)

// cCall is a function of C that is active at an address.
type cCall struct {
	name       string
	file, line int // of the call of it, for inlined ones
}

// describe returns the frames at a PC, innermost first; nil when the debug
// information has no function there.
func (l *cLines) describe(pc, at uint64) (out []corefile.Frame) {
	_ = corefile.Guard("debug information of C code", func() error {
		out = l.frames(pc, at)
		return nil
	})
	return out
}

func (l *cLines) frames(pc, at uint64) []corefile.Frame {
	if !l.read {
		l.read = true
		if d, err := l.core.Binary().DWARF(); err == nil {
			l.data = d
		}
	}
	if l.data == nil {
		return nil
	}
	addr := at - l.core.LoadBias()
	r := l.data.Reader()
	cu, err := r.SeekPC(addr)
	if err != nil || cu == nil || !cu.Children {
		return nil
	}
	calls, entry := l.calls(r, addr)
	if len(calls) == 0 {
		return nil
	}
	lr, err := l.data.LineReader(cu)
	if err != nil || lr == nil {
		return nil
	}
	f := corefile.Frame{PC: pc, CallPC: at, Entry: entry + l.core.LoadBias()}
	var le dwarf.LineEntry
	if err := lr.SeekPC(addr, &le); err == nil && le.File != nil {
		f.File, f.Line = le.File.Name, le.Line
	}
	files := lr.Files()
	var out []corefile.Frame
	for depth := len(calls) - 1; depth >= 0; depth-- {
		f.Function, f.Depth, f.Inlined = calls[depth].name, depth, depth > 0
		out = append(out, f)
		f.File, f.Line = "", 0
		if n := calls[depth].file; n >= 0 && n < len(files) && files[n] != nil {
			f.File, f.Line = files[n].Name, calls[depth].line
		}
	}
	return out
}

// calls lists the functions that are active at an address, from the physical
// one inwards. r stands behind the unit's entry.
func (l *cLines) calls(r *dwarf.Reader, addr uint64) (calls []cCall, entry uint64) {
	depth := 0
	for range maxDIEs {
		e, err := r.Next()
		if err != nil || e == nil {
			return calls, entry
		}
		if e.Tag == 0 {
			if depth--; depth <= 0 {
				if len(calls) > 0 || depth < 0 {
					return calls, entry
				}
			}
			continue
		}
		interesting := e.Tag == dwarf.TagInlinedSubroutine && len(calls) > 0 || e.Tag == dwarf.TagLexDwarfBlock && len(calls) > 0 ||
			e.Tag == dwarf.TagSubprogram && len(calls) == 0
		if !interesting || !l.contains(e, addr) {
			if e.Children {
				r.SkipChildren()
			}
			continue
		}
		if e.Tag != dwarf.TagLexDwarfBlock {
			if len(calls) == maxInline {
				return nil, 0
			}
			c := cCall{name: l.name(e), file: -1}
			if n, ok := e.Val(dwarf.AttrCallFile).(int64); ok && n >= 0 && n < 1<<20 {
				c.file = int(n)
			}
			if n, ok := e.Val(dwarf.AttrCallLine).(int64); ok && n > 0 {
				c.line = int(n)
			}
			if len(calls) == 0 {
				entry, _ = e.Val(dwarf.AttrLowpc).(uint64)
			}
			calls = append(calls, c)
		}
		if !e.Children {
			return calls, entry
		}
		depth++
	}
	return calls, entry
}

func (l *cLines) contains(e *dwarf.Entry, addr uint64) bool {
	ranges, err := l.data.Ranges(e)
	if err != nil {
		return false
	}
	for _, r := range ranges {
		if addr >= r[0] && addr < r[1] {
			return true
		}
	}
	return false
}

// name of a function, which an inlined or specialized one has elsewhere.
func (l *cLines) name(e *dwarf.Entry) string {
	for range 4 {
		if s, ok := e.Val(dwarf.AttrName).(string); ok {
			return s
		}
		off, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		if !ok {
			if off, ok = e.Val(dwarf.AttrSpecification).(dwarf.Offset); !ok {
				return ""
			}
		}
		r := l.data.Reader()
		r.Seek(off)
		next, err := r.Next()
		if err != nil || next == nil {
			return ""
		}
		e = next
	}
	return ""
}
