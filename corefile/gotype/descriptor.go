package gotype

import "fmt"

// descriptors finds types by the address of their abi.Type.
type descriptors struct {
	// base is where the types section lies in the process.
	base  uint64
	known bool
}

// typesBase finds the section that DW_AT_go_runtime_type is relative to.
func (t *Types) typesBase() (uint64, bool) {
	if addr, _, ok := t.src.binary.Symbol("runtime.types"); ok {
		return addr + t.src.bias, true
	}
	return 0, false
}

// ByDescriptor compiles the type whose abi.Type lies at addr in the process:
// from DWARF where it has the type, from the descriptor in memory otherwise
// (types made by reflect).
func (t *Types) ByDescriptor(addr uint64) (*Type, error) {
	if t.desc.known && addr > t.desc.base {
		if off, ok := t.index.byRuntimeType(t.info, addr-t.desc.base); ok {
			return t.ByOffset(off)
		}
	}
	return nil, fmt.Errorf("type descriptor at 0x%x: %w", addr, ErrNoType)
}
