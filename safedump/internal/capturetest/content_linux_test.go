//go:build amd64 || arm64

package capturetest

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/safedump/sdcore/safedump"
)

// witness is looked up in the core.
type witness struct {
	magic [4]uint64
	text  [64]byte
}

// TestContent captures this very process and reads it back: memory by address,
// the thread, the process, the files.
func TestContent(t *testing.T) {
	w := &witness{magic: [4]uint64{0x5afed0, 1, 2, 0xc0ffee}}
	copy(w.text[:], "the state at the moment of the capture")
	dir := t.TempDir()
	result, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: dir, Reason: "a reason",
		Err: fmt.Errorf("charge: %w", errors.Join(io.ErrUnexpectedEOF, os.ErrPermission))})
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(w)), unsafe.Sizeof(*w))...)
	copy(w.text[:], "another state, later")
	f := openCore(t, result.Path)
	if got := readAt(t, f, uint64(uintptr(unsafe.Pointer(w))), len(want)); !bytes.Equal(got, want) {
		t.Errorf("memory of %p: %q, want %q", w, got, want)
	}
	if result.Written < 1<<20 || result.Written > result.Size || result.Unreadable != 0 || result.Copied < 0 {
		t.Errorf("%+v", result)
	}
	notes := noteData(t, f)
	le := binary.LittleEndian
	if tid := int(le.Uint32(notes[1][32:])); tid == 0 || le.Uint32(notes[1]) != 0 {
		t.Errorf("thread %d, signal %d", tid, le.Uint32(notes[1]))
	}
	if pid := int(le.Uint32(notes[3][24:])); pid != os.Getpid() {
		t.Errorf("NT_PRPSINFO says process %d, this is %d", pid, os.Getpid())
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(notes[0x46494c45], []byte(exe)) {
		t.Error("NT_FILE lacks the executable")
	}
	checkSidecar(t, result)
	if left := files(dir); len(strings.Fields(left)) != 2 {
		t.Errorf("files: %s", left)
	}
}

func checkSidecar(t *testing.T, result safedump.Result) {
	t.Helper()
	b, err := os.ReadFile(result.Sidecar)
	if err != nil {
		t.Fatal(err)
	}
	type errorRecord struct {
		Type, Package, Message string
		Wraps                  []errorRecord
	}
	var sc struct {
		PID     int
		Core    struct{ Path string }
		Capture struct {
			Reason string
			Error  errorRecord
			Caller struct {
				Function, File string
				Line           int
			}
			Written int64 `json:"written_bytes"`
		}
	}
	if err := json.Unmarshal(b, &sc); err != nil {
		t.Fatal(err)
	}
	c := sc.Capture
	if sc.PID != os.Getpid() || sc.Core.Path != result.Path || c.Reason != "a reason" || c.Written != result.Written {
		t.Errorf("%s", b)
	}
	if c.Error.Type != "*fmt.wrapError" || c.Error.Package != "fmt" || c.Error.Message != "charge: unexpected EOF\npermission denied" ||
		len(c.Error.Wraps) != 1 || len(c.Error.Wraps[0].Wraps) != 2 || c.Error.Wraps[0].Wraps[1].Message != "permission denied" {
		t.Errorf("error %+v", c.Error)
	}
	if !strings.HasSuffix(c.Caller.Function, "capturetest.TestContent") || filepath.Base(c.Caller.File) != "content_linux_test.go" || c.Caller.Line == 0 {
		t.Errorf("caller %+v", c.Caller)
	}
	if info, err := os.Stat(result.Sidecar); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func readAt(t *testing.T, f *elf.File, addr uint64, n int) []byte {
	t.Helper()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Vaddr <= addr && addr+uint64(n) <= p.Vaddr+p.Filesz {
			b := make([]byte, n)
			if _, err := p.ReadAt(b, int64(addr-p.Vaddr)); err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("%#x is not in the core", addr)
	return nil
}

// noteData returns the first note of each type.
func noteData(t *testing.T, f *elf.File) map[uint32][]byte {
	t.Helper()
	notes := map[uint32][]byte{}
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE {
			continue
		}
		b, err := io.ReadAll(p.Open())
		if err != nil {
			t.Fatal(err)
		}
		le := binary.LittleEndian
		for len(b) >= 12 {
			name, size, kind := int(le.Uint32(b)+3)&^3, int(le.Uint32(b[4:])), le.Uint32(b[8:])
			data := b[12+name:][:size]
			if notes[kind] == nil {
				notes[kind] = data
			}
			b = b[12+name+(size+3)&^3:]
		}
	}
	return notes
}
