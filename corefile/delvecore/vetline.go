package delvecore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of a line number program header, DWARF 5 section 6.2.4. Opcodes above
// 12 are unknown: delve's line reader prints a line to stdout for each.
const maxOpcodeBase = 13

var errShort = errors.New("ends early")

// lineHeader reads a line number program header.
type lineHeader struct {
	data []byte
	err  error
}

func (h *lineHeader) take(n uint64) []byte {
	if h.err != nil || n > uint64(len(h.data)) {
		h.fail(errShort)
		return nil
	}
	b := h.data[:n]
	h.data = h.data[n:]
	return b
}

func (h *lineHeader) fail(err error) {
	if h.err == nil {
		h.err = err
	}
	h.data = nil
}

func (h *lineHeader) u8() uint64 {
	if b := h.take(1); b != nil {
		return uint64(b[0])
	}
	return 0
}

func (h *lineHeader) u16() uint64 {
	if b := h.take(2); b != nil {
		return uint64(binary.LittleEndian.Uint16(b))
	}
	return 0
}

func (h *lineHeader) u32() uint64 {
	if b := h.take(4); b != nil {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (h *lineHeader) uleb() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b := h.u8()
		v |= (b & 0x7f) << shift
		if b&0x80 == 0 {
			return v
		}
	}
	h.fail(errors.New("number is too long"))
	return 0
}

func (h *lineHeader) str() {
	i := bytes.IndexByte(h.data, 0)
	if i < 0 {
		h.fail(errShort)
		return
	}
	h.data = h.data[i+1:]
}

// vetLine checks the header of the line number program at off, so that delve's
// parser finds every byte and every count that it takes for granted. strs is
// .debug_line_str.
func vetLine(section []byte, off int64, strs []byte) error {
	if off < 0 || off >= int64(len(section)) {
		return nil // delve checks this itself and goes without
	}
	h := &lineHeader{data: section[off:]}
	length := h.u32()
	if h.err != nil || length > uint64(len(h.data)) {
		return fmt.Errorf("line program at %#x: %w", off, errShort)
	}
	h.data = h.data[:length]
	h.program(strs)
	if h.err != nil {
		return fmt.Errorf("line program at %#x: %w", off, h.err)
	}
	return nil
}

func (h *lineHeader) program(strs []byte) {
	version := h.u16()
	if h.err == nil && (version < 2 || version > 5) {
		h.fail(fmt.Errorf("version %d", version))
	}
	if version >= 5 {
		h.take(2)
	}
	if n := h.u32(); h.err == nil && n > uint64(len(h.data)) {
		h.fail(errShort)
	}
	h.take(1) // minimum instruction length
	if version >= 4 {
		h.take(1)
	}
	h.take(2)
	lineRange, opcodeBase := h.u8(), h.u8()
	if h.err != nil {
		return
	}
	if lineRange == 0 || opcodeBase == 0 || opcodeBase > maxOpcodeBase {
		h.fail(fmt.Errorf("line range %d, opcode base %d", lineRange, opcodeBase))
		return
	}
	h.take(opcodeBase - 1)
	if version >= 5 {
		h.table(strs)
		h.table(strs)
		return
	}
	h.tables4()
}

// tables4 reads the directory and file tables of versions 2 to 4.
func (h *lineHeader) tables4() {
	for h.err == nil && len(h.data) > 0 && h.data[0] != 0 {
		h.str()
	}
	h.take(1)
	for h.err == nil && len(h.data) > 0 && h.data[0] != 0 {
		h.str()
		h.uleb()
		h.uleb()
		h.uleb()
	}
	h.take(1)
}

// table reads a directory or file table of version 5.
func (h *lineHeader) table(strs []byte) {
	n := h.u8()
	forms := make([]uint64, 0, n)
	for ; n > 0 && h.err == nil; n-- {
		h.uleb()
		forms = append(forms, h.uleb())
	}
	count := h.uleb()
	if h.err != nil {
		return
	}
	// Each entry takes a byte at least, or the count could be anything.
	if count > uint64(len(h.data)) || count > 0 && len(forms) == 0 {
		h.fail(fmt.Errorf("%d entries in %d bytes", count, len(h.data)))
		return
	}
	for ; count > 0 && h.err == nil; count-- {
		for _, form := range forms {
			h.form(form, strs)
		}
	}
}

// form skips one attribute; the codes are those of DWARF 5 section 7.5.6.
func (h *lineHeader) form(form uint64, strs []byte) {
	switch form {
	case 0x08: // DW_FORM_string
		h.str()
	case 0x1f: // DW_FORM_line_strp
		if at := h.u32(); h.err == nil && strs != nil && at >= uint64(len(strs)) {
			h.fail(fmt.Errorf("string offset %#x is outside of .debug_line_str", at))
		}
	case 0x0e, 0x06, 0x17: // DW_FORM_strp, data4, sec_offset
		h.take(4)
	case 0x0b: // DW_FORM_data1
		h.take(1)
	case 0x05: // DW_FORM_data2
		h.take(2)
	case 0x07: // DW_FORM_data8
		h.take(8)
	case 0x1e: // DW_FORM_data16
		h.take(16)
	case 0x0f: // DW_FORM_udata
		h.uleb()
	case 0x09: // DW_FORM_block
		h.take(h.uleb())
	default:
		h.fail(fmt.Errorf("form %#x", form))
	}
}
