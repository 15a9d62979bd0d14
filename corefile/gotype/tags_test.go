package gotype

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
)

// tagWorld is a section of types with the descriptor of a struct of two fields.
type tagWorld struct {
	base uint64
	data []byte
}

func (w *tagWorld) Read(buf []byte, addr uint64) error {
	if addr < w.base || addr-w.base > uint64(len(w.data)) || uint64(len(buf)) > uint64(len(w.data))-(addr-w.base) {
		return corefile.ErrUnmapped
	}
	copy(buf, w.data[addr-w.base:])
	return nil
}

func (w *tagWorld) put(at uint64, words ...uint64) {
	for i, x := range words {
		binary.LittleEndian.PutUint64(w.data[at+8*uint64(i):], x)
	}
}

// Where the parts of the section lie.
const (
	tagBase, tagEnd          = 0x400000, 0x1000
	tagDesc, tagList, tagOne = 0x100, 0x200, 0x300
	tagTwo                   = 0x380
)

func newTagWorld() (*Types, *Type, *tagWorld) {
	w := &tagWorld{base: tagBase, data: make([]byte, tagEnd)}
	w.put(tagDesc, 16)
	w.data[tagDesc+23] = byte(reflect.Struct)
	w.put(tagDesc+56, tagBase+tagList, 2, 2)
	w.put(tagList, tagBase+tagOne, 0, 0, tagBase+tagTwo, 0, 8)
	copy(w.data[tagOne:], "\x03\x01A\x0dsecret:\"true\"")
	copy(w.data[tagTwo:], "\x01\x01B")
	word := &Type{Name: "int", Kind: reflect.Int, Size: 8}
	ty := &Type{Name: "main.T", Kind: reflect.Struct, Size: 16, Descriptor: tagBase + tagDesc, Offset: 1,
		Fields: []Field{{Name: "A", Type: word}, {Name: "B", Offset: 8, Type: word}}}
	t := &Types{src: source{memory: w}}
	t.desc = descriptors{base: tagBase, end: tagBase + tagEnd, known: true, abi: &abiLayout{
		size: 48, tflag: 20, kind: 23, str: 40, fields: 56, fieldSize: 24, fieldType: 8, fieldOff: 16}}
	return t, ty, w
}

func TestTags(t *testing.T) {
	types, ty, _ := newTagWorld()
	want := []string{`secret:"true"`, ""}
	for range 2 {
		if got := types.Tags(ty); !slices.Equal(got, want) {
			t.Fatalf("tags %q", got)
		}
	}
	for name, damage := range map[string]func(*Types, *Type, *tagWorld){
		"no descriptor":            func(_ *Types, ty *Type, _ *tagWorld) { ty.Descriptor = 0 },
		"below the section":        func(_ *Types, ty *Type, _ *tagWorld) { ty.Descriptor = tagBase - 8 },
		"at its end":               func(_ *Types, ty *Type, _ *tagWorld) { ty.Descriptor = tagBase + tagEnd - 8 },
		"no section":               func(t *Types, _ *Type, _ *tagWorld) { t.desc.known = false },
		"no memory":                func(t *Types, _ *Type, _ *tagWorld) { t.src.memory = nil },
		"cut off":                  func(_ *Types, _ *Type, w *tagWorld) { w.data = w.data[:tagTwo] },
		"another kind":             func(_ *Types, _ *Type, w *tagWorld) { w.data[tagDesc+23] = byte(reflect.Slice) },
		"another size":             func(_ *Types, _ *Type, w *tagWorld) { w.put(tagDesc, 24) },
		"another number of fields": func(_ *Types, _ *Type, w *tagWorld) { w.put(tagDesc+64, 3) },
		"fields outside":           func(_ *Types, _ *Type, w *tagWorld) { w.put(tagDesc+56, tagBase+tagEnd-16) },
		"fields at the end":        func(_ *Types, _ *Type, w *tagWorld) { w.put(tagDesc+56, ^uint64(0)-8) },
		"another name":             func(_ *Types, _ *Type, w *tagWorld) { w.data[tagOne+2] = 'X' },
		"another offset":           func(_ *Types, _ *Type, w *tagWorld) { w.put(tagList+16, 4) },
		"a name outside":           func(_ *Types, _ *Type, w *tagWorld) { w.put(tagList, 0xc000000000) },
		"a nil name":               func(_ *Types, _ *Type, w *tagWorld) { w.put(tagList, 0) },
		"a tag that is too long":   func(_ *Types, _ *Type, w *tagWorld) { copy(w.data[tagOne+3:], "\xff\xff\x7f") },
		"a varint without end":     func(_ *Types, _ *Type, w *tagWorld) { copy(w.data[tagOne+3:], "\xff\xff\xff\xff\xff\xff") },
		"a tag over the end": func(_ *Types, _ *Type, w *tagWorld) {
			w.put(tagList, tagBase+tagEnd-4)
			copy(w.data[tagEnd-4:], "\x03\x01A\x7f")
		},
	} {
		types, ty, w := newTagWorld()
		damage(types, ty, w)
		if got := types.Tags(ty); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestTagsOfDamage: no damage of the section breaks anything, and what is read is
// the right number of tags or none.
func TestTagsOfDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		types, ty, w := newTagWorld()
		for range 1 + rnd.IntN(4) {
			w.data[tagDesc+rnd.IntN(tagTwo+16-tagDesc)] ^= byte(1 + rnd.IntN(255))
		}
		if got := types.Tags(ty); got != nil && len(got) != len(ty.Fields) {
			t.Fatalf("%d tags", len(got))
		}
	}
}
