package corefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// format is a way in which a file can be compressed.
type format struct {
	name    string
	magic   string
	command string // unpacks a file, for who has to do it by hand
	stream  func(*packedReader) (stream, error)
}

// formats are the compressed formats that are recognized, each by its magic
// number: RFC 8878 (zstd), RFC 1952 (gzip), doc/lz4_Frame_format.md of lz4
// 1.10, doc/xz-file-format.txt of xz 5.6. Those without a stream are refused.
func formats() []format {
	return []format{
		{"zstd", "\x28\xb5\x2f\xfd", "zstd -d", zstdStream},
		{"gzip", gzipMagic, "gunzip -k", gzipStream},
		{"lz4", lz4Magic, "lz4 -d", lz4Stream},
		{"lz4 (legacy format)", "\x02\x21\x4c\x18", "lz4 -d", nil},
		{"xz", "\xfd7zXZ\x00", "xz -dk", nil},
	}
}

// maxSkippable bounds the frames before the first one with data.
const maxSkippable = 64

// compression recognizes a compressed file by its first bytes. Frames that say
// of themselves that they are to be skipped, which zstd and lz4 share and
// parallel compressors begin with, are skipped.
func compression(data []byte) (format, bool) {
	for range maxSkippable {
		if len(data) < 8 || binary.LittleEndian.Uint32(data)&^0xf != 0x184D2A50 {
			break
		}
		size := uint64(binary.LittleEndian.Uint32(data[4:]))
		if size > uint64(len(data)-8) {
			break
		}
		data = data[8+size:]
	}
	for _, f := range formats() {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return f, true
		}
	}
	return format{}, false
}

// checkCompressed refuses compressed files with what to do about it. Cores
// never get here compressed, unless in a way that this package can't unpack.
func checkCompressed(path string, data []byte) error {
	f, ok := compression(data)
	if !ok {
		return nil
	}
	msg := fmt.Sprintf("is compressed with %s: run `%s %s` first", f.name, f.command, printable(path))
	return &FormatError{path, -1, msg, ErrCompressed}
}
