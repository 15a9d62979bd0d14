package corefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// stream unpacks a compressed file. Its Read ends with io.EOF, with
// errTrailing when something else follows the compressed data, or with what is
// wrong with them.
type stream interface {
	io.Reader
	// Claimed is the unpacked size that the first frame claims, 0 when it
	// claims none.
	Claimed() uint64
}

// errTrailing ends a stream behind which there are bytes of something else.
var errTrailing = errors.New("data follow the compressed data")

// packedReader reads a compressed file and knows how far it got. It must not
// have the methods of bytes.Buffer: zstd would then decode in memory.
type packedReader struct {
	data []byte
	off  int
}

func (r *packedReader) Read(p []byte) (int, error) {
	if r.off >= len(r.data) {
		return 0, io.EOF
	}
	n := copy(p, r.data[r.off:])
	r.off += n
	return n, nil
}

// ReadByte makes deflate read no further than it has to.
func (r *packedReader) ReadByte() (byte, error) {
	if r.off >= len(r.data) {
		return 0, io.EOF
	}
	r.off++
	return r.data[r.off-1], nil
}

// rest is what was not read yet.
func (r *packedReader) rest() []byte { return r.data[r.off:] }

// maxWindow bounds how far back zstd may refer, which is what a decoder has to
// keep in memory. It is the limit of the zstd command too.
const maxWindow = 128 << 20

// windowError is a file that would take too much memory to unpack.
type windowError struct{ need uint64 }

func (e *windowError) Error() string {
	return fmt.Sprintf("needs a window of %d bytes, more than %d: run `zstd -d --long=31` on it first", e.need, maxWindow)
}

// zstdReader reads frames of zstd that follow each other.
type zstdReader struct {
	src *packedReader
	dec *zstd.Decoder
	fcs uint64
}

func zstdStream(src *packedReader) (stream, error) {
	z := &zstdReader{src: src}
	var h zstd.Header
	if err := h.Decode(src.data); err == nil && !h.Skippable {
		if h.HasFCS {
			z.fcs = h.FrameContentSize
		}
		window := h.WindowSize
		if h.SingleSegment {
			window = h.FrameContentSize
		}
		if window > maxWindow {
			return nil, &windowError{window}
		}
	}
	// One block after the other, in this goroutine: a parser that panics in
	// one of its own could not be stopped from ending the process.
	dec, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	z.dec = dec
	return z, err
}

func (z *zstdReader) Claimed() uint64 { return z.fcs }

func (z *zstdReader) Read(p []byte) (int, error) {
	n, err := z.dec.Read(p)
	if errors.Is(err, zstd.ErrMagicMismatch) {
		z.src.off -= min(z.src.off, 4) // the magic number that is none
		err = errTrailing
	}
	return n, err
}

// Close releases the decoder's buffers.
func (z *zstdReader) Close() error {
	z.dec.Close()
	return nil
}

const gzipMagic = "\x1f\x8b"

// gzipReader reads members of gzip that follow each other.
type gzipReader struct {
	src *packedReader
	dec *gzip.Reader
}

func gzipStream(src *packedReader) (stream, error) {
	dec, err := gzip.NewReader(src)
	if err != nil {
		return nil, err
	}
	dec.Multistream(false)
	return &gzipReader{src, dec}, nil
}

func (*gzipReader) Claimed() uint64 { return 0 }

func (z *gzipReader) Read(p []byte) (int, error) {
	n, err := z.dec.Read(p)
	if err != io.EOF {
		return n, err
	}
	switch rest := z.src.rest(); {
	case len(bytes.TrimLeft(rest, "\x00")) == 0:
		return n, io.EOF // tapes and block devices pad with zeros
	case !bytes.HasPrefix(rest, []byte(gzipMagic)):
		return n, errTrailing
	}
	if err := z.dec.Reset(z.src); err != nil {
		return n, noEOF(err)
	}
	z.dec.Multistream(false)
	return n, nil
}

// noEOF is err where the end of the file must not be.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

const lz4Magic = "\x04\x22\x4d\x18"

// lz4Reader reads frames of lz4 that follow each other. The decoder gets one
// frame at a time: on its own it would go on with frames of the old format,
// whose headers it skips recursively.
type lz4Reader struct {
	src *packedReader
	dec *lz4.Reader
	end int // of the frame that is being read
	fcs uint64
}

func lz4Stream(src *packedReader) (stream, error) {
	z := &lz4Reader{src: src, dec: lz4.NewReader(nil)}
	if err := z.next(); err != nil {
		return nil, noEOF(err)
	}
	if h := src.rest(); len(h) >= 14 && h[4]&8 != 0 {
		z.fcs = binary.LittleEndian.Uint64(h[6:])
	}
	return z, nil
}

func (z *lz4Reader) Claimed() uint64 { return z.fcs }

func (z *lz4Reader) Read(p []byte) (int, error) {
	n, err := z.dec.Read(p)
	if err != io.EOF {
		return n, err
	}
	z.src.off = z.end
	return n, z.next()
}

// next starts the next frame, behind those that are to be skipped.
func (z *lz4Reader) next() error {
	for {
		rest := z.src.rest()
		switch {
		case len(rest) == 0:
			return io.EOF
		case len(rest) >= 8 && binary.LittleEndian.Uint32(rest)&^0xf == 0x184D2A50:
			size := uint64(binary.LittleEndian.Uint32(rest[4:]))
			if size > uint64(len(rest)-8) {
				return io.ErrUnexpectedEOF
			}
			z.src.off += 8 + int(size)
			continue
		case !bytes.HasPrefix(rest, []byte(lz4Magic)):
			return errTrailing
		}
		z.end = z.src.off + lz4FrameSize(rest)
		z.dec.Reset(&lz4Frame{z.src, z.end})
		return nil
	}
}

// lz4Frame reads up to the end of a frame.
type lz4Frame struct {
	src *packedReader
	end int
}

func (f *lz4Frame) Read(p []byte) (int, error) {
	if f.src.off >= f.end {
		return 0, io.EOF
	}
	return f.src.Read(p[:min(len(p), f.end-f.src.off)])
}

// lz4FrameSize measures the frame that data begin with, all of data when it
// does not end: magic number, flags, sizes, checksum, then blocks, each behind
// its size, up to one of size zero. Source: doc/lz4_Frame_format.md, lz4 1.10.
func lz4FrameSize(data []byte) int {
	const blockSums, hasSize, sum, hasDict = 16, 8, 4, 1
	if len(data) < 7 {
		return len(data)
	}
	flags := data[4]
	at := 7
	if flags&hasSize != 0 {
		at += 8
	}
	if flags&hasDict != 0 {
		at += 4
	}
	for len(data)-at >= 4 {
		size := int(binary.LittleEndian.Uint32(data[at:]) &^ (1 << 31))
		at += 4
		if size == 0 {
			if flags&sum != 0 {
				at += 4
			}
			return min(at, len(data))
		}
		if flags&blockSums != 0 {
			size += 4
		}
		if size > len(data)-at {
			break
		}
		at += size
	}
	return len(data)
}
