package goruntime

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// toldSite is what fixtures/memprofile said of one of its records.
type toldSite struct {
	Rate         int64    `json:"rate"`
	AllocBytes   int64    `json:"alloc_bytes"`
	FreeBytes    int64    `json:"free_bytes"`
	AllocObjects int64    `json:"alloc_objects"`
	FreeObjects  int64    `json:"free_objects"`
	Stack        []string `json:"stack"`
	Frames       []string `json:"frames"`
}

func toldSites(t *testing.T, f coretest.Files) (told []toldSite) {
	t.Helper()
	out, err := os.ReadFile(f.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out) {
		if rest, ok := bytes.CutPrefix(line, []byte("MEMPROFILE ")); ok {
			var s toldSite
			if err := json.Unmarshal(rest, &s); err != nil {
				t.Fatal(err)
			}
			told = append(told, s)
		}
	}
	return told
}

// TestMemProfileAsTold compares the memory profile in the core with what the
// program got from runtime.MemProfile and runtime.CallersFrames.
func TestMemProfileAsTold(t *testing.T) {
	f := coretest.Core(t, "memprofile")
	told := toldSites(t, f)
	rate, sites, problems := open(t, f).MemProfile()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(told) < 20 || len(sites) != len(told) || rate != told[0].Rate {
		t.Fatalf("%d sites at rate %d, the program told of %d at rate %d", len(sites), rate, len(told), told[0].Rate)
	}
	inlined, frames := 0, 0
	for i := range sites {
		got, want := siteAsTold(&sites[i], rate), told[i]
		// runtime.MemProfileRecord has room for 32 addresses.
		if n := len(want.Stack); n == 32 {
			got.Stack = got.Stack[:n]
			got.Frames = got.Frames[:len(want.Frames)]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("site %d:\n got %+v\nwant %+v", i, got, want)
		}
		frames += len(want.Frames)
		inlined += strings.Count(strings.Join(want.Frames, "\n"), "main.write ")
	}
	if inlined == 0 {
		t.Error("no site of the inlined function")
	}
	t.Logf("%d sites and %d frames are as told", len(sites), frames)
}

func siteAsTold(s *AllocSite, rate int64) toldSite {
	out := toldSite{Rate: rate, AllocBytes: s.AllocBytes, FreeBytes: s.FreeBytes, AllocObjects: s.AllocObjects, FreeObjects: s.FreeObjects}
	for _, pc := range s.Stack {
		out.Stack = append(out.Stack, fmt.Sprintf("0x%x", pc))
	}
	for _, f := range s.Frames {
		out.Frames = append(out.Frames, f.Function+" "+f.File+":"+strconv.Itoa(f.Line))
	}
	return out
}

// TestMemProfileOff: nothing is sampled in a program that does not ask for its
// profile, once the runtime knows that.
func TestMemProfileOff(t *testing.T) {
	rate, sites, problems := open(t, coretest.Core(t, "nilderef")).MemProfile()
	if rate != 0 || len(problems) > 0 {
		t.Errorf("rate %d, problems %v", rate, problems)
	}
	for i := range sites {
		if frames := sites[i].Frames; frames[len(frames)-1].Function != "runtime.rt0_go" {
			t.Errorf("a sample of %+v", frames)
		}
	}
}

// bucketAt is where the buckets of the fake profile lie.
const bucketAt = 0x9000

// profileWorld is a fake process with two buckets: 3 objects of 100 bytes were
// allocated, and 2 of 50 of which one is freed again in the collection that ended
// last. Later ones count for neither.
func profileWorld() *world {
	w := newWorld(1)
	cycle := structOf("runtime.memRecordCycle", "allocs", "frees", "alloc_bytes", "free_bytes")
	w.types["runtime.bucket"] = structOf("runtime.bucket", "next", "allnext", "typ", "hash", "size", "nstk")
	w.types["runtime.memRecordCycle"] = cycle
	w.types["runtime.memRecord"] = &gotype.Type{Name: "runtime.memRecord", Kind: reflect.Struct, Size: 4 * cycle.Size, Fields: []gotype.Field{
		{Name: "active", Type: cycle},
		{Name: "future", Offset: cycle.Size, Type: &gotype.Type{Kind: reflect.Array, Size: 3 * cycle.Size, Elem: cycle}},
	}}
	w.syms["runtime.mbuckets"] = [2]uint64{0x400, 8}
	w.syms["runtime.MemProfileRate"] = [2]uint64{0x420, 8}
	w.syms["runtime.mProfCycle"] = [2]uint64{0x440, 4}
	w.mem.put(0x400, bucketAt)
	w.mem.put(0x420, 1000)
	w.mem.put(0x440, 4<<1|1) // the ring is at 1
	w.mem.put(bucketAt, 0, bucketAt+0x1000, 1, 77, 100, 2, 0x401000, 0x402000,
		2, 0, 200, 0, 0, 0, 0, 0, 1, 0, 100, 0, 9, 0, 900, 0)
	w.mem.put(bucketAt+0x1000, bucketAt, 0, 1, 78, 50, 1, 0x403000,
		2, 0, 100, 0, 5, 5, 250, 250, 0, 1, 0, 50, 0, 0, 0, 0)
	return w
}

func TestMemProfilePublished(t *testing.T) {
	r, err := profileWorld().open()
	if err != nil {
		t.Fatal(err)
	}
	rate, sites, problems := r.MemProfile()
	want := []AllocSite{
		{Size: 100, Stack: []uint64{0x401000, 0x402000}, Frames: []report.FrameRef{{}, {}}, AllocObjects: 3, AllocBytes: 300},
		{Size: 50, Stack: []uint64{0x403000}, Frames: []report.FrameRef{{}}, AllocObjects: 2, AllocBytes: 100, FreeObjects: 1, FreeBytes: 50},
	}
	if rate != 1000 || !reflect.DeepEqual(sites, want) || len(problems) > 0 {
		t.Errorf("rate %d, sites %+v, problems %v", rate, sites, problems)
	}
	if n, bytes := sites[1].InUse(); n != 1 || bytes != 50 {
		t.Errorf("%d objects of %d bytes in use", n, bytes)
	}
	// 100/(1-exp(-100/1000)) = 1050.8
	if n, bytes := sites[0].ScaledAlloc(rate); n != 31 || bytes != 3152 {
		t.Errorf("scaled to %d objects of %d bytes", n, bytes)
	}
	if n, bytes := sites[0].ScaledInUse(1); n != 3 || bytes != 300 {
		t.Errorf("at rate 1 scaled to %d objects of %d bytes", n, bytes)
	}
}

// TestMemProfileBeforeCollections: without a collection all counts are taken.
func TestMemProfileBeforeCollections(t *testing.T) {
	w := profileWorld()
	for _, at := range []uint64{bucketAt + 64, bucketAt + 0x1000 + 56} { // active and future[1]
		b := w.mem[at&^0xfff]
		clear(b[at&0xfff:][:32])
		clear(b[at&0xfff:][64:96])
	}
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	_, sites, problems := r.MemProfile()
	if len(sites) != 2 || sites[0].AllocObjects != 9 || sites[1].FreeBytes != 250 || len(problems) > 0 {
		t.Errorf("sites %+v, problems %v", sites, problems)
	}
}

// TestMemProfileWithoutBytes: Go 1.27 counts objects only.
func TestMemProfileWithoutBytes(t *testing.T) {
	w := profileWorld()
	fields := w.types["runtime.memRecordCycle"].Fields
	w.types["runtime.memRecordCycle"].Fields = fields[:2]
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, sites, problems := r.MemProfile(); len(sites) != 2 || sites[0].AllocBytes != 300 || sites[1].FreeBytes != 50 || len(problems) > 0 {
		t.Errorf("sites %+v, problems %v", sites, problems)
	}
}

func TestMemProfileDamaged(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(*world)
		sites  int
		says   string
	}{
		{"a cycle", func(w *world) { w.mem.putWord(bucketAt+0x1000+8, bucketAt) }, 2, "does not end"},
		{"next nowhere", func(w *world) { w.mem.putWord(bucketAt+8, 0xdead000) }, 1, "not readable"},
		{"another type", func(w *world) { w.mem.putWord(bucketAt+16, 2) }, 0, "type 2"},
		{"a deep stack", func(w *world) { w.mem.putWord(bucketAt+40, 1<<40) }, 0, "return addresses"},
		{"a stack beyond memory", func(w *world) { w.mem.putWord(bucketAt+40, 100) }, 1, "stack of"},
		{"more freed than allocated", func(w *world) { w.mem.putWord(bucketAt+64+8, 1000) }, 1, "freed"},
		{"negative counts", func(w *world) { w.mem.putWord(bucketAt+64, 1<<63) }, 1, "freed"},
		{"no head", func(w *world) { delete(w.mem, 0x400) }, 0, "runtime.mbuckets"},
		{"no cycle", func(w *world) { delete(w.mem, 0x440) }, 0, "runtime.mProfCycle"},
		{"no variable", func(w *world) { delete(w.syms, "runtime.mProfCycle") }, 0, "not found"},
		{"no type", func(w *world) { delete(w.types, "runtime.memRecord") }, 0, "runtime.memRecord"},
		{"a small record", func(w *world) { w.types["runtime.memRecord"].Size = 40 }, 0, "do not hold"},
		{"no future", func(w *world) { w.types["runtime.memRecord"].Fields[1].Type.Size = 0 }, 0, "do not hold"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := profileWorld()
			test.damage(w)
			r, err := w.open()
			if err != nil {
				t.Fatal(err)
			}
			_, sites, problems := r.MemProfile()
			if len(sites) != test.sites || !slices.ContainsFunc(problems, func(p report.Problem) bool { return strings.Contains(p.Message, test.says) }) {
				t.Errorf("%d sites, problems %v; want %d and %q", len(sites), problems, test.sites, test.says)
			}
		})
	}
}

// putWord changes a word of memory that is there.
func (m fakeMemory) putWord(addr, v uint64) {
	for base, b := range m {
		if addr >= base && addr+8 <= base+uint64(len(b)) {
			binary.LittleEndian.PutUint64(b[addr-base:], v)
		}
	}
}

// FuzzMemProfile reads buckets of arbitrary bytes: bounded, and without a panic.
func FuzzMemProfile(f *testing.F) {
	w := profileWorld()
	f.Add(slices.Concat(w.mem[bucketAt], make([]byte, 0x1000-len(w.mem[bucketAt])), w.mem[bucketAt+0x1000]))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := profileWorld()
		delete(w.mem, bucketAt+0x1000)
		w.mem[bucketAt] = b
		r, err := w.open()
		if err != nil {
			t.Fatal(err)
		}
		coretest.Bounded(t, len(b), 1024, func() {
			_, sites, problems := r.MemProfile()
			for i := range sites {
				if n, bytes := sites[i].InUse(); n < 0 || bytes < 0 {
					t.Errorf("%d objects of %d bytes are in use", n, bytes)
				}
			}
			if len(problems) > maxProblems {
				t.Errorf("%d problems", len(problems))
			}
		})
	})
}
