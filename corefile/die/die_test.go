package die_test

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/internal/coretest"
)

// sectionsOf reads the debug sections of an executable.
func sectionsOf(t testing.TB, f *elf.File) die.Sections {
	t.Helper()
	get := func(name string) []byte {
		s := f.Section(name)
		if s == nil {
			return nil
		}
		b, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	lists := map[string][]byte{}
	for _, name := range []string{".debug_ranges", ".debug_rnglists", ".debug_loc", ".debug_loclists"} {
		lists[name] = get(name)
	}
	return die.Sections{
		Info: get(".debug_info"), Abbrev: get(".debug_abbrev"), Str: get(".debug_str"), LineStr: get(".debug_line_str"),
		StrOffsets: get(".debug_str_offsets"), Addr: get(".debug_addr"),
		Lists: func(name string) ([]byte, error) { return lists[name], nil },
	}
}

// TestAgainstStandardLibrary reads every entry of real programs and compares
// it with what debug/dwarf says: DWARF 5, and DWARF 4 of GOEXPERIMENT=nodwarf5.
func TestAgainstStandardLibrary(t *testing.T) {
	for _, experiment := range []string{"", "nodwarf5"} {
		t.Run("GOEXPERIMENT="+experiment, func(t *testing.T) {
			if experiment != "" && testing.Short() {
				t.Skip("compiles the standard library anew")
			}
			t.Setenv("GOEXPERIMENT", experiment)
			f, err := elf.Open(coretest.BuildZoo(t))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			in, err := die.New(sectionsOf(t, f))
			if err != nil || in.Damage() != nil {
				t.Fatal(err, in.Damage())
			}
			want, err := f.DWARF()
			if err != nil {
				t.Fatal(err)
			}
			entries, values := 0, 0
			r := want.Reader()
			for _, u := range in.Units() {
				c := u.Cursor()
				for {
					got, ok, err := c.Next()
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						break
					}
					e, err := r.Next()
					if err != nil || e == nil {
						t.Fatalf("0x%x: debug/dwarf ends early: %v", got.Off, err)
					}
					if got.Tag == 0 && e.Tag == 0 {
						continue
					}
					if got.Off != e.Offset || got.Tag != e.Tag || got.Children != e.Children {
						t.Fatalf("got 0x%x %v %v, want 0x%x %v %v", got.Off, got.Tag, got.Children, e.Offset, e.Tag, e.Children)
					}
					entries++
					for _, fd := range e.Field {
						compareField(t, &got, fd)
						values++
					}
					compareRanges(t, want, &got, e)
				}
			}
			if e, _ := r.Next(); e != nil {
				t.Errorf("debug/dwarf has more entries, at 0x%x", e.Offset)
			}
			t.Logf("%d units, %d entries, %d values", len(in.Units()), entries, values)
			if entries < 10000 {
				t.Errorf("only %d entries", entries)
			}
		})
	}
}

func compareField(t *testing.T, e *die.Entry, f dwarf.Field) {
	t.Helper()
	v, ok := e.Val(f.Attr)
	if !ok || !e.Has(f.Attr) {
		t.Errorf("0x%x: no %v", e.Off, f.Attr)
		return
	}
	same := false
	switch want := f.Val.(type) {
	case int64:
		same = v.U == uint64(want) || f.Class == dwarf.ClassRangeListPtr && v.List
	case uint64:
		same = v.U == want
	case bool:
		same = (v.U != 0) == want
	case string:
		same = string(v.B) == want
	case []byte:
		same = bytes.Equal(v.B, want) && v.Block
	case dwarf.Offset:
		same = v.U == uint64(want)
	}
	if !same {
		t.Errorf("0x%x: %v is %+v, want %v (%T)", e.Off, f.Attr, v, f.Val, f.Val)
	}
}

func compareRanges(t *testing.T, d *dwarf.Data, got *die.Entry, want *dwarf.Entry) {
	t.Helper()
	a, err := got.Ranges()
	if err != nil {
		t.Errorf("0x%x: ranges: %v", got.Off, err)
	}
	b, err := d.Ranges(want)
	if err != nil || len(b) == 0 {
		return
	}
	var filtered []die.Range
	for _, r := range a {
		if r.Low < r.High {
			filtered = append(filtered, r)
		}
	}
	i := 0
	for _, r := range b {
		if r[0] >= r[1] {
			continue
		}
		if i >= len(filtered) || filtered[i].Low != r[0] || filtered[i].High != r[1] {
			t.Errorf("0x%x: ranges %x, want %x", got.Off, a, b)
			return
		}
		i++
	}
}

// synthetic makes a unit with one root entry of the given attributes.
func synthetic(attrs [][2]byte, contents []byte) die.Sections {
	abbrev := []byte{1, byte(dwarf.TagCompileUnit), 0}
	for _, a := range attrs {
		abbrev = append(abbrev, a[0], a[1])
	}
	abbrev = append(abbrev, 0, 0, 0)
	unit := []byte{5, 0, 1, 8, 0, 0, 0, 0, 1}
	unit = append(unit, contents...)
	info := binary.LittleEndian.AppendUint32(nil, uint32(len(unit)))
	return die.Sections{Info: append(info, unit...), Abbrev: abbrev}
}

// TestForms decodes values in every form that compilers other than Go's use.
func TestForms(t *testing.T) {
	const attr = byte(dwarf.AttrName)
	long := func(n int) []byte { return append(bytes.Repeat([]byte{0x80}, n), 1) }
	for _, c := range []struct {
		name string
		form byte
		data []byte
		u    uint64
		b    string
		bad  bool
	}{
		{name: "data1", form: 0x0b, data: []byte{0xfe}, u: 0xfe},
		{name: "data2", form: 0x05, data: []byte{1, 2}, u: 0x201},
		{name: "data4", form: 0x06, data: []byte{1, 2, 3, 4}, u: 0x4030201},
		{name: "data8", form: 0x07, data: []byte{1, 0, 0, 0, 0, 0, 0, 0x80}, u: 1<<63 + 1},
		{name: "data16", form: 0x1e, data: []byte("0123456789abcdef"), b: "0123456789abcdef"},
		{name: "sdata", form: 0x0d, data: []byte{0x7f}, u: ^uint64(0)},
		{name: "sdata of ten bytes", form: 0x0d, data: []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}, u: 1 << 63},
		{name: "udata", form: 0x0f, data: []byte{0xe5, 0x8e, 0x26}, u: 624485},
		{name: "udata too long", form: 0x0f, data: long(11), bad: true},
		{name: "string", form: 0x08, data: []byte("name\x00"), b: "name"},
		{name: "string without end", form: 0x08, data: []byte("name"), bad: true},
		{name: "block1", form: 0x0a, data: []byte{2, 'a', 'b'}, b: "ab"},
		{name: "block2", form: 0x03, data: []byte{2, 0, 'a', 'b'}, b: "ab"},
		{name: "block4 too long", form: 0x04, data: []byte{0xff, 0xff, 0xff, 0xff, 'a'}, bad: true},
		{name: "exprloc", form: 0x18, data: []byte{1, 'a'}, b: "a"},
		{name: "ref4 is relative to the unit", form: 0x13, data: []byte{9, 0, 0, 0}, u: 9},
		{name: "ref_udata", form: 0x15, data: []byte{9}, u: 9},
		{name: "strp outside", form: 0x0e, data: []byte{9, 0, 0, 0}, bad: true},
		{name: "strx without table", form: 0x1a, data: []byte{9}, bad: true},
		{name: "addrx without table", form: 0x1b, data: []byte{9}, bad: true},
		{name: "addrx far outside", form: 0x1b, data: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, bad: true},
		{name: "indirect", form: 0x16, data: []byte{0x0b, 7}, u: 7},
		{name: "indirect of indirect", form: 0x16, data: []byte{0x16, 0x0b, 7}, bad: true},
		{name: "ref_sig8 is elsewhere", form: 0x20, data: make([]byte, 8), bad: true},
		{name: "unknown form", form: 0x7e, data: []byte{1}, bad: true},
		{name: "truncated", form: 0x07, data: []byte{1}, bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := die.New(synthetic([][2]byte{{attr, c.form}}, c.data))
			var v die.Value
			ok := false
			if err == nil {
				e, err := in.Entry(in.Units()[0].Root)
				if err != nil {
					t.Fatal(err)
				}
				v, ok = e.Val(dwarf.AttrName)
			}
			if ok == c.bad {
				t.Fatalf("ok is %v, error %v", ok, err)
			}
			if ok && (v.U != c.u || string(v.B) != c.b) {
				t.Errorf("got %+v, want %d, %q", v, c.u, c.b)
			}
		})
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for name, s := range map[string]die.Sections{
		"empty":         {},
		"length":        {Info: []byte{0xff, 0, 0, 0, 5}},
		"version":       {Info: []byte{4, 0, 0, 0, 99, 0, 0, 0}},
		"address size":  {Info: []byte{8, 0, 0, 0, 5, 0, 1, 3, 0, 0, 0, 0}},
		"abbreviations": {Info: []byte{9, 0, 0, 0, 5, 0, 1, 8, 99, 0, 0, 0, 1}},
	} {
		_, err := die.New(s)
		var de *die.Error
		if !errors.As(err, &de) || !strings.HasPrefix(de.Section, ".debug_") || de.Reason == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamageKeepsTheRest cuts the second unit off and keeps the first.
func TestDamageKeepsTheRest(t *testing.T) {
	s := synthetic([][2]byte{{byte(dwarf.AttrName), 0x08}}, []byte("a\x00"))
	s.Info = append(s.Info, 0xff, 0xff, 0, 0, 5, 0)
	in, err := die.New(s)
	if err != nil || len(in.Units()) != 1 || in.Damage() == nil || in.Units()[0].Name != "a" {
		t.Errorf("%v, %d units, damage %v", err, len(in.Units()), in.Damage())
	}
}

// TestLocationLists reads a list with every kind of entry.
func TestLocationLists(t *testing.T) {
	s := synthetic([][2]byte{{byte(dwarf.AttrLowpc), 0x01}, {byte(dwarf.AttrLocation), 0x17}},
		append(binary.LittleEndian.AppendUint64(nil, 0x1000), 0, 0, 0, 0))
	s.Addr = append(make([]byte, 8), coretest.Words(0x5000, 0x5010)...)
	word := func(v uint64) string { return string(coretest.Words(v)) }
	lists := []byte("\x04\x00\x10\x01A" + // offset_pair 0x1000..0x1010
		"\x06" + word(0x2000) + "\x04\x00\x10\x00" + // base_address, empty expression
		"\x01\x00\x04\x00\x08\x01B" + // base_addressx 0: 0x5000..0x5008
		"\x02\x00\x01\x01C" + // startx_endx 0x5000..0x5010
		"\x03\x01\x10\x01D" + // startx_length 0x5010..0x5020
		"\x07" + word(0x6000) + word(0x6010) + "\x01E" +
		"\x08" + word(0x7000) + "\x10\x01F" +
		"\x05\x01G" + // default
		"\x00")
	damage := errors.New("can't be decompressed")
	s.Lists = func(name string) ([]byte, error) {
		if lists == nil {
			return nil, damage
		}
		return map[string][]byte{".debug_loclists": lists}[name], nil
	}
	in, err := die.New(s)
	if err != nil {
		t.Fatal(err)
	}
	e, err := in.Entry(in.Units()[0].Root)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := e.Val(dwarf.AttrLocation)
	if !ok || !v.List {
		t.Fatalf("%+v %v", v, ok)
	}
	for pc, want := range map[uint64]string{
		0x1000: "A", 0x100f: "A", 0x1010: "G", 0x2001: "", 0x5000: "B", 0x5008: "C", 0x5010: "D", 0x6000: "E", 0x600f: "E", 0x7001: "F", 0x9000: "G",
	} {
		got, where, err := e.Unit.LocationAt(v, pc)
		if err != nil || string(got) != want || !where.Contains(pc) {
			t.Errorf("0x%x: %q in %x, %v; want %q", pc, got, where, err, want)
		}
	}
	lists = nil
	if got, _, err := e.Unit.LocationAt(v, 0x1000); got != nil || !errors.Is(err, damage) {
		t.Errorf("damaged section: %q, %v", got, err)
	}
}

// FuzzInfo walks arbitrary sections: no panic, no hang, errors or entries.
func FuzzInfo(f *testing.F) {
	s := synthetic([][2]byte{{byte(dwarf.AttrName), 0x08}, {byte(dwarf.AttrRanges), 0x17}, {byte(dwarf.AttrLocation), 0x17}},
		[]byte("a\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(s.Info, s.Abbrev, []byte{4, 0, 8, 1, 'a', 0}, []byte{5, 0, 0, 0})
	f.Fuzz(func(t *testing.T, info, abbrev, lists, addr []byte) {
		coretest.Bounded(t, len(info)*(len(lists)+16)+len(abbrev), 64, func() { walkEntries(t, info, abbrev, lists, addr) })
	})
}

// walkEntries asks every entry of hostile sections for everything. It may copy
// a string or a list for each of them.
func walkEntries(t *testing.T, info, abbrev, lists, addr []byte) {
	in, err := die.New(die.Sections{
		Info: info, Abbrev: abbrev, Str: lists, LineStr: lists, StrOffsets: addr, Addr: addr,
		Lists: func(string) ([]byte, error) { return lists, nil },
	})
	if err != nil {
		return
	}
	for _, u := range in.Units() {
		c := u.Cursor()
		for n := 0; ; n++ {
			e, ok, err := c.Next()
			if !ok || err != nil {
				break
			}
			if n > len(info) {
				t.Fatal("more entries than bytes")
			}
			for _, a := range []dwarf.Attr{dwarf.AttrName, dwarf.AttrLocation, dwarf.AttrType} {
				if v, ok := e.Val(a); ok {
					_, _, _ = u.LocationAt(v, 4)
				}
			}
			_, _ = e.Ranges()
			if off, ok := e.Ref(dwarf.AttrType); ok {
				_, _ = in.Entry(off)
			}
		}
	}
}
