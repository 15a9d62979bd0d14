package sdcore_test

import (
	"context"
	"encoding/binary"
	"strconv"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// checkNumbers compares every integer and string of a report that lies in
// memory with the bytes there, and returns how many those were. Whatever else
// is wrong with a core, they are what it holds.
func checkNumbers(t *testing.T, core, bin string, rep *report.Report) (n int) {
	t.Helper()
	c, err := corefile.Open(context.Background(), core, bin, corefile.Options{})
	if err != nil {
		t.Errorf("opened once, but not again: %v", err)
		return 0
	}
	defer c.Close()
	mem := c.Memory()
	eachVariable(rep, func(v *report.Value) {
		eachValue(v, func(v *report.Value) {
			if v.State != report.StateOK || v.Addr == 0 {
				return
			}
			same, applies := sameBytes(mem, v)
			if applies {
				n++
			}
			if applies && !same {
				t.Errorf("the %s (%s) at %v is %q in the report, not in memory", v.Kind, v.Type, v.Addr, v.Text)
			}
		})
	})
	return n
}

// eachVariable calls f for the variables of all frames and packages.
func eachVariable(rep *report.Report, f func(*report.Value)) {
	for i := range rep.Goroutines {
		for j := range rep.Goroutines[i].Frames {
			for k := range rep.Goroutines[i].Frames[j].Vars {
				f(&rep.Goroutines[i].Frames[j].Vars[k].Value)
			}
		}
	}
	for i := range rep.Globals {
		f(&rep.Globals[i].Value)
	}
}

// eachValue calls f for a value and all that are in it.
func eachValue(v *report.Value, f func(*report.Value)) {
	f(v)
	for i := range v.Children {
		if v.Children[i].Key != nil {
			eachValue(v.Children[i].Key, f)
		}
		eachValue(&v.Children[i].Value, f)
	}
}

// sameBytes reports whether memory holds a value; applies is false for values
// that are shown in another way than by their bytes.
func sameBytes(mem *corefile.Memory, v *report.Value) (same, applies bool) {
	word := func(addr report.Addr) (w uint64, ok bool) {
		w, err := mem.Uint64(uint64(addr))
		return w, err == nil
	}
	switch v.Kind {
	case report.KindInt, report.KindUint:
		return sameInteger(mem, v)
	case report.KindString:
		size, ok := word(v.Addr + 8)
		text, ok2 := v.Contents()
		if !ok || !ok2 || size != uint64(v.Len) || uint64(len(text)) != size {
			return false, true
		}
		if size == 0 {
			return true, true // wherever it points
		}
		ptr, ok := word(v.Addr)
		b := make([]byte, len(text))
		return ok && mem.Read(b, ptr) == nil && string(b) == text, true
	case report.KindPointer, report.KindUnsafePointer:
		w, ok := word(v.Addr)
		return ok && w == uint64(v.Target) && v.Nil == (w == 0), true
	}
	return false, false
}

// sameInteger tries every size that an integer can have.
func sameInteger(mem *corefile.Memory, v *report.Value) (same, applies bool) {
	signed, err := strconv.ParseInt(v.Text, 10, 64)
	unsigned := uint64(signed)
	if err != nil {
		if unsigned, err = strconv.ParseUint(v.Text, 10, 64); err != nil {
			return false, false // a duration, a name
		}
	}
	for size := 1; size <= 8; size *= 2 {
		var buf [8]byte
		if mem.Read(buf[:size], uint64(v.Addr)) != nil {
			break
		}
		w := binary.LittleEndian.Uint64(buf[:])
		if shift := 64 - 8*size; w == unsigned || v.Kind == report.KindInt && int64(w<<shift)>>shift == int64(unsigned) {
			return true, true
		}
	}
	return false, true
}
