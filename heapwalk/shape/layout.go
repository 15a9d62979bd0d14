package shape

import (
	"encoding/binary"
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
)

// layout is where the fields of the runtime's descriptors lie, by the binary's
// own debug information. The defaults are those of internal/abi/type.go and
// iface.go, go1.25 to go1.27.
type layout struct {
	size, ptrBytes, flags, align, kind, gcData uint64
	typeSize                                   uint64
	itabType                                   uint64
	hchan                                      *gotype.Type // nil when it is not described
	chanElem                                   uint64       // its element's type
	timerFunc, inTimeTimer                     uint64       // timer.f, and timeTimer.timer; 0 when unknown
}

// Flags of abi.Type.TFlag (internal/abi/type.go) and of reflect.Value
// (reflect/value.go), go1.25 to go1.27.
const (
	flagMaskOnDemand   = 1 << 4
	flagDirectIface    = 1 << 5 // since go1.26
	kindDirectIface    = 1 << 5 // of Kind_, until go1.25
	reflectFlagIndir   = 1 << 7
	kindMask           = 31
	maxAlign           = 64
	maxDescriptorField = 1 << 12
)

func readLayout(types typeSource) layout {
	l := layout{ptrBytes: 8, flags: 20, align: 21, kind: 23, gcData: 32, typeSize: 48, itabType: 8}
	ty, err := types.ByName("internal/abi.Type")
	if err == nil {
		for name, to := range map[string]*uint64{
			"Size_": &l.size, "PtrBytes": &l.ptrBytes, "TFlag": &l.flags, "Align_": &l.align, "Kind_": &l.kind, "GCData": &l.gcData,
		} {
			setOffset(to, ty, name)
		}
	}
	if ty, err := types.ByName("internal/abi.ITab"); err == nil {
		setOffset(&l.itabType, ty, "Type")
	}
	if ty, err := types.ByName("runtime.hchan"); err == nil {
		l.hchan = ty
		setOffset(&l.chanElem, ty, "elemtype")
	}
	if ty, err := types.ByName("runtime.timeTimer"); err == nil {
		setOffset(&l.inTimeTimer, ty, "timer")
		if f, ok := ty.Field("timer"); ok {
			setOffset(&l.timerFunc, f.Type, "f")
		}
	}
	l.typeSize = max(l.size, l.ptrBytes, l.gcData, l.flags, l.align, l.kind) + ptrSize
	return l
}

func setOffset(to *uint64, ty *gotype.Type, name string) {
	if f, ok := ty.Field(name); ok && f.Offset >= 0 && f.Offset < maxDescriptorField {
		*to = uint64(f.Offset)
	}
}

// descriptor is the part of an abi.Type that is read here.
type descriptor struct {
	size, ptrBytes, gcData uint64
	flags, kindBits        uint8
}

// direct reports whether interfaces hold the value itself instead of a pointer
// to it.
func (d *descriptor) direct() bool {
	switch reflect.Kind(d.kindBits & kindMask) {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func:
		return true
	case reflect.Struct, reflect.Array:
		return d.flags&flagDirectIface != 0 || d.kindBits&kindDirectIface != 0
	}
	return false
}

// readDescriptor reads an abi.Type; ok is false where what lies there is none.
func (t *Table) readDescriptor(addr uint64) (d descriptor, ok bool) {
	l := &t.lay
	if addr == 0 || addr%ptrSize != 0 {
		return d, false
	}
	b, _, ok := t.mem.View(addr, int(l.typeSize))
	if !ok {
		return d, false
	}
	d = descriptor{
		size: le64(b[l.size:]), ptrBytes: le64(b[l.ptrBytes:]), gcData: le64(b[l.gcData:]), flags: b[l.flags], kindBits: b[l.kind],
	}
	kind, align := reflect.Kind(d.kindBits&kindMask), b[l.align]
	switch {
	case kind == reflect.Invalid || kind > reflect.UnsafePointer,
		d.ptrBytes > d.size || d.ptrBytes%ptrSize != 0 || d.size > 1<<61,
		align == 0 || align > maxAlign || align&(align-1) != 0,
		d.ptrBytes > 0 && d.gcData == 0:
		return d, false
	}
	return d, true
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
