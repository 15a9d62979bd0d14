package heapwalk

import (
	"encoding/binary"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
)

// builtinClasses are the sizes of objects (internal/runtime/gc/sizeclasses.go,
// the same from Go 1.25 to 1.27), for a core that does not have them.
var builtinClasses = [...]uint32{8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416,
	448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144,
	6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768}

// maxClasses bounds the table: 68 entries, the first is that of large objects.
const maxClasses = 128

// sizeClasses reads the program's own table.
func sizeClasses(r *goruntime.Runtime, mem *corefile.Memory) []uint32 {
	builtin := builtinClasses[:]
	at, ok := r.Symbol("internal/runtime/gc.SizeClassToSize")
	if !ok {
		return builtin
	}
	var table []uint32
	b, _, ok := mem.View(at, 2*maxClasses)
	if !ok {
		return builtin
	}
	for i := 2; i < len(b); i += 2 {
		size := uint32(binary.LittleEndian.Uint16(b[i:]))
		if n := len(table); size%8 != 0 || size == 0 || n > 0 && size <= table[n-1] {
			return builtin
		}
		if table = append(table, size); size == maxSmall {
			return table
		}
	}
	return builtin
}

// runtimeTotals reads the runtime's own counters (runtime/mstats.go): frees and
// allocations by class, in three parts that are added up. A processor reports what
// it allocated from a span when it lets go of that; what it has not reported yet
// was added when the spans were read.
func (h *Heap) runtimeTotals() {
	h.totals.RuntimeSpanBytes = h.allocator.PagesInUse * goruntime.PageSize
	bytes, ok := h.counted()
	if !ok {
		h.totals.RuntimeObjectBytes = 0
		return
	}
	h.totals.RuntimeObjectBytes += bytes
}

// counted adds up the counters: bytes allocated and not freed.
func (h *Heap) counted() (total uint64, ok bool) {
	at, ok := h.in.Runtime.Symbol("runtime.memstats")
	if !ok {
		return 0, false
	}
	all, err := h.in.Types.ByName("runtime.mstats")
	if err != nil {
		return 0, false
	}
	stats, ok := all.Field("heapStats.stats")
	if !ok || stats.Type.Elem == nil {
		return 0, false
	}
	delta := stats.Type.Elem
	word := func(i int64, field string, n int64) uint64 {
		f, found := delta.Field(field)
		v, err := h.mem.Uint64(at + uint64(stats.Offset+i*delta.Size+f.Offset+8*n))
		ok = ok && found && err == nil
		return v
	}
	for i := range min(stats.Type.Len, 8) {
		total += word(i, "largeAlloc", 0) - word(i, "largeFree", 0)
		for class, size := range h.classes {
			n := int64(class) + 1 // the first is that of large objects
			total += (word(i, "smallAllocCount", n) - word(i, "smallFreeCount", n)) * uint64(size)
		}
	}
	return total, ok
}
