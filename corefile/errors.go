package corefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Errors that callers tell apart. Each is wrapped with the file and the place.
var (
	ErrNotFile        = errors.New("not a regular file")
	ErrEmpty          = errors.New("file is empty")
	ErrNotELF         = errors.New("not an ELF file")
	ErrNotCore        = errors.New("not a core dump")
	ErrNotExecutable  = errors.New("not an executable")
	ErrSwapped        = errors.New("core and binary are swapped")
	ErrCompressed     = errors.New("file is compressed")
	ErrTooLarge       = errors.New("file is too large")
	ErrUnsupported    = errors.New("unsupported architecture or format")
	ErrCorrupt        = errors.New("file is corrupt")
	ErrNoDWARF        = errors.New("binary has no debug information")
	ErrNotGo          = errors.New("not a Go binary")
	ErrBinaryMismatch = errors.New("core and binary do not belong together")
	ErrTruncated      = errors.New("file is truncated")
	ErrUnmapped       = errors.New("address is not mapped")
	ErrAbsent         = errors.New("memory is mapped but was not dumped")
)

// FormatError says what is wrong with a file, and where. It unwraps to one of
// the package's sentinels.
type FormatError struct {
	Path string
	Off  int64  // bytes from the start of the file, -1 when it is no single place
	Msg  string // lower case; never contents of the file's memory
	Err  error  // sentinel
}

// Error is one line, whatever the path holds.
func (e *FormatError) Error() string {
	if e.Off < 0 {
		return fmt.Sprintf("%s: %s", printable(e.Path), e.Msg)
	}
	return fmt.Sprintf("%s: %s (offset 0x%x)", printable(e.Path), e.Msg, e.Off)
}

// Unwrap returns the sentinel.
func (e *FormatError) Unwrap() error { return e.Err }

// AddressError is a failed read of the process's memory. It unwraps to
// ErrUnmapped, ErrTruncated or ErrAbsent. It is small: walkers of corrupt
// structures make many.
type AddressError struct {
	Addr uint64 // the first byte that is not there
	Why  Provenance
}

// Error names the address, never contents.
func (e *AddressError) Error() string {
	return "address 0x" + strconv.FormatUint(e.Addr, 16) + ": " + e.Unwrap().Error()
}

// Unwrap returns the sentinel that stands for Why.
func (e *AddressError) Unwrap() error {
	switch e.Why {
	case Truncated:
		return ErrTruncated
	case Absent:
		return ErrAbsent
	default:
		return ErrUnmapped
	}
}

// Guard calls f and turns a panic into an error that says what was being done.
// The standard library's debug/elf and debug/dwarf are not hardened against
// hostile input: call them through here. The panic's text is left out, as it
// may quote the input.
func Guard(what string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: parser panicked with %T: %w", what, r, ErrCorrupt)
		}
	}()
	return f()
}

// printable quotes a path that would break the line it is printed on.
func printable(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}
