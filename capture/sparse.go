package capture

import (
	"bytes"
	"io"
	"os"
)

// sparseWriter leaves holes where delve writes zeros: it copies mappings whole,
// and a Go program reserves far more than it touches. Close sets the size of
// the file and leaves it open.
type sparseWriter struct {
	file *os.File
	pos  int64
	size int64
}

const holeSize = 4096

// Write writes the pieces of p that are not zero.
func (w *sparseWriter) Write(p []byte) (int, error) {
	var zero [holeSize]byte
	for done := 0; done < len(p); {
		piece := p[done:min(len(p), done+holeSize)]
		// A piece that overwrites something must be written even when zero.
		if w.pos < w.size || !bytes.Equal(piece, zero[:len(piece)]) {
			if n, err := w.file.WriteAt(piece, w.pos); err != nil {
				return done + n, err
			}
		}
		done += len(piece)
		w.pos += int64(len(piece))
	}
	w.size = max(w.size, w.pos)
	return len(p), nil
}

// Seek sets the place of the next Write.
func (w *sparseWriter) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += w.pos
	case io.SeekEnd:
		offset += w.size
	default:
		return 0, os.ErrInvalid
	}
	if offset < 0 {
		return 0, os.ErrInvalid
	}
	w.pos = offset
	return offset, nil
}

// Close gives the file its size, holes at the end included.
func (w *sparseWriter) Close() error { return w.file.Truncate(w.size) }
