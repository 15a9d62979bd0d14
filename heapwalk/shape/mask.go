package shape

import (
	"encoding/binary"
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
)

// extent is how far the pointers of a type reach.
type extent struct {
	end  uint64 // of the last pointer word, 0 when there is none
	lost bool   // a part is not described
}

// extentOf computes the extent of a type, once per type: what has no pointers
// is not looked into again, however often it is contained.
func (t *Table) extentOf(ty *gotype.Type, depth int) extent {
	if ty == nil || ty.Err != nil || depth > maxDepth {
		return extent{lost: true}
	}
	if e, ok := t.pointers[ty]; ok {
		return e
	}
	e := t.newExtent(ty, depth)
	t.pointers[ty] = e
	return e
}

func (t *Table) newExtent(ty *gotype.Type, depth int) (e extent) {
	switch ty.Kind {
	case reflect.Pointer, reflect.Slice:
		if ty.Elem == nil || !t.notInHeap(ty.Elem, 0) {
			e.end = ptrSize
		}
	case reflect.UnsafePointer, reflect.Func, reflect.Map, reflect.Chan, reflect.String:
		e.end = ptrSize
	case reflect.Interface:
		e.end = 2 * ptrSize
	case reflect.Array:
		part := t.extentOf(ty.Elem, depth+1)
		e.lost = part.lost && ty.Len > 0
		if ty.Len > 0 && part.end > 0 {
			e.end = uint64(ty.Len-1)*uint64(ty.Elem.Size) + part.end
		}
	case reflect.Struct:
		for i := range ty.Fields {
			f := &ty.Fields[i]
			part := t.extentOf(f.Type, depth+1)
			e.lost = e.lost || part.lost
			if part.end > 0 {
				e.end = max(e.end, uint64(f.Offset)+part.end)
			}
		}
	case reflect.Invalid:
		e.lost = true
	}
	return e
}

// notInHeap reports whether the type's values are never in the heap of Go, so
// that the compiler does not mark pointers to them (cmd/compile/internal/types,
// Type.NotInHeap and Type.HasPointers): those that contain
// internal/runtime/sys.NotInHeap by value.
func (t *Table) notInHeap(ty *gotype.Type, depth int) bool {
	if ty == nil || ty.Err != nil || depth > maxDepth || ty.Kind != reflect.Struct && ty.Kind != reflect.Array {
		return false
	}
	if marked, ok := t.marked[ty]; ok {
		return marked
	}
	marked := isNotInHeap(ty.Name) || ty.Kind == reflect.Array && t.notInHeap(ty.Elem, depth+1)
	for i := 0; i < len(ty.Fields) && !marked; i++ {
		marked = t.notInHeap(ty.Fields[i].Type, depth+1)
	}
	t.marked[ty] = marked
	return marked
}

func isNotInHeap(name string) bool {
	switch name {
	case "internal/runtime/sys.NotInHeap", "internal/runtime/sys.nih":
		return true
	}
	return false
}

// ptrBytes is the end of the last pointer word.
func ptrBytes(words []Word) (end uint64) {
	for i := 0; i < len(words); i++ {
		w := &words[i]
		if w.Kind == WordRepeat {
			body := words[i+1 : i+1+int(w.Body)]
			end = max(end, w.Off+(w.N-1)*w.Stride+ptrBytes(body))
			i += len(body)
			continue
		}
		end = max(end, w.pointer()+ptrSize)
	}
	return end
}

// maskOf has a bit for each of the first 64 words that holds a pointer.
func maskOf(words []Word) (m uint64) {
	eachPointer(words, 0, 64*ptrSize, func(off uint64) { m |= 1 << (off / ptrSize) })
	return m
}

// eachPointer calls f for the offset of each pointer word below end. Words are
// not believed to be in order.
func eachPointer(words []Word, base, end uint64, f func(off uint64)) {
	for i := 0; i < len(words); i++ {
		w := &words[i]
		if w.Kind == WordRepeat {
			body := words[i+1 : i+1+int(w.Body)]
			for n := uint64(0); n < w.N && base+w.Off+n*w.Stride < end; n++ {
				eachPointer(body, base+w.Off+n*w.Stride, end, f)
			}
			i += len(body)
			continue
		}
		if w.TypeIsPtr && base+w.Off < end {
			f(base + w.Off)
		}
		if off := base + w.pointer(); off < end {
			f(off)
		}
	}
}

// AppendMask appends the pointer mask of one value, a bit per word, for the
// first size bytes of it: for types whose mask has more than 64 bits.
func (in *Info) AppendMask(dst []uint64, size uint64) []uint64 {
	size = min(size, in.PtrBytes)
	from := len(dst)
	dst = append(dst, make([]uint64, (size+64*ptrSize-1)/(64*ptrSize))...)
	eachPointer(in.Words, 0, size, func(off uint64) {
		dst[from+int(off/(64*ptrSize))] |= 1 << (off / ptrSize % 64)
	})
	return dst
}

// Matches reports whether an object of size bytes, 512 at most, whose pointer
// words are the bits of mask can be an array of one or more values of this type
// with zeros behind, and how many values it is at least: that many by the mask,
// 1 for a type without pointers.
func (in *Info) Matches(mask, size uint64) (n uint64, ok bool) {
	switch {
	case in.ID == Unknown || in.Kind == KindUnknown || in.Size > size:
		return 0, false
	case in.Partial && (mask^in.Mask)&in.Known == 0, in.Mask == 0 && mask == 0:
		return 1, true
	case in.Partial || in.Mask == 0:
		return 0, false
	case mask == in.Mask:
		return 1, true
	case in.Size%ptrSize != 0:
		return 0, false
	}
	tiled, words := in.Mask, in.Size/ptrSize
	for n = 2; n*in.Size <= size && (n-1)*words < 64; n++ {
		tiled |= in.Mask << ((n - 1) * words)
		if tiled == mask {
			return n, true
		}
	}
	return 0, false
}

// maxMaskBytes bounds the masks that descriptors have ready made: beyond, the
// runtime makes them when they are needed (internal/abi/type.go,
// TFlagGCMaskOnDemand; cmd/compile/internal/reflectdata, maxPtrmaskBytes 2048).
const maxMaskBytes = 1 << 14

// maskOfDescriptor takes the mask of a type of which a part is not described
// from its descriptor.
func (t *Table) maskOfDescriptor(in *Info) {
	mask, end, ok := t.gcMask(in.Type.Descriptor)
	if !ok {
		return
	}
	in.Mask, in.Known, in.PtrBytes = 0, bits((in.Size+ptrSize-1)/ptrSize), end
	if len(mask) > 0 {
		in.Mask = mask[0]
	}
}

// gcMask reads the pointer mask of a descriptor, a bit per word; end is the end
// of the last pointer. ok is false where there is none, or where it is made on
// demand and was not yet.
func (t *Table) gcMask(desc uint64) (mask []uint64, end uint64, ok bool) {
	d, ok := t.readDescriptor(desc)
	if !ok || d.ptrBytes == 0 {
		return nil, 0, ok
	}
	at := d.gcData
	if d.flags&flagMaskOnDemand != 0 {
		var err error
		if at, err = t.mem.Uint64(at); err != nil || at == 0 {
			return nil, 0, false
		}
	}
	n := (d.ptrBytes/ptrSize + 7) / 8
	if n > maxMaskBytes {
		return nil, 0, false
	}
	b, _, ok := t.mem.View(at, int(n))
	if !ok {
		return nil, 0, false
	}
	mask = make([]uint64, (n+7)/8)
	var word [8]byte
	for i := range mask {
		word = [8]byte{}
		copy(word[:], b[8*i:])
		mask[i] = binary.LittleEndian.Uint64(word[:])
	}
	if tail := d.ptrBytes / ptrSize % 64; tail != 0 {
		mask[len(mask)-1] &= bits(tail)
	}
	return mask, d.ptrBytes, true
}
