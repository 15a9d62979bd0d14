package vars

import (
	"fmt"
	"math/big"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// named gives a type a name in a package.
func named(t *gotype.Type, pkg, name string) *gotype.Type {
	c := *t
	c.Name, c.Package = name, pkg
	return &c
}

// timeWords are the first two words of a time.Time, as Go has it in memory.
func timeWords(t time.Time) (wall, ext uint64) {
	p := (*[2]uint64)(unsafe.Pointer(&t))
	return p[0], p[1]
}

func TestTimeSummary(t *testing.T) {
	typ := named(structOf("", 24, field("wall", 0, uintType), field("ext", 8, intType), field("loc", 16, uintType)), "time", "time.Time")
	for _, at := range []time.Time{
		time.Now(),
		{},
		time.Unix(0, 0),
		time.Date(2026, 11, 20, 23, 59, 58, 987654321, time.UTC),
		time.Date(1969, 7, 20, 20, 17, 40, 0, time.FixedZone("EDT", -4*3600)),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		w := newWorld()
		wall, ext := timeWords(at)
		v := w.reader(Options{}).Value(typ, w.words(wall, ext, 0xdead0000))
		if want := at.UTC().Format(time.RFC3339Nano); v.Text != want || len(v.Children) != 3 {
			t.Errorf("%s, want %s", v.Text, want)
		}
	}
	for _, bad := range [][2]uint64{{1<<30 - 1, 5}, {0, 1 << 63}, {0, 1<<63 - 1}, {0, 253402300800 + secondsTo1970}} {
		w := newWorld()
		if v := w.reader(Options{}).Value(typ, w.words(bad[0], bad[1], 0)); v.Text != "" || v.State != report.StateOK {
			t.Errorf("%x: %+v", bad, v)
		}
	}
}

func TestDurationSummary(t *testing.T) {
	typ := named(scalarOf("", reflect.Int64), "time", "time.Duration")
	w := newWorld()
	v := w.reader(Options{}).Value(typ, w.words(uint64(90*time.Second)))
	if v.Text != "1m30s" || v.Children[0].Value.Text != "90000000000" || v.Children[0].Value.Type != "int64" {
		t.Errorf("%+v", v)
	}
	typ.Name = "main.Duration"
	if v = w.reader(Options{}).Value(typ, w.words(5)); v.Text != "5" || len(v.Children) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestSyncSummaries(t *testing.T) {
	i32, u32, u64 := scalarOf("int32", reflect.Int32), scalarOf("uint32", reflect.Uint32), scalarOf("uint64", reflect.Uint64)
	wrap := func(name string, size int64, t *gotype.Type) *gotype.Type {
		return named(structOf("", size, field("v", 0, t)), "sync/atomic", "sync/atomic."+name)
	}
	inner := named(structOf("", 8, field("state", 0, i32), field("sema", 4, u32)), "internal/sync", "internal/sync.Mutex")
	mutex := named(structOf("", 8, field("mu", 0, inner)), "sync", "sync.Mutex")
	rw := named(structOf("", 24, field("w", 0, mutex), field("writerSem", 8, u32), field("readerSem", 12, u32),
		field("readerCount", 16, wrap("Int32", 4, i32)), field("readerWait", 20, wrap("Int32", 4, i32))), "sync", "sync.RWMutex")
	wg := named(structOf("", 16, field("state", 0, wrap("Uint64", 8, u64)), field("sema", 8, u32)), "sync", "sync.WaitGroup")
	once := named(structOf("", 12, field("done", 0, wrap("Bool", 4, u32)), field("m", 4, mutex)), "sync", "sync.Once")
	neg := func(n, wait int32) uint64 { return uint64(uint32(n)) | uint64(uint32(wait))<<32 }
	for _, tt := range []struct {
		t    *gotype.Type
		w    []uint64
		want string
	}{
		{mutex, []uint64{0}, "unlocked"},
		{mutex, []uint64{1}, "locked"},
		{mutex, []uint64{3<<3 | 1}, "locked, 3 waiting"},
		{mutex, []uint64{1<<3 | 5}, "locked, 1 waiting, starving"},
		{rw, []uint64{0, 0, 0}, "unlocked"},
		{rw, []uint64{0, 0, neg(2, 0)}, "read-locked by 2"},
		{rw, []uint64{1, 0, neg(-1<<30, 0)}, "locked"},
		{rw, []uint64{1, 0, neg(-1<<30+3, 0)}, "locked, 3 readers waiting"},
		{rw, []uint64{1, 0, neg(-1<<30+3, 2)}, "read-locked by 2, a writer waiting, 1 readers waiting"},
		{wg, []uint64{3<<32 | 2, 0}, "counter 3, 2 waiting"},
		{wg, []uint64{0, 0}, "counter 0"},
		{once, []uint64{1, 0}, "done"},
		{once, []uint64{0, 0}, "not done"},
		{once, []uint64{1 << 32, 0}, "running"},
		{wrap("Int64", 8, scalarOf("int64", reflect.Int64)), []uint64{^uint64(6)}, "-7"},
		{wrap("Bool", 4, u32), []uint64{1}, "true"},
		{wrap("Bool", 4, u32), []uint64{7}, ""},
	} {
		w := newWorld()
		v := w.reader(Options{}).Value(tt.t, w.words(tt.w...))
		if v.Text != tt.want || len(v.Children) != len(tt.t.Fields) {
			t.Errorf("%s %x: %q, want %q", tt.t.Name, tt.w, v.Text, tt.want)
		}
	}
}

func TestNetAndBigSummaries(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	ip := named(sliceOf(byteType), "net", "net.IP")
	v := r.Value(ip, w.words(w.alloc([]byte{192, 0, 2, 1}), 4, 4))
	if v.Text != "192.0.2.1" || v.Kind != report.KindSlice || v.Children[3].Value.Text != "1" {
		t.Errorf("%+v", v)
	}
	if v = r.Value(ip, w.words(w.alloc([]byte{192, 0, 2}), 3, 3)); v.Text != "" {
		t.Errorf("%+v", v)
	}

	nat := named(sliceOf(uintType), "math/big", "math/big.nat")
	bigInt := named(structOf("", 32, field("neg", 0, scalarOf("bool", reflect.Bool)), field("abs", 8, nat)), "math/big", "math/big.Int")
	n := new(big.Int).Lsh(big.NewInt(-3), 100)
	v = r.Value(bigInt, w.words(1, w.words(0, 3<<36), 2, 2))
	if v.Text != fmt.Sprint(n) {
		t.Errorf("%s, want %s", v.Text, n)
	}

	u128 := named(structOf("", 16, field("hi", 0, uintType), field("lo", 8, uintType)), "net/netip", "net/netip.uint128")
	detail := named(structOf("", 24, field("isV6", 0, scalarOf("bool", reflect.Bool)), field("zoneV6", 8, stringType)), "net/netip", "net/netip.addrDetail")
	handle := named(structOf("", 8, field("value", 0, ptrTo(detail))), "unique", "unique.Handle[net/netip.addrDetail]")
	addr := named(structOf("", 24, field("addr", 0, u128), field("z", 16, handle)), "net/netip", "net/netip.Addr")
	for _, tt := range []struct {
		w    []uint64
		want string
	}{
		{[]uint64{0, 0xffff_c0000201, w.words(0, 0, 0)}, "192.0.2.1"},
		{[]uint64{0x20010db8 << 32, 1, w.words(1, 0, 0)}, "2001:db8::1"},
		{[]uint64{0, 0, 0}, "invalid IP"},
		{[]uint64{0, 0, 0x10}, ""},
	} {
		if v = r.Value(addr, w.words(tt.w...)); v.Text != tt.want {
			t.Errorf("%q, want %q", v.Text, tt.want)
		}
	}
}

func TestContextSummary(t *testing.T) {
	w := newWorld()
	ctxType := named(errorType, "context", "context.Context")
	background := named(structOf("", 0), "context", "context.backgroundCtx")
	value := named(structOf("", 48, gotype.Field{Name: "Context", Type: ctxType, Embedded: true},
		field("key", 16, anyType), field("val", 32, anyType)), "context", "context.valueCtx")
	cancel := named(structOf("", 16, gotype.Field{Name: "Context", Type: ctxType, Embedded: true}), "context", "context.cancelCtx")
	itab := func(t *gotype.Type, direct bool) uint64 { return w.words(0, w.descriptor(t, direct), 0, 0) }
	bg, valP, canP := itab(background, false), itab(ptrTo(value), true), itab(ptrTo(cancel), true)
	c1 := w.words(bg, w.words(0))
	c2 := w.words(canP, c1, 0, 0, 0, 0)
	v := w.reader(Options{}).Value(cancel, w.words(valP, c2))
	if want := "context.Background.WithCancel.WithValue.WithCancel"; v.Text != want {
		t.Errorf("%s, want %s", v.Text, want)
	}
	// A context that is its own parent.
	w.set(c1, canP)
	w.set(c1+8, c1)
	v = w.reader(Options{}).Value(cancel, c1)
	well(t, &v)
}
