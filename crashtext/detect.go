package crashtext

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// Is reports whether a file is a text with a traceback of Go's. A file that is
// no text is told by its beginning; a text is read until a line is one of Go's,
// because a log may be long before its end.
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
	return hasTraceback(f)
}

func hasTraceback(r io.Reader) bool {
	lim := defaultBounds()
	in := bufio.NewReaderSize(io.LimitReader(r, lim.bytes), lim.line)
	head, err := in.Peek(lim.line)
	if err != nil && !errors.Is(err, io.EOF) || bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for {
		line, err := in.ReadSlice('\n')
		if mayBegin(line) {
			s := text(bytes.TrimSuffix(line, []byte("\n")))
			if _, ok := header(s); ok || beginsCrash(s) {
				return true
			}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			err = skipLine(in)
		}
		if err != nil {
			return false
		}
	}
}

// mayBegin looks at the first byte of a line: that of goroutine, panic, fatal
// error, runtime, SIG, unexpected.
func mayBegin(line []byte) bool {
	return len(line) > 0 && bytes.IndexByte([]byte("gpfrSu"), line[0]) >= 0
}
