package vars

import (
	"encoding/binary"
	"math"
	"reflect"
	"strconv"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// width is the size in bytes of a scalar kind, 0 for other kinds.
func width(k reflect.Kind) int {
	switch k {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return 1
	case reflect.Int16, reflect.Uint16:
		return 2
	case reflect.Int32, reflect.Uint32, reflect.Float32:
		return 4
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Uintptr, reflect.Float64, reflect.Complex64:
		return 8
	case reflect.Complex128:
		return 16
	}
	return 0
}

// scalar decodes numbers and truth values.
func (d *decoder) scalar(v *report.Value, t *gotype.Type, src region) {
	k := t.Kind
	n := width(k)
	if n == 0 || int64(n) != t.Size {
		garbage(v, "a type of kind %s and %d bytes", k, t.Size)
		return
	}
	b, f := src.read(d.r.mem, 0, n)
	if f.bad() {
		fail(v, f)
		return
	}
	if k == reflect.Bool && b[0] > 1 {
		garbage(v, "the byte is neither true nor false")
		return
	}
	v.Text = scalarText(k, b)
}

// scalarText writes a scalar as Go syntax; b is as long as its kind needs.
func scalarText(k reflect.Kind, b []byte) string {
	switch k {
	case reflect.Bool:
		return strconv.FormatBool(b[0] != 0)
	case reflect.Float32:
		return strconv.FormatFloat(float64(float32bits(b)), 'g', -1, 32)
	case reflect.Float64:
		return strconv.FormatFloat(float64bits(b), 'g', -1, 64)
	case reflect.Complex64:
		return strconv.FormatComplex(complex(float64(float32bits(b)), float64(float32bits(b[4:]))), 'g', -1, 64)
	case reflect.Complex128:
		return strconv.FormatComplex(complex(float64bits(b), float64bits(b[8:])), 'g', -1, 128)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(signed(b), 10)
	}
	return strconv.FormatUint(unsigned(b), 10)
}

func float32bits(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
func float64bits(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// unsigned is the little-endian number in b, 8 bytes at most.
func unsigned(b []byte) uint64 {
	var n uint64
	for i := min(len(b), 8) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n
}

// signed is the little-endian two's complement number in b, 8 bytes at most.
func signed(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	shift := 64 - 8*min(len(b), 8)
	return int64(unsigned(b)<<shift) >> shift
}

// str decodes a string: a pointer and a length.
func (d *decoder) str(tk task) {
	v := tk.dst
	n, f := d.word(tk.src, 8)
	if f.bad() {
		fail(v, f)
		return
	}
	if n == 0 {
		return
	}
	ptr, f := d.word(tk.src, 0)
	if f.bad() {
		// The length is known, but of no use without the contents.
		fail(v, f)
		return
	}
	d.contents(v, ptr, n)
}

// contents reads the n bytes at ptr that a string or byte slice holds.
func (d *decoder) contents(v *report.Value, ptr, n uint64) {
	if f := d.extent(ptr, n); f.bad() {
		fail(v, f)
		return
	}
	v.Len = int64(n)
	d.text(v, at(ptr, int64(n)))
}

// text reads the bytes of src, as many as redact wants to see.
func (d *decoder) text(v *report.Value, src region) {
	n := int(min(src.size, int64(d.lim.scan)))
	if n > d.bytes {
		fail(v, fault{report.StateBudget, noteBytes})
		return
	}
	b, f := src.read(d.r.mem, 0, n)
	if f.bad() {
		fail(v, f)
		return
	}
	d.bytes -= n
	v.SetContents(d.r.room.text(b))
	if int64(n) < src.size {
		v.State = report.StateTruncated
	}
}

// extent reports why n bytes at addr can't be an object of the process.
func (d *decoder) extent(addr, n uint64) fault {
	if n > hardLength || addr+n < addr {
		return fault{report.StateUnreadable, "length " + strconv.FormatUint(n, 10) + " at 0x" + strconv.FormatUint(addr, 16) + " is absurd"}
	}
	if n == 0 {
		return fault{}
	}
	for _, a := range [2]uint64{addr, addr + n - 1} {
		p := d.r.mem.Provenance(a)
		if p == corefile.Unmapped {
			return faultAt(a, p)
		}
	}
	return fault{}
}

// fieldBytes reads the scalar field of src at a path such as "mu.state".
func (d *decoder) fieldBytes(t *gotype.Type, src region, path string) ([]byte, bool) {
	fd, ok := fieldAt(t, path)
	if !ok {
		return nil, false
	}
	n := width(fd.Type.Kind)
	switch fd.Type.Kind {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func:
		n = 8
	}
	if n == 0 {
		return nil, false
	}
	b, f := src.read(d.r.mem, fd.Offset, n)
	return b, !f.bad()
}
