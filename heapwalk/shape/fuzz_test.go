package shape

import (
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
)

// typeReader makes types of bytes: any kind, any nesting, sizes that fit.
type typeReader struct {
	b    []byte
	made []*gotype.Type
}

func (r *typeReader) byte() byte {
	if len(r.b) == 0 {
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// earlier is a type that was made before.
func (r *typeReader) earlier() *gotype.Type {
	if len(r.made) == 0 {
		return typeOf("int", reflect.Int, 8)
	}
	return r.made[int(r.byte())%len(r.made)]
}

func (r *typeReader) next() *gotype.Type {
	i, u8, str, raw, fn, eface, iface := basics()
	switch r.byte() % 16 {
	case 0:
		return i
	case 1:
		return u8
	case 2:
		return str
	case 3:
		return raw
	case 4:
		return fn
	case 5:
		return eface
	case 6:
		return iface
	case 7:
		return sliceOf(r.earlier())
	case 8:
		if elem := r.earlier(); elem.Size < 1<<40 {
			return arrayOf(int64(r.byte())<<(r.byte()%16), elem)
		}
		return u8
	case 9:
		ty := typeOf("map", reflect.Map, 8)
		ty.Key, ty.Elem, ty.Internal = r.earlier(), r.earlier(), r.earlier()
		return ty
	case 10:
		ty := typeOf("chan", reflect.Chan, 8)
		ty.Elem, ty.Internal = r.earlier(), r.earlier()
		return ty
	case 11:
		return &gotype.Type{Name: "bad", Size: int64(r.byte()), Err: gotype.ErrBadType}
	case 12, 13, 14:
		return r.structure()
	}
	return ptrTo(r.earlier())
}

// structure makes a struct, often one that a rule knows by its name.
func (r *typeReader) structure() *gotype.Type {
	names := []string{
		"main.s", "sync/atomic.Pointer[x]", "weak.Pointer[x]", "sync.Pool", "sync.eface", "runtime.iface", "reflect.Value",
		"runtime.hchan", "map<x>", "groupReference<x>", "table<x>", "runtime.g", "internal/sync.node[x]", "time.Timer",
	}
	fields := []string{
		"a", "v", "u", "local", "localSize", "typ_", "ptr", "flag", "dataqsiz", "elemtype", "buf", "dirPtr", "dirLen",
		"data", "lengthMask", "groups", "labels", "key", "elem", "slots",
	}
	ty := structOf(names[int(r.byte())%len(names)])
	for range r.byte() % 8 {
		ft := r.earlier()
		if ft.Size > 1<<50 || ty.Size > 1<<50 {
			break
		}
		at := ty.Size
		if r.byte()%16 == 0 {
			at = 0 // over the others
		}
		ty.Fields = append(ty.Fields, gotype.Field{Name: fields[int(r.byte())%len(fields)], Offset: at, Type: ft, Embedded: r.byte()%4 == 0})
		ty.Size = max(ty.Size, (at+ft.Size+7)/8*8)
	}
	return ty
}

// FuzzEdges: any type over any bytes gives at most an edge for each word, in
// order and within the bytes, and says the same of its pointers everywhere.
func FuzzEdges(f *testing.F) {
	f.Add([]byte{12, 1, 2, 0, 3, 0, 1, 15, 0, 8, 0, 3, 1}, []byte("01234567890123456789012345678901"), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, spec, value, memory []byte) {
		w := newFakes()
		w.mem.data = memory
		r := typeReader{b: spec}
		for len(r.b) > 0 && len(r.made) < 40 {
			ty := r.next()
			r.made = append(r.made, ty)
			w.names[ty.Name] = ty
			w.descs[fakeBase+uint64(len(r.made))*8] = ty
		}
		w.funcs[0x1000] = "main.f.func1"
		if len(r.made) > 1 {
			w.closes[0x1000] = []goscope.Captured{{Name: "x", Type: r.made[0], Offset: 8, ByRef: true}, {Name: "y", Type: r.made[1], Offset: 12}}
		}
		tab := w.table()
		walker := tab.Walker()
		ids := []ID{tab.OfFunc(0x1000), Unknown, StringBytes, 1 << 30}
		for _, ty := range r.made {
			ids = append(ids, tab.Of(ty))
		}
		for _, id := range ids {
			in := tab.Info(id)
			last, n := int64(-1), 0
			walker.Edges(id, value, func(e *Edge) {
				if int64(e.Off) <= last || e.Off+8 > uint64(len(value)) || e.Ptr != le64(value[e.Off:]) {
					t.Fatalf("%s: edge at %d of %d, after %d", in.Name, e.Off, len(value), last)
				}
				if n++; int(e.Elem) >= tab.Len() {
					t.Fatalf("%s: type %d of %d", in.Name, e.Elem, tab.Len())
				}
				last = int64(e.Off)
				if e.Off < min(in.Size, 512) && in.Mask&(1<<(e.Off/8)) == 0 && e.Off%8 == 0 {
					t.Fatalf("%s: pointer at %d, mask %b", in.Name, e.Off, in.Mask)
				}
			})
			if in.PtrBytes > max(in.Size, 8) {
				t.Fatalf("%s: pointers to %d of %d bytes", in.Name, in.PtrBytes, in.Size)
			}
			in.Matches(le64(append(value, make([]byte, 8)...)), uint64(len(value)))
			tab.Path(id, uint64(len(value)))
		}
	})
}
