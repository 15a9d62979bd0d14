package goscope

import (
	"debug/elf"
	"testing"

	"github.com/safedump/sdcore/corefile"
)

// textMemory is the text of a program, as far as it is in the file.
type textMemory struct{ *elf.Section }

func (m textMemory) Read(buf []byte, addr uint64) error {
	if addr < m.Addr || addr-m.Addr > m.Size || m.Size-(addr-m.Addr) < uint64(len(buf)) {
		return corefile.ErrUnmapped
	}
	_, err := m.ReadAt(buf, int64(addr-m.Addr))
	return err
}

// TestNeverReturns decodes calls of the zoo: some end in a panic, most do not.
func TestNeverReturns(t *testing.T) {
	p := openProgram(t)
	p.f.src.memory = textMemory{p.elf.Section(".text")}
	ends, returns := map[string]int{}, 0
	p.each(func(fn funcRef, name string, pc uint64) {
		target, ok := p.f.callTarget(pc)
		if !ok {
			return
		}
		to, entry, _, ok := p.f.Function(target)
		if !ok || entry != target {
			return // an operand that looks like a call
		}
		if p.f.neverReturns(pc) {
			ends[to]++
		} else {
			returns++
		}
	})
	if returns < 100 || len(ends) == 0 {
		t.Errorf("%d calls return, %v do not", returns, ends)
	}
	if ends["runtime.panicBounds"]+ends["runtime.panicIndex"]+ends["runtime.goPanicIndex"] == 0 {
		t.Errorf("no bounds check among %v", ends)
	}
	for name := range ends {
		if !isNoReturn(name) {
			t.Errorf("%s returns", name)
		}
	}
}

func TestIsNoReturn(t *testing.T) {
	for name, want := range map[string]bool{
		"runtime.gopanic": true, "runtime.panicIndex": true, "runtime.panicBounds": true, "runtime.panicdivide": true,
		"runtime.throw": true, "runtime.fatal": true, "runtime.block": true, "runtime.goPanicSliceB": true,
		"runtime.mallocgc": false, "runtime.blockevent": false, "runtime.panicCheck1": false, "main.panicIndex": false, "runtime.chanrecv1": false, "runtime.gopark": false, "": false,
	} {
		if got := isNoReturn(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
