package delvecore

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// TestTruncated: of a core that is cut off, whatever is given was in it.
func TestTruncated(t *testing.T) {
	f := coretest.Core(t, "payment")
	data, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	whole := map[uint64][]corefile.Frame{}
	b, _ := open(t, f, Options{})
	gs, _, err := b.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i := range gs {
		s, err := b.Unwind(context.Background(), &gs[i], 0)
		if err != nil {
			t.Fatal(err)
		}
		whole[gs[i].ID] = s.Frames
	}
	cut := func(data []byte, what string) {
		path := filepath.Join(t.TempDir(), "core")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		testPart(t, path, f.Bin, what, whole)
	}
	for _, permille := range []int{5, 110, 140, 500} {
		cut(data[:len(data)/1000*permille], fmt.Sprintf("%d permille", permille))
	}
	stack := whole[1]
	for _, i := range []int{1, len(stack) / 2, len(stack) - 2} {
		hole := append([]byte(nil), data...)
		shorten(t, hole, stack[i].CFA-8)
		cut(hole, fmt.Sprintf("up to frame %d of goroutine 1", i))
	}
}

// shorten makes the segment that holds addr end there: the core then claims
// that the rest of it was not dumped.
func shorten(t *testing.T, core []byte, addr uint64) {
	t.Helper()
	le := binary.LittleEndian
	off, size, n := le.Uint64(core[32:]), uint64(le.Uint16(core[54:])), uint64(le.Uint16(core[56:]))
	for i := range n {
		ph := core[off+i*size:]
		if start := le.Uint64(ph[16:]); le.Uint32(ph) == 1 && addr >= start && addr < start+le.Uint64(ph[32:]) {
			le.PutUint64(ph[32:], addr-start)
			return
		}
	}
	t.Fatalf("no segment holds %#x", addr)
}

// testPart compares the stacks of a truncated core with those of the
// whole one: each must be a part of it, and say so when it is not all.
func testPart(t *testing.T, core, bin, what string, whole map[uint64][]corefile.Frame) {
	t.Helper()
	c, err := corefile.Open(context.Background(), core, bin, corefile.Options{AllowMismatch: true})
	if err != nil {
		t.Logf("%s: %v", what, err)
		return
	}
	defer c.Close()
	types, err := gotype.New(c)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := goruntime.New(c, types, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(c, rt, Options{})
	if err != nil {
		t.Logf("%s: %v", what, err)
		return
	}
	defer b.Close()
	gs, _, err := b.Goroutines(context.Background())
	if err != nil {
		t.Logf("%s: %v", what, err)
		return
	}
	frames := 0
	for i := range gs {
		s, err := b.Unwind(context.Background(), &gs[i], 0)
		if err != nil {
			continue
		}
		want := whole[gs[i].ID]
		for j, fr := range s.Frames {
			if j >= len(want) || fr.PC != want[j].PC || fr.CFA != want[j].CFA {
				t.Errorf("%s: goroutine %d: frame %d %s is not that of the whole core", what, gs[i].ID, j, fr.Function)
				break
			}
			frames++
		}
		if len(s.Frames) < len(want) && s.End == "" {
			t.Errorf("%s: goroutine %d has %d of %d frames and no end", what, gs[i].ID, len(s.Frames), len(want))
		}
	}
	t.Logf("%s: %d goroutines, %d frames", what, len(gs), frames)
}
