package capture

import (
	"bytes"
	"errors"
	"os"
)

// pieceSize is how much is read and written at once, poolSize how many pieces
// may wait to be written: so much later than the reading the writing may end.
const (
	pieceSize = 1 << 20
	poolSize  = 64
)

// sparsePool writes pieces of a file in the background, so that a process stands
// still for the reading only, and leaves holes for pages that are zero.
type sparsePool struct {
	file   *os.File
	failed func(error) // is told the first error of a write, at once
	free   chan []byte // what was written
	unmade int         // pieces that nobody has needed yet
	queue  chan placed
	done   chan struct{}
	copied int64
	err    error
}

// placed is a piece with its place in the file.
type placed struct {
	b  []byte
	at uint64
}

func newSparsePool(file *os.File, failed func(error)) *sparsePool {
	p := &sparsePool{file: file, failed: failed, free: make(chan []byte, poolSize), unmade: poolSize, queue: make(chan placed, poolSize), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for piece := range p.queue {
			if p.err == nil {
				if p.err = p.pages(piece.b, piece.at); p.err != nil {
					p.failed(p.err)
				}
			}
			p.free <- piece.b[:cap(piece.b)]
		}
	}()
	return p
}

// buffer returns a free piece; write gives it back.
func (p *sparsePool) buffer() []byte {
	select {
	case b := <-p.free:
		return b
	default:
	}
	if p.unmade > 0 {
		p.unmade--
		return make([]byte, pieceSize)
	}
	return <-p.free
}

// write queues a piece that buffer returned, or the beginning of one.
func (p *sparsePool) write(b []byte, at uint64) { p.queue <- placed{b, at} }

// close waits until all is written.
func (p *sparsePool) close() (copied int64, err error) {
	close(p.queue)
	<-p.done
	return p.copied, p.err
}

// pages writes b without its pages that are zero.
func (p *sparsePool) pages(b []byte, at uint64) error {
	var zero [pageSize]byte
	isZero := func(i int) bool { return bytes.Equal(b[i:i+pageSize], zero[:]) }
	if len(b)%pageSize != 0 {
		return errors.New("not whole pages")
	}
	for i := 0; i < len(b); {
		j := i
		for j < len(b) && !isZero(j) {
			j += pageSize
		}
		if i == j {
			i += pageSize
			continue
		}
		if _, err := p.file.WriteAt(b[i:j], int64(at)+int64(i)); err != nil {
			return err
		}
		p.copied += int64(j - i)
		i = j
	}
	return nil
}
