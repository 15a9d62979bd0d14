package gounwind

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/internal/coretest"
)

// FuzzUnwind walks stacks of any contents, from any place.
func FuzzUnwind(f *testing.F) {
	f.Add([]byte{}, uint64(at("main.main")), uint64(gLo+64), uint64(gLo+64))
	f.Add(binary.LittleEndian.AppendUint64(nil, at("runtime.cgocallback")), at("runtime.sigtramp"), uint64(gsLo+64), uint64(gLo+64))
	f.Add([]byte{8, 16, 255}, at("runtime.systemstack"), uint64(g0Lo+64), uint64(gLo))
	f.Fuzz(func(t *testing.T, contents []byte, pc, sp, saved uint64) {
		b, mem := onThread(t, pc, sp, goruntime.Saved{PC: pc ^ 16, SP: saved, SyscallPC: pc, SyscallSP: saved, XRegs: saved})
		for _, base := range []uint64{gLo, g0Lo, gsLo} {
			// Words of the input select return addresses and stack pointers.
			for i := range uint64(smallStack / 8) {
				if len(contents) == 0 {
					break
				}
				v := uint64(contents[i%uint64(len(contents))]) + i*uint64(len(contents)&7)
				switch v % 4 {
				case 0:
					v = text + 8 + 16*(v/4%uint64(len(funcs)))
				case 1:
					v = base + v*8%smallStack
				case 2:
					v = gLo + v%smallStack
				}
				mem.put(base+8*i, v)
			}
		}
		coretest.Bounded(t, 3*smallStack, 256, func() { walkAll(t, b) })
	})
}

// walkAll walks the goroutine, waiting and running, and its thread.
func walkAll(t *testing.T, b *Backend) {
	for _, status := range []string{"waiting", "running"} {
		s, err := b.Unwind(context.Background(), &corefile.Goroutine{Addr: gAddr, ID: 1, Status: status}, 100)
		if err == nil && len(s.Frames) > 100+32+256 {
			t.Errorf("%d frames", len(s.Frames))
		}
	}
	if s, err := b.UnwindThread(context.Background(), 7, 50); err != nil || len(s.Frames) > 400 {
		t.Errorf("%d frames, %v", len(s.Frames), err)
	}
}

// FuzzFrames: any bytes are refused as call frame information, or lead
// somewhere in bounded time.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x14\x00\x00\x00\x00\x00\x00\x00\x01zR\x00\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01\x00\x00\x10\x00\x00\x00\x1c\x00\x00\x00\xe0\xff\xff\xff\x10\x00\x00\x00\x00\x0e\x10\x0a"), uint64(0x1000))
	f.Fuzz(func(t *testing.T, b []byte, pc uint64) {
		coretest.Bounded(t, len(b), 1024, func() {
			table := parseFrames(b, 0x1000)
			for i := range table {
				_, _ = table[i].row(table[i].start)
				_, _ = table[i].row(table[i].end - 1)
			}
			if e := table.find(pc); e != nil && (pc < e.start || pc >= e.end) {
				t.Errorf("%#x is outside of %#x to %#x", pc, e.start, e.end)
			}
		})
	})
}
