package delvecore

import (
	"bytes"
	"testing"

	"github.com/safedump/sdcore/corefile"
)

func bytesBuffer(b []byte) *bytes.Buffer { return bytes.NewBuffer(append([]byte(nil), b...)) }

func run(n int, pc uint64) []corefile.Frame {
	out := make([]corefile.Frame, n)
	for i := range out {
		out[i] = corefile.Frame{Function: "main.rec", PC: pc, CFA: uint64(0x1000 + 16*i)}
	}
	return out
}

func TestFold(t *testing.T) {
	for _, n := range []int{0, 1, 2, 64, 65, 1000} {
		in := append(append(run(1, 7), run(n, 8)...), run(1, 9)...)
		total := 0
		out := fold(in)
		for _, f := range out {
			total += max(f.Repeat, 1)
		}
		if total != len(in) {
			t.Errorf("%d frames: folded to %d that stand for %d", len(in), len(out), total)
		}
		if n > 64 && len(out) > 60 || n <= 64 && len(out) != len(in) {
			t.Errorf("%d frames: folded to %d", len(in), len(out))
		}
		if last := out[len(out)-1]; last.PC != 9 {
			t.Errorf("%d frames: the last one is %#x", len(in), last.PC)
		}
	}
}

func TestBroken(t *testing.T) {
	frames := []corefile.Frame{
		{Function: "runtime.sigtrampgo", CFA: 100}, {CFA: 200}, {CFA: 300}, {CFA: 300}, {CFA: 300},
	}
	if n := broken(frames); n != 3 {
		t.Errorf("good frames: %d", n)
	}
	if n := broken(frames[:3]); n != 3 {
		t.Errorf("of three: %d", n)
	}
	if n := broken(nil); n != 0 {
		t.Errorf("of none: %d", n)
	}
}
