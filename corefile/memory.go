package corefile

// Provenance says where the bytes of a piece of memory come from.
type Provenance uint8

// The provenances of memory.
const (
	Unmapped   Provenance = iota // no such address in the process
	FromCore                     // dumped
	FromBinary                   // file-backed page of the binary, not dumped
	FromLib                      // file-backed page of another file, build ID checked
	ZeroFill                     // bytes past a segment's file size that the kernel leaves out because they are zero
	Absent                       // mapped in the process, but not in the core and in no file at hand
	Truncated                    // the core claims to hold it but ends before
)

// Memory is the memory of the crashed process, read only.
type Memory struct{}

// View returns n bytes at addr without copying, valid until the Core is
// closed, not to be changed. A range that crosses into a segment of another
// provenance is copied. ok is false unless all bytes are there; p is then the
// provenance of the first byte that is not.
func (m *Memory) View(addr uint64, n int) (b []byte, p Provenance, ok bool) {
	return nil, Unmapped, false
}

// Read fills buf from addr. On error nothing in buf is to be used. The error
// wraps ErrUnmapped or ErrTruncated and names the address, never contents.
func (m *Memory) Read(buf []byte, addr uint64) error { return nil }

// Provenance tells where the byte at addr comes from.
func (m *Memory) Provenance(addr uint64) Provenance { return Unmapped }

// Available returns how many bytes, n at most, can be read from addr on.
func (m *Memory) Available(addr uint64, n int64) int64 { return 0 }

// Uint64 reads a little-endian 64-bit word.
func (m *Memory) Uint64(addr uint64) (uint64, error) { return 0, nil }

// Uint32 reads a little-endian 32-bit word.
func (m *Memory) Uint32(addr uint64) (uint32, error) { return 0, nil }

// Uint8 reads a byte.
func (m *Memory) Uint8(addr uint64) (uint8, error) { return 0, nil }
