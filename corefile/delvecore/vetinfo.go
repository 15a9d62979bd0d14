package delvecore

import (
	"debug/dwarf"
	"errors"
	"fmt"

	pdwarf "github.com/go-delve/delve/pkg/dwarf"
	"github.com/safedump/sdcore/corefile"
)

// maxDIEDepth bounds the nesting of debug entries: delve walks them
// recursively. Go and C compilers stay below 100.
const maxDIEDepth = 1000

// maxOrigins bounds a chain of abstract origins; compilers make chains of two.
const maxOrigins = 16

// vetInfo walks all debug entries, as delve will, and checks what delve takes
// for granted: every list of children ends, references lead somewhere without
// circles, line programs have headers.
func vetInfo(b *corefile.Binary) error {
	info, err := b.DebugSection(".debug_info")
	if err != nil {
		return fmt.Errorf("section .debug_info: %w", err)
	}
	if err := vetUnits(info); err != nil {
		return err
	}
	pdwarf.ReadUnitVersions(info)
	d, err := b.DWARF()
	if err != nil {
		return err
	}
	w := infoWalk{d: d, origin: map[dwarf.Offset]dwarf.Offset{}}
	if w.lines, err = b.DebugSection(".debug_line"); err != nil {
		return fmt.Errorf("section .debug_line: %w", err)
	}
	if w.strs, err = b.DebugSection(".debug_line_str"); err != nil {
		return fmt.Errorf("section .debug_line_str: %w", err)
	}
	if err := w.walk(); err != nil {
		return fmt.Errorf("section .debug_info: %w", err)
	}
	return w.checkOrigins()
}

// vetUnits checks that the lengths of the units add up to the section.
func vetUnits(data []byte) error {
	for off := 0; off < len(data); {
		length, dwarf64, _, _ := pdwarf.ReadDwarfLengthVersion(data[off:])
		head := 4
		if dwarf64 {
			head = 12
		}
		if length < 8 || length > uint64(len(data)-off) || uint64(len(data)-off)-length < uint64(head) {
			return fmt.Errorf("section .debug_info: unit at %#x: length %d", off, length)
		}
		off += head + int(length)
	}
	return nil
}

type infoWalk struct {
	d           *dwarf.Data
	lines, strs []byte
	origin      map[dwarf.Offset]dwarf.Offset
}

func (w *infoWalk) walk() error {
	r := w.d.Reader()
	for depth := 0; ; {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if e == nil {
			if depth != 0 {
				return errors.New("ends within a list of children")
			}
			return nil
		}
		if e.Tag == 0 {
			if depth--; depth < 0 {
				depth = 0 // padding between units
			}
			continue
		}
		if depth > 0 && (e.Tag == dwarf.TagCompileUnit || e.Tag == dwarf.TagPartialUnit) {
			return fmt.Errorf("unit at %#x begins within another", e.Offset)
		}
		if err := w.entry(e); err != nil {
			return fmt.Errorf("entry at %#x: %w", e.Offset, err)
		}
		if e.Children {
			if depth++; depth > maxDIEDepth {
				return fmt.Errorf("entry at %#x is nested too deep", e.Offset)
			}
		}
	}
}

// entry checks what delve reads of an entry while it loads a binary.
func (w *infoWalk) entry(e *dwarf.Entry) error {
	for _, at := range []dwarf.Attr{dwarf.AttrAbstractOrigin, dwarf.AttrSpecification} {
		if to, ok := e.Val(at).(dwarf.Offset); ok {
			w.origin[e.Offset] = to
			break
		}
	}
	switch e.Tag {
	case dwarf.TagCompileUnit:
		if off, ok := e.Val(dwarf.AttrStmtList).(int64); ok {
			if err := vetLine(w.lines, off, w.strs); err != nil {
				return err
			}
		}
		w.ranges(e)
	case dwarf.TagSubprogram, dwarf.TagInlinedSubroutine, dwarf.TagLexDwarfBlock:
		w.ranges(e)
	case dwarf.TagImportedUnit:
		return errors.New("imported units are not supported")
	}
	return nil
}

// ranges reads the address ranges of e, only to see that it does not panic:
// delve goes without those that are in error.
func (w *infoWalk) ranges(e *dwarf.Entry) { _, _ = w.d.Ranges(e) }

// checkOrigins follows every chain of origins: delve does so until the chain
// ends or is back at its start.
func (w *infoWalk) checkOrigins() error {
	for from, to := range w.origin {
		for n := 0; ; n++ {
			next, ok := w.origin[to]
			if !ok {
				break
			}
			if n == maxOrigins {
				return fmt.Errorf("section .debug_info: entry at %#x: abstract origins go in circles", from)
			}
			to = next
		}
	}
	return nil
}
