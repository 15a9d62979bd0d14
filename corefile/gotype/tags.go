package gotype

import (
	"math"
	"reflect"
	"strings"
)

// Bounds of what is kept of struct tags. Longer ones are not read: nobody asks
// for a tag by its first half.
const (
	maxTag    = 1 << 12
	maxTagged = 1 << 16 // struct types
)

// Tags returns the tags of a struct's fields in their order, "" for a field
// without one. Debug information has no tags, so they come from the type's
// descriptor; it is nil for a type that has none in the binary, or one that says
// something else about the fields than the debug information, and where no field
// has a tag. The list must not be changed.
func (t *Types) Tags(ty *Type) []string {
	if tags, known := t.tags[ty]; known {
		return tags
	}
	var tags []string
	if t.src.memory != nil && ty.Kind == reflect.Struct && ty.Err == nil {
		t.loadABI()
		tags = t.readTags(ty)
	}
	if t.tags == nil {
		t.tags = map[*Type][]string{}
	}
	if len(t.tags) < maxTagged {
		t.tags[ty] = tags
	}
	return tags
}

// readTags reads the descriptor of a struct. All of it lies in the section of
// types; whatever does not is no descriptor of a type of the binary.
func (t *Types) readTags(ty *Type) []string {
	l := t.desc.abi
	head, ok := t.described(ty.Descriptor, max(l.size, l.fields+3*ptrSize))
	if !ok || reflect.Kind(head[l.kind]&kindMask) != reflect.Struct || le64(head[l.sizeOff:]) != uint64(ty.Size) {
		return nil
	}
	n := uint64(len(ty.Fields))
	if n == 0 || n > maxFields || le64(head[l.fields+ptrSize:]) != n {
		return nil
	}
	list, ok := t.described(le64(head[l.fields:]), n*l.fieldSize)
	if !ok {
		return nil
	}
	var tags []string
	for i := range ty.Fields {
		f := list[uint64(i)*l.fieldSize:]
		name, tag, ok := t.taggedName(le64(f[l.fieldName:]))
		if !ok || le64(f[l.fieldOff:]) != uint64(ty.Fields[i].Offset) || !sameField(name, ty.Fields[i].Name) {
			return nil
		}
		if tag != "" && tags == nil {
			tags = make([]string, n)
		}
		if tag != "" {
			tags[i] = tag
		}
	}
	return tags
}

// sameField reports whether a descriptor and the debug information mean the
// same field: an embedded one has the name of its type, whose package the
// debug information may name.
func sameField(name, inDWARF string) bool {
	return name == inDWARF || strings.HasSuffix(inDWARF, "."+name)
}

// taggedName reads an abi.Name with its tag.
func (t *Types) taggedName(addr uint64) (name, tag string, ok bool) {
	flags, ok := t.described(addr, 1)
	if !ok {
		return "", "", false
	}
	name, next, ok := t.counted(addr + 1)
	if ok && flags[0]&nameTagged != 0 {
		tag, _, ok = t.counted(next)
	}
	return name, tag, ok
}

// counted reads a text of the section of types with its length, a varint of at
// most two bytes, before it. next is the address behind it.
func (t *Types) counted(addr uint64) (text string, next uint64, ok bool) {
	n := uint64(0)
	for shift := 0; ; shift += 7 {
		b, ok := t.described(addr, 1)
		if !ok || shift > 7 {
			return "", 0, false
		}
		addr++
		n |= uint64(b[0]&0x7f) << shift
		if b[0]&0x80 == 0 {
			break
		}
	}
	if n > maxTag {
		return "", 0, false
	}
	b, ok := t.described(addr, n)
	return string(b), addr + n, ok
}

// described reads n bytes that lie in the section of types.
func (t *Types) described(addr, n uint64) ([]byte, bool) {
	if !t.desc.known || addr < t.desc.base || addr >= t.desc.end || n > t.desc.end-addr || n > math.MaxInt32 {
		return nil, false
	}
	b := make([]byte, n)
	return b, t.src.memory.Read(b, addr) == nil
}
