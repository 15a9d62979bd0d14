package crash

import (
	"errors"
	"fmt"
)

// Layout of type names, internal/abi/type.go of Go 1.26.
const (
	tflagExtraStar = 1 << 1
	maxTypeName    = 1 << 12
)

// descriptorName reads the name in the abi.Type at addr: rtype.string of the
// runtime.
func (x *explainer) descriptorName(addr uint64) (string, error) {
	if x.in.Types == nil || x.in.Runtime == nil {
		return "", errors.New("no types")
	}
	at, err := x.in.Types.ByName("internal/abi.Type")
	if err != nil {
		return "", err
	}
	str, ok1 := at.Field("Str")
	flag, ok2 := at.Field("TFlag")
	if !ok1 || !ok2 {
		return "", errors.New("internal/abi.Type has no field Str or TFlag")
	}
	off, err := x.mem.Uint32(addr + uint64(str.Offset))
	if err != nil {
		return "", err
	}
	flags, err := x.mem.Uint8(addr + uint64(flag.Offset))
	if err != nil {
		return "", err
	}
	base, err := x.typesBase(addr)
	if err != nil {
		return "", err
	}
	name, err := x.abiName(base + uint64(off))
	if err == nil && flags&tflagExtraStar != 0 && name != "" {
		name = name[1:]
	}
	return name, err
}

// abiName reads an abi.Name: a byte of flags, the length as a varint, the text.
func (x *explainer) abiName(addr uint64) (string, error) {
	n, shift := uint64(0), 0
	at := addr + 1
	for ; shift < 21; shift += 7 {
		b, err := x.mem.Uint8(at)
		if err != nil {
			return "", err
		}
		at++
		n |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
	}
	if n > maxTypeName {
		return "", fmt.Errorf("type name at %#x has length %d", addr, n)
	}
	return x.text(at, n)
}

// typesBase is the start of the types section of the module that holds the
// descriptor at addr, from runtime.firstmoduledata.
func (x *explainer) typesBase(addr uint64) (uint64, error) {
	md, ok := x.in.Runtime.Symbol("runtime.firstmoduledata")
	if !ok {
		return 0, errors.New("variable runtime.firstmoduledata not found")
	}
	t, err := x.in.Types.ByName("runtime.moduledata")
	if err != nil {
		return 0, err
	}
	var bound [2]uint64
	for i, name := range []string{"types", "etypes"} {
		f, ok := t.Field(name)
		if !ok {
			return 0, fmt.Errorf("runtime.moduledata has no field %s", name)
		}
		if bound[i], err = x.mem.Uint64(md + uint64(f.Offset)); err != nil {
			return 0, err
		}
	}
	if addr < bound[0] || addr >= bound[1] {
		return 0, fmt.Errorf("type descriptor at %#x is not in the first module", addr)
	}
	return bound[0], nil
}
