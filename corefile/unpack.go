package corefile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/safedump/sdcore/report"
)

const (
	unpackBuffer = 1 << 20 // bytes unpacked at a time, a multiple of holeUnit
	maxIdle      = 100     // reads without any progress, before a decoder counts as stuck
)

// unpacking is how the unpacking of a core went.
type unpacking struct {
	format   string
	packed   int   // bytes of the compressed file
	used     int   // of them read
	size     int64 // bytes unpacked
	trailing int   // bytes behind the compressed data
	err      error // why it ended before its end, nil when it did not
}

// unpackCore replaces a compressed core by what is in it, in a private
// temporary file that is gone when it is closed or the process ends. The result
// is nil, and f untouched, when f is not compressed. What could be unpacked of
// a stream that ends early or is corrupt is kept.
func unpackCore(ctx context.Context, f *file, o Options) (*file, *unpacking, error) {
	kind, ok := compression(f.data)
	if !ok || kind.stream == nil {
		return nil, nil, nil
	}
	out, err := newSparseFile(o.tempDirs())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: is compressed with %s and can't be unpacked: %w", printable(f.path), kind.name, err)
	}
	limit := o.MaxUnpacked
	if limit <= 0 {
		limit = out.room
	}
	u := &unpacking{format: kind.name, packed: len(f.data)}
	data, err := u.run(ctx, kind, f, out, limit, o.Progress)
	if err != nil {
		out.f.Close()
		return nil, nil, err
	}
	return &file{path: f.path + " (unpacked)", data: data, mod: f.mod, temp: out.f}, u, nil
}

// run unpacks f into out and maps the result.
func (u *unpacking) run(ctx context.Context, kind format, f *file, out *sparseFile, limit int64, progress func(string, int, int)) ([]byte, error) {
	src := &packedReader{data: f.data}
	report := func() {
		if progress != nil {
			progress("unpacking the core ("+kind.name+")", src.off, len(src.data))
		}
	}
	var fatal error
	err := Guard("unpack "+kind.name, func() error {
		in, err := kind.stream(src)
		if err != nil {
			return err
		}
		if c, ok := in.(io.Closer); ok {
			defer c.Close()
		}
		if in.Claimed() > uint64(limit) {
			fatal = tooLarge(f.path, kind, fmt.Sprintf("claims to hold %d bytes", in.Claimed()), limit)
			return nil
		}
		fatal, err = copyStream(ctx, out, in, src, limit, report)
		return err
	})
	u.used, u.size = src.off, out.size
	var window *windowError
	switch {
	case errors.Is(fatal, errNoRoom):
		return nil, tooLarge(f.path, kind, fmt.Sprintf("holds more than %d bytes", out.size), min(limit, out.room))
	case fatal != nil:
		return nil, fatal
	case errors.As(err, &window):
		return nil, &FormatError{f.path, -1, "is compressed with " + kind.name + " and " + window.Error(), ErrCompressed}
	case errors.Is(err, errTrailing):
		u.trailing = len(src.rest())
	default:
		u.err = err
	}
	if out.size == 0 {
		return nil, u.nothing(f.path)
	}
	return out.finish()
}

// copyStream copies in to out. fatal is what makes the copy useless: no space,
// a bound, a cancelled context; err is what is wrong with the stream.
func copyStream(ctx context.Context, out *sparseFile, in io.Reader, src *packedReader, limit int64, report func()) (fatal, err error) {
	buf := make([]byte, unpackBuffer)
	for err == nil {
		if fatal = ctx.Err(); fatal != nil {
			return fatal, nil
		}
		var n int
		n, err = fill(in, src, buf)
		if out.size+int64(n) > limit {
			return errNoRoom, nil
		}
		if fatal = out.append(buf[:n]); fatal != nil {
			return fatal, nil
		}
		report()
	}
	if err == io.EOF {
		err = nil
	}
	return nil, err
}

// fill reads until buf is full or the stream ends.
func fill(in io.Reader, src *packedReader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil; {
		before := src.off
		var m int
		m, err = in.Read(buf[n:])
		n += m
		if idle++; m > 0 || src.off > before {
			idle = 0
		}
		if idle > maxIdle {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

// tooLarge refuses a core that does not fit, or a bomb.
func tooLarge(path string, kind format, what string, limit int64) error {
	msg := fmt.Sprintf("is compressed with %s and %s: at most %d may be unpacked", kind.name, what, limit)
	return &FormatError{path, -1, msg, ErrTooLarge}
}

// nothing is the error for a stream that is broken at its start.
func (u *unpacking) nothing(path string) error {
	sentinel := ErrCorrupt
	if errors.Is(u.err, io.ErrUnexpectedEOF) || errors.Is(u.err, io.EOF) {
		sentinel = ErrTruncated
	}
	if u.err == nil {
		return &FormatError{path, -1, "is compressed with " + u.format + " and holds nothing", ErrEmpty}
	}
	return &FormatError{path, int64(u.used), "is compressed with " + u.format + ", of which nothing can be unpacked: " + u.reason(), sentinel}
}

// problems says what is wrong with the compressed file, nothing when all is well.
func (u *unpacking) problems() []report.Problem {
	var out []report.Problem
	add := func(missing bool, format string, args ...any) {
		out = append(out, report.Problem{Stage: "corefile", Subject: "core", Message: fmt.Sprintf(format, args...), Missing: missing})
	}
	if u.err != nil {
		add(true, "is compressed with %s and %s after %d of %d bytes: %d bytes were unpacked", u.format, u.reason(), u.used, u.packed, u.size)
	}
	if u.trailing > 0 {
		add(false, "is followed by %d bytes that are not compressed with %s and were left out", u.trailing, u.format)
	}
	return out
}

// reason says why unpacking ended. The decoders' own texts are left out unless
// they are known not to quote the input.
func (u *unpacking) reason() string {
	switch err := u.err; {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "ends early"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch), errors.Is(err, lz4.ErrInvalidFrameChecksum), errors.Is(err, lz4.ErrInvalidBlockChecksum):
		return "has a wrong checksum, so that values may be wrong,"
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return "needs a dictionary"
	case errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return "needs too large a window"
	}
	return "is corrupt, so that values may be wrong,"
}

// tempDirs are where temporary files may lie. /tmp is often kept in memory,
// where a core has no business.
func (o *Options) tempDirs() []string {
	if o.TempDir != "" {
		return []string{o.TempDir}
	}
	return []string{"/var/tmp", "/tmp"}
}

// FilePath is a path under which this process can open the bytes of the core,
// for code that does not read them through Memory: Path itself, or that of the
// temporary file without a name that a compressed core was unpacked into.
func (c *Core) FilePath() string {
	if c.file == nil || c.file.temp == nil {
		return c.path
	}
	return fmt.Sprintf("/proc/self/fd/%d", c.file.temp.Fd())
}
