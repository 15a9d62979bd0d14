package pclntab_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
)

// Where the synthetic function has its maps, from go:func.*.
const (
	argMapsAt   = 8
	localMapsAt = 24
	objectsAt   = 48
	maskAt      = 4 // from runtime.rodata
)

// mapsData is the function's data: two maps of its arguments, two of its locals,
// two stack objects.
func mapsData() []byte {
	b := make([]byte, 128)
	put := func(at int, words ...uint32) {
		for i, w := range words {
			binary.LittleEndian.PutUint32(b[at+4*i:], w)
		}
	}
	put(argMapsAt, 2, 3)
	copy(b[argMapsAt+8:], []byte{0b001, 0b110})
	put(localMapsAt, 2, 10)
	copy(b[localMapsAt+8:], []byte{0b1, 0b10, 0b10000000, 0b1})
	put(objectsAt, 2, 0, 1<<32-32, 32, 24, maskAt, 8, 16, 0, 0)
	return b
}

// mapsTable is a table of one function with those data.
func mapsTable(t *testing.T, stackMap int32, args int32, data []byte) pclntab.Func {
	t.Helper()
	read := func(b []byte) func(off uint64, n int) ([]byte, bool) {
		return func(off uint64, n int) ([]byte, bool) {
			if off > uint64(len(b)) || uint64(n) > uint64(len(b))-off {
				return nil, false
			}
			return b[off:][:n], true
		}
	}
	table, err := pclntab.New(coretest.FuncTable([]coretest.TableFunc{{
		Name: "main.f", Size: 64, Frame: 0x60, Args: args, StackMap: stackMap,
		ArgMaps: argMapsAt, LocalMaps: localMapsAt, Objects: objectsAt,
	}}), pclntab.Options{Text: 0x1000, FuncData: read(data), ROData: read([]byte{0, 0, 0, 0, 0b101})})
	if err != nil {
		t.Fatal(err)
	}
	f, ok := table.Find(0x1000)
	if !ok {
		t.Fatal("no function")
	}
	return f
}

// bitsOf are the words that are pointers.
func bitsOf(m pclntab.PointerMap) (out []int) {
	for i := range m.N {
		if m.At(i) {
			out = append(out, i)
		}
	}
	return out
}

func equal(a []int, b ...int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestPointerMaps(t *testing.T) {
	cases := []struct {
		name         string
		stackMap     int32
		pc           uint64
		locals, args []int
	}{
		{"the second map", 2, 0x1020, []int{7, 8}, []int{1, 2}},
		{"the first map", 1, 0x1020, []int{0, 9}, []int{0}},
		{"at the entry", 2, 0x1000, []int{0, 9}, []int{0}},
		{"no table of maps", 0, 0x1020, []int{0, 9}, []int{0}},
	}
	for _, tc := range cases {
		f := mapsTable(t, tc.stackMap, 24, mapsData())
		locals, args, err := f.PointerMaps(tc.pc, true)
		if err != nil || locals.N != 10 || args.N != 3 || !equal(bitsOf(locals), tc.locals...) || !equal(bitsOf(args), tc.args...) {
			t.Errorf("%s: locals %v, arguments %v, %v", tc.name, bitsOf(locals), bitsOf(args), err)
		}
		if locals, _, err := f.PointerMaps(tc.pc, false); err != nil || locals.N != 0 {
			t.Errorf("%s: a frame without locals has %d, %v", tc.name, locals.N, err)
		}
	}
	f := mapsTable(t, 1, -0x80000000, mapsData())
	if n, known := f.Args(); n != 0 || known {
		t.Errorf("%d bytes of arguments where none are known", n)
	}
}

func TestStackObjects(t *testing.T) {
	f := mapsTable(t, 1, 24, mapsData())
	objs, err := f.StackObjects()
	if err != nil || len(objs) != 2 {
		t.Fatalf("%+v, %v", objs, err)
	}
	if o := objs[0]; o.Off != -32 || o.Size != 32 || o.Pointers.N != 3 || !equal(bitsOf(o.Pointers), 0, 2) {
		t.Errorf("%+v", o)
	}
	if o := objs[1]; o.Off != 8 || o.Size != 16 || o.Pointers.N != 0 {
		t.Errorf("%+v", o)
	}
}

// TestWrongMaps: what contradicts itself is an error.
func TestWrongMaps(t *testing.T) {
	word := func(at int, v uint32) func(b []byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	maps := map[string]func(b []byte) []byte{
		"no maps":                     word(localMapsAt, 0),
		"a negative number of maps":   word(localMapsAt, 1<<31),
		"a negative number of words":  word(localMapsAt+4, 1<<31),
		"more words than a frame has": word(localMapsAt+4, 1<<25),
		"fewer maps than are used":    word(localMapsAt, 1),
		"not in memory":               func(b []byte) []byte { return b[:localMapsAt+9] },
		"arguments not in memory":     func(b []byte) []byte { return b[:argMapsAt+4] },
	}
	for name, damage := range maps {
		f := mapsTable(t, 2, 24, damage(mapsData()))
		if locals, args, err := f.PointerMaps(0x1020, true); !errors.Is(err, pclntab.ErrBadMap) || locals.N != 0 || args.N != 0 {
			t.Errorf("%s: %v and %v, %v", name, locals, args, err)
		}
	}
	objects := map[string]func(b []byte) []byte{
		"too many objects":            word(objectsAt+4, 1),
		"a negative size":             word(objectsAt+12, 1<<31),
		"more pointers than bytes":    word(objectsAt+16, 40),
		"pointers not in memory":      word(objectsAt+20, 5),
		"records are not in memory":   func(b []byte) []byte { return b[:objectsAt+30] },
		"their number is not, either": func(b []byte) []byte { return b[:objectsAt+4] },
	}
	for name, damage := range objects {
		f := mapsTable(t, 2, 24, damage(mapsData()))
		if objs, err := f.StackObjects(); !errors.Is(err, pclntab.ErrBadMap) || len(objs) > 1 {
			t.Errorf("%s: %v, %v", name, objs, err)
		}
	}
}

// TestMapsOfEveryFunction: in compiled code every PC that has a stack map has one
// that fits into its frame, and every stack object lies in it.
func TestMapsOfEveryFunction(t *testing.T) {
	for _, name := range []string{"payment", "payment.pie", "payment.stripped", "kinds.noopt"} {
		t.Run(name, func(t *testing.T) {
			table, _ := open(t, name)
			maps, objects := 0, 0
			for i := range table.Len() {
				f, ok := table.At(i)
				if !ok || !f.IsGo() || f.Flags()&pclntab.FlagAsm != 0 {
					continue
				}
				for pc := f.Entry() + 1; pc < f.End(); pc += 5 {
					delta, ok := f.SPDelta(pc)
					if !ok {
						continue
					}
					locals, args, err := f.PointerMaps(pc+1, delta > 8)
					if n, _ := f.Args(); err != nil || 8*locals.N > int(delta) || 8*int64(args.N) > n {
						t.Fatalf("%s %#x: %d words of locals in %d bytes, %d of arguments in %d, %v", f.Name(), pc, locals.N, delta, args.N, n, err)
					}
					maps++
				}
				objs, err := f.StackObjects()
				if err != nil {
					t.Fatalf("%s: %v", f.Name(), err)
				}
				for _, o := range objs {
					if n, _ := f.Args(); o.Off >= 0 && o.Off+o.Size > n || o.Off < 0 && o.Off+o.Size > 0 {
						t.Fatalf("%s: stack object at %d of %d bytes, arguments have %d", f.Name(), o.Off, o.Size, n)
					}
					objects++
				}
			}
			if maps < 10_000 || objects < 100 {
				t.Errorf("%d maps and %d objects", maps, objects)
			}
		})
	}
}
