package crashtext

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
)

// headSize is how much of a file Is looks at.
const headSize = 64 << 10

// Is reports whether a file looks like a text with a traceback of Go's: at its
// beginning, behind at most 64 KiB of other output.
func Is(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false // a pipe would block, a device may be endless
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	return (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && looksLike(head[:n])
}

// looksLike finds a line about a crash, or the first line of a stack.
func looksLike(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for line := range bytes.Lines(head) {
		s := strings.TrimRight(string(line), "\r\n")
		if _, ok := header(s); ok || beginsCrash(s) {
			return true
		}
	}
	return false
}
