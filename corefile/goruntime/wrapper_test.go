package goruntime

import (
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
)

// wrapperCode is what Go 1.26 makes of `defer s.close(x)`, and with -race.
const (
	wrapperCode = "\x55" + "\x48\x89\xe5" + "\x48\x83\xec\x18" + // PUSHQ BP; MOVQ SP, BP; SUBQ $24, SP
		"\x48\x8b\x5a\x10" + "\x48\x8b\x42\x08" + // MOVQ 16(DX), BX; MOVQ 8(DX), AX
		"\xe8\x2b\x00\x00\x00" // CALL main.close, 64 bytes behind the start
	raceCode = "\x55" + "\x48\x89\xe5" + "\x48\x83\xec\x18" +
		"\x48\x8b\x4a\x08" + "\x48\x89\x4c\x24\x08" + // MOVQ 8(DX), CX; MOVQ CX, 8(SP)
		"\xe8\x3a\x00\x00\x00" + // CALL runtime.racefuncenter, 80 bytes behind the start
		"\x48\x8b\x44\x24\x08" + "\xe8\x20\x00\x00\x00" // MOVQ 8(SP), AX; CALL main.close
	dynamicCode = "\x48\x8b\x4a\x08" + "\x48\x8b\x42\x10" + "\x48\x8b\x49\x18" + "\xff\xd1" // itab, data; MOVQ 24(CX), CX; CALL CX
	loopCode    = "\xeb\xfe"                                                                // JMP to itself
)

func TestWrapped(t *testing.T) {
	cases := []struct {
		name, code string
		ax, bx     uint64 // of the call, 0 when not known
		ok         bool
	}{
		{"a method with an argument", wrapperCode, 0x1111, 0x2222, true},
		{"the race detector", raceCode, 0x1111, 0, true},
		{"through an interface", dynamicCode, 0x2222, 0, true},
		{"a loop", loopCode, 0, 0, false},
		{"nothing", "\xc3", 0, 0, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(1)
			r, err := w.open()
			if err != nil {
				t.Fatal(err)
			}
			if r.table, err = pclntab.New(coretest.FuncTable([]coretest.TableFunc{
				{Name: "main.f.deferwrap1", Size: 64}, {Name: "main.close", Size: 16}, {Name: "runtime.racefuncenter", Size: 16},
			}), pclntab.Options{Text: openText}); err != nil {
				t.Fatal(err)
			}
			w.mem[openText] = append([]byte(tc.code), make([]byte, 96-len(tc.code))...)
			w.mem.put(0x9000, openText, 0x1111, 0x2222)
			if tc.code == dynamicCode {
				w.mem.put(0x9000, openText, 0x9100, 0x2222)
				w.mem.put(0x9100, 0, 0, 0, openText+64)
			}
			c, ok := r.Wrapped(0x9000)
			if ok != tc.ok {
				t.Fatalf("followed: %v", ok)
			}
			if !ok {
				return
			}
			if c.Frame.Function != "main.close" || c.Frame.Entry != openText+64 {
				t.Errorf("it calls %s at %#x", c.Frame.Function, c.Frame.Entry)
			}
			for reg, want := range map[uint64]uint64{0: tc.ax, 3: tc.bx} {
				if got, known := register(c.Frame.Regs, reg); got != want || known != (want != 0) {
					t.Errorf("register %d is %#x, known: %v", reg, got, known)
				}
			}
			if sp, _ := register(c.Frame.Regs, corefile.RegRSP); !c.OnStack(sp) {
				t.Errorf("stack pointer %#x", sp)
			}
		})
	}
}

// TestNoWrapper: what is no wrapper is not followed.
func TestNoWrapper(t *testing.T) {
	_, r := openWorld(t, []byte(wrapperCode))
	for _, closure := range []uint64{0x9000, 0, 0xdead} {
		if _, ok := r.Wrapped(closure); ok {
			t.Errorf("func value at %#x was followed", closure)
		}
	}
}
