package corefile

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// peekSize is how much of a core is looked at to recognize it: ELF header,
// program headers, and the first thread's notes of any usual process.
const peekSize = 64 << 10

// packedPeek is how much of a compressed file is read for that: a compressed
// block of the format at least (RFC 8878: 128 KiB; LZ4 frame format: 4 MiB).
func packedPeek(format string) int64 {
	if format == "lz4" {
		return 5 << 20
	}
	return 256 << 10
}

// Head is what the first bytes of a core tell without opening it.
type Head struct {
	// Format names the compression, "" for a plain core.
	Format string
	// ID names the file by its contents: a hash of its first bytes, which
	// hold the registers of the crash, and of its size. A copy has the same.
	ID string
	// PID and Name are those of the process, 0 and "" where they are not
	// among the first bytes.
	PID  int
	Name string
}

// IsCore tells by its first bytes, unpacked where it is compressed, whether a
// file is an ELF core. It does not say that the core can be opened.
func IsCore(path string) bool {
	_, err := Peek(path)
	return err == nil
}

// Peek recognizes an ELF core, compressed or not, by its first bytes. It reads
// and does not map: what another process cuts meanwhile is an error at most.
// The error matches ErrCompressed for a format that is known and not read, and
// ErrNotCore, ErrNotELF, ErrNotFile, ErrEmpty or ErrTruncated for what is no core.
func Peek(path string) (Head, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return Head{}, openError(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return Head{}, openError(path, err)
	case !st.Mode().IsRegular():
		return Head{}, &FormatError{path, -1, "is not a regular file", ErrNotFile}
	case st.Size() == 0:
		return Head{}, &FormatError{path, -1, "is empty", ErrEmpty}
	}
	// Most files of a directory are told apart by a few bytes.
	raw, err := readHead(f, 0, ehdrSize)
	if err != nil {
		return Head{}, openError(path, err)
	}
	kind, packed := compression(raw)
	if !packed && !isCoreHeader(raw) {
		return Head{}, notCoreHeader(path, raw)
	}
	if packed && kind.stream == nil {
		return Head{}, checkCompressed(path, raw)
	}
	if raw, err = readHead(f, 0, peekSize); err != nil {
		return Head{}, openError(path, err)
	}
	h := Head{ID: headID(raw, st.Size())}
	if packed {
		h.Format = kind.name
		if raw, err = unpackHead(f, kind); err != nil {
			return Head{}, fmt.Errorf("%s: %w", printable(path), err)
		}
	}
	if !isCoreHeader(raw) {
		return Head{}, notCoreHeader(path, raw)
	}
	h.PID, h.Name = peekProcess(path, raw)
	return h, nil
}

// readHead reads up to n bytes at off.
func readHead(f *os.File, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	got, err := f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:got], err
}

// headID is Head.ID. Half of what is read of a core is enough.
func headID(raw []byte, size int64) string {
	sum := sha256.New()
	sum.Write(raw[:min(len(raw), peekSize/2)])
	sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(size)))
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func isCoreHeader(head []byte) bool {
	return len(head) >= ehdrSize && string(head[:4]) == elf.ELFMAG && elf.Type(binary.LittleEndian.Uint16(head[16:])) == elf.ET_CORE
}

// notCoreHeader says what the first bytes are instead.
func notCoreHeader(path string, head []byte) error {
	h, err := parseIdent(path, head)
	if err != nil {
		return err
	}
	return notCore(path, h.typ, "")
}

// unpackHead unpacks the first bytes of a compressed file.
func unpackHead(f *os.File, kind format) (head []byte, err error) {
	packed, err := readHead(f, 0, packedPeek(kind.name))
	if err != nil {
		return nil, err
	}
	head = make([]byte, peekSize)
	err = Guard("unpack "+kind.name, func() error {
		src := &packedReader{data: packed}
		in, err := kind.stream(src)
		if err != nil {
			return err
		}
		if c, ok := in.(io.Closer); ok {
			defer c.Close()
		}
		n, err := fill(in, src, head)
		head = head[:n]
		if n >= ehdrSize || errors.Is(err, io.EOF) {
			return nil // what comes later is another matter
		}
		return err
	})
	return head, err
}

// peekProcess reads who the process was from what is there of the notes.
func peekProcess(path string, head []byte) (pid int, name string) {
	h, err := parseHeader(path, head)
	if err != nil {
		return 0, "" // more program headers than were read
	}
	n := notes{path: path}
	for i := range h.progs {
		p := &h.progs[i]
		if p.typ != elf.PT_NOTE || p.off >= uint64(len(head)) {
			continue
		}
		part := head[p.off:min(p.off+p.filesz, uint64(len(head)))]
		_ = eachNote(path, part, int64(p.off), p.align, func(r rawNote) error { // ends where the head does
			if r.name == "CORE" && r.typ == ntPRPSInfo {
				n.addInfo(r)
			}
			return nil
		})
	}
	return n.info.pid, n.info.name
}

// BuildIDs reads the build IDs of an executable, or of a file that holds its
// debug information: the GNU one in hex and the go command's, "" where it has
// none. Of most files that are none it reads 64 bytes.
func BuildIDs(path string) (gnu, goID string, err error) {
	if !isProgram(path) {
		return "", "", &FormatError{path, -1, "is not an executable", ErrNotExecutable}
	}
	// A build that replaces the file while it is mapped makes reads fault.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	err = Guard(printable(path)+": build ID", func() error {
		f, err := openFile(path)
		if err != nil {
			return err
		}
		defer f.close()
		h, err := parseHeader(path, f.data)
		if err != nil {
			return err
		}
		if len(h.progs) > maxExecProgs {
			return &FormatError{path, 56, fmt.Sprintf("claims %d program headers", len(h.progs)), ErrCorrupt}
		}
		ids := fileBuildIDs(f.data, h)
		gnu, goID = ids.gnu, ids.gob
		return nil
	})
	return gnu, goID, err
}
