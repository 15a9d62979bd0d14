package waits

import (
	"encoding/binary"
	"reflect"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// variable is a variable of a frame: in memory, or its word where it is in a
// register or known by itself.
type variable struct {
	name  string
	typ   *gotype.Type
	role  report.Role
	addr  uint64 // 0: not in memory
	value uint64
	known bool // value is
	stale bool
}

// word is the first word of a variable.
func (v *variable) word(a *analysis) (uint64, bool) {
	if v.addr == 0 {
		return v.value, v.known
	}
	w, err := a.in.Memory.Uint64(v.addr)
	return w, err == nil
}

// variables are those of a frame that have a location.
func (a *analysis) variables(fr *corefile.Frame) []variable {
	if a.in.Finder == nil {
		return nil
	}
	scopes, err := a.in.Finder.Scopes(fr.PC, fr.CallPC)
	if err != nil {
		return nil
	}
	var out []variable
	for i := range scopes {
		if scopes[i].Depth != fr.Depth {
			continue
		}
		for j := range scopes[i].Vars {
			d := &scopes[i].Vars[j]
			loc, err := d.Locate(fr)
			if err != nil || len(loc.Pieces) == 0 {
				continue
			}
			v := variable{name: d.Name, typ: d.TypeIn(fr), role: d.Role, stale: loc.Stale}
			if v.typ == nil || v.typ.Err != nil || !v.place(a, &loc, fr.Regs) {
				continue
			}
			if d.Escaped && !v.behind(a) {
				continue
			}
			out = append(out, v)
		}
	}
	return out
}

// place finds where the first piece of a variable is; the others follow it, or the
// variable is not of use.
func (v *variable) place(a *analysis, loc *corefile.Location, regs *corefile.Registers) bool {
	p := &loc.Pieces[0]
	switch p.Kind {
	case corefile.PieceMemory:
		if !together(loc.Pieces) { // only what fits into the first piece
			w, err := a.in.Memory.Uint64(p.Addr)
			v.value, v.known = w, err == nil
			return err == nil && wordSized(v.typ)
		}
		v.addr = p.Addr
		return p.Addr != 0
	case corefile.PieceRegister:
		b, ok := regs.Bytes(p.Reg)
		if !ok || len(b) < 8 {
			return false
		}
		v.value, v.known = binary.LittleEndian.Uint64(b), true
	case corefile.PieceValue:
		if len(p.Value) < 8 {
			return false
		}
		v.value, v.known = binary.LittleEndian.Uint64(p.Value), true
	}
	return v.known && wordSized(v.typ)
}

// together reports whether pieces are one run of memory.
func together(pieces []corefile.Piece) bool {
	for i := 1; i < len(pieces); i++ {
		last, p := &pieces[i-1], &pieces[i]
		if p.Kind != corefile.PieceMemory || last.Size <= 0 || p.Addr != last.Addr+uint64(last.Size) {
			return false
		}
	}
	return true
}

// behind goes to the variable that the location holds a pointer to.
func (v *variable) behind(a *analysis) bool {
	w, ok := v.word(a)
	v.addr, v.value, v.known = w, 0, false
	return ok && w != 0
}

// wordSized reports whether values of a type are one word that may be a pointer.
func wordSized(t *gotype.Type) bool {
	switch t.Kind {
	case reflect.Pointer, reflect.Chan, reflect.Map, reflect.UnsafePointer, reflect.Func:
		return true
	}
	return false
}

// regRAX is the register of the first argument, by its DWARF number.
const regRAX = 0

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
