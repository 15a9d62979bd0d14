package corefile

import (
	"debug/elf"
	"encoding/binary"
	"io"
)

// IsCore tells by its first bytes, unpacked where it is compressed, whether a
// file is an ELF core. It does not say that the core can be opened.
func IsCore(path string) bool {
	f, err := openFile(path)
	if err != nil {
		return false
	}
	defer f.close()
	head := f.data
	if kind, ok := compression(f.data); ok {
		if kind.stream == nil {
			return false
		}
		head = make([]byte, ehdrSize)
		err := Guard("unpack", func() error {
			src := &packedReader{data: f.data}
			in, err := kind.stream(src)
			if err != nil {
				return err
			}
			if c, ok := in.(io.Closer); ok {
				defer c.Close()
			}
			n, err := fill(in, src, head)
			if n == len(head) {
				return nil // what comes later is another matter
			}
			return err
		})
		if err != nil {
			return false
		}
	}
	return len(head) >= ehdrSize && string(head[:4]) == elf.ELFMAG && elf.Type(binary.LittleEndian.Uint16(head[16:])) == elf.ET_CORE
}
