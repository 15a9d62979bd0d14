package coretest

import "encoding/binary"

// TableFunc is a function of a synthetic table of functions.
type TableFunc struct {
	Name string
	// Size is the length of its code. Functions follow each other.
	Size uint32
	// Frame is the distance from the stack pointer to the return address after
	// the first 4 bytes of code; before, it is 0. -1 makes it C code.
	Frame int32
	Flags byte
	// Defers is the offset from go:func.* of what it says of its open-coded
	// defers; 0 when it has none.
	Defers uint32
	// Args is the size of its arguments. ArgMaps, LocalMaps and Objects are the
	// offsets from go:func.* of its stack maps and stack objects; 0 when it has
	// none. StackMap is 1 + the number of the map that holds in all of its code,
	// 0 when there is no table of them.
	Args                        int32
	ArgMaps, LocalMaps, Objects uint32
	StackMap                    int32
}

// FuncTable makes a .gopclntab of Go 1.20 and later. Functions begin at the
// start of the text; all are at line 1 of "f.go".
func FuncTable(funcs []TableFunc) []byte {
	names, pctab := []byte{0}, []byte{0}
	var index, records []byte
	indexSize := uint32(8*len(funcs) + 4)
	indexSize += indexSize % 8
	at := uint32(0)
	line := uint32(len(pctab))
	pctab = append(pctab, 4, 0xff, 0xff, 0xff, 0x7f, 0) // value 1 all over
	file := uint32(len(pctab))
	pctab = append(pctab, 2, 0xff, 0xff, 0xff, 0x7f, 0) // value 0
	for _, f := range funcs {
		rec := make([]byte, 48)
		binary.LittleEndian.PutUint32(rec, at)
		binary.LittleEndian.PutUint32(rec[4:], uint32(len(names)))
		if f.Frame >= 0 {
			binary.LittleEndian.PutUint32(rec[16:], uint32(len(pctab)))
			pctab = binary.AppendUvarint(pctab, 2) // value 0
			if f.Frame == 0 {
				pctab = binary.AppendUvarint(pctab, uint64(f.Size))
			} else {
				pctab = binary.AppendUvarint(pctab, 4)
				pctab = binary.AppendUvarint(pctab, uint64(f.Frame)*2)
				pctab = binary.AppendUvarint(pctab, uint64(max(f.Size, 5))-4)
			}
			pctab = append(pctab, 0)
		}
		binary.LittleEndian.PutUint32(rec[20:], file)
		binary.LittleEndian.PutUint32(rec[24:], line)
		binary.LittleEndian.PutUint32(rec[36:], 1)
		rec[41] = f.Flags
		binary.LittleEndian.PutUint32(rec[8:], uint32(f.Args))
		rec, pctab = f.tables(rec, pctab)
		names = append(append(names, f.Name...), 0)
		index = binary.LittleEndian.AppendUint32(index, at)
		index = binary.LittleEndian.AppendUint32(index, indexSize+uint32(len(records)))
		records = append(records, rec...)
		at += f.Size
	}
	index = binary.LittleEndian.AppendUint32(index, at)
	for uint32(len(index)) < indexSize {
		index = append(index, 0)
	}
	parts := [][]byte{names, {0, 0, 0, 0}, []byte("f.go\x00"), pctab, append(index, records...)}
	b := []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}
	for _, w := range []uint64{uint64(len(funcs)), 1, 0} {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	off := uint64(72)
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint64(b, off)
		off += uint64(len(p))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// tables adds to a function's record what it has by number: PCDATA 1, and
// FUNCDATA 0, 1, 2 and 4.
func (f *TableFunc) tables(rec, pctab []byte) (_, _ []byte) {
	if f.Defers|f.ArgMaps|f.LocalMaps|f.Objects == 0 && f.StackMap == 0 {
		return rec, pctab
	}
	rec = rec[:44]
	if f.StackMap != 0 {
		rec[28] = 2
		rec = binary.LittleEndian.AppendUint32(rec, 0)
		rec = binary.LittleEndian.AppendUint32(rec, uint32(len(pctab)))
		pctab = binary.AppendUvarint(pctab, uint64(f.StackMap)*2) // from -1 on
		pctab = append(pctab, 0xff, 0xff, 0xff, 0x7f, 0)
	}
	rec[43] = 5
	for _, off := range [...]uint32{f.ArgMaps, f.LocalMaps, f.Objects, 0, f.Defers} {
		if off == 0 {
			off = 1<<32 - 1
		}
		rec = binary.LittleEndian.AppendUint32(rec, off)
	}
	return rec, pctab
}
