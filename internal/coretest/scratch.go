package coretest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"testing"
)

// Scratch is a copy of a file that is damaged and repaired again and again.
type Scratch struct {
	Path string
	data []byte // undamaged
	file *os.File
	done []Patch // that are to be taken back
}

// NewScratch writes data to path, holes where it has pages of zeros. The file
// is closed when the test ends.
func NewScratch(t testing.TB, path string, data []byte) *Scratch {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	s := &Scratch{Path: path, data: data, file: f}
	if err := s.Cut(int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return s
}

// Cut makes the file its first n bytes, undamaged.
func (s *Scratch) Cut(n int64) error {
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	if err := s.file.Truncate(n); err != nil {
		return err
	}
	var zeros [SynthPage]byte
	for off := int64(0); off < n; off += SynthPage {
		page := s.data[off:min(off+SynthPage, n)]
		if bytes.Equal(page, zeros[:len(page)]) {
			continue
		}
		if _, err := s.file.WriteAt(page, off); err != nil {
			return err
		}
	}
	s.done = nil
	return nil
}

// Damage applies patches.
func (s *Scratch) Damage(patches []Patch) error {
	for _, p := range patches {
		s.done = append(s.done, p)
		if _, err := s.file.WriteAt(p.Bytes, p.Off); err != nil {
			return err
		}
	}
	return nil
}

// Repair takes all damage back.
func (s *Scratch) Repair() error {
	for _, p := range s.done {
		if _, err := s.file.WriteAt(s.data[p.Off:p.Off+int64(len(p.Bytes))], p.Off); err != nil {
			return err
		}
	}
	s.done = nil
	return nil
}

// Inflated is an executable with its compressed debug sections unpacked, so
// that damage to them is more than a wrong checksum. They are appended; nothing
// else moves.
func Inflated(data []byte) ([]byte, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out := padTo(bytes.Clone(data), 8)
	shoff := binary.LittleEndian.Uint64(data[40:])
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_COMPRESSED == 0 {
			continue
		}
		body, err := io.ReadAll(s.Open())
		if err != nil {
			return nil, fmt.Errorf("section %s: %w", s.Name, err)
		}
		h := out[shoff+uint64(i)*synthShdr:]
		binary.LittleEndian.PutUint64(h[8:], uint64(s.Flags&^elf.SHF_COMPRESSED))
		binary.LittleEndian.PutUint64(h[24:], uint64(len(out)))
		binary.LittleEndian.PutUint64(h[32:], uint64(len(body)))
		out = append(out, body...)
	}
	return out, nil
}
