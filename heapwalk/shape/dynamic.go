package shape

import (
	"reflect"
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
)

// dynamic is the type behind a descriptor or an itab.
type dynamic struct {
	id     ID
	direct bool // an interface holds the value itself, which is one pointer
}

// maxDynamic bounds the descriptors and itabs that are remembered: garbage in
// dead interfaces can look like any number of them. A service of 80 MB has
// 60 000 types.
const maxDynamic = 1 << 18

// lookup finds the type of a descriptor, or with itab of the itab at addr.
func (t *Table) lookup(addr uint64, itab bool) dynamic {
	key := addr
	if itab {
		key |= 1 // descriptors and itabs are aligned
	}
	t.mu.RLock()
	d, ok := t.dynamic[key]
	t.mu.RUnlock()
	if ok || addr == 0 || addr%ptrSize != 0 {
		return d
	}
	desc := addr
	if itab {
		var err error
		if desc, err = t.mem.Uint64(addr + t.lay.itabType); err != nil {
			return dynamic{}
		}
	}
	head, ok := t.readDescriptor(desc)
	if !ok {
		return dynamic{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if d, ok := t.dynamic[key]; ok {
		return d
	}
	if len(t.dynamic) >= maxDynamic {
		return dynamic{}
	}
	if ty, err := t.types.ByDescriptor(desc); err == nil {
		d = dynamic{t.of(ty), head.direct()}
	}
	t.dynamic[key] = d
	return d
}

// ofFunc is OfFunc with the lock held.
func (t *Table) ofFunc(entry uint64) ID {
	if id, ok := t.funcs[entry]; ok {
		return id
	}
	name, ok := t.functionAt(entry)
	if !ok {
		return Unknown // no function begins there; not remembered: garbage has no bound
	}
	id := t.newClosure(entry, name)
	t.funcs[entry] = id
	return id
}

// functionAt names the function that begins at entry: by the debug
// information, which has the arguments of generic ones, else by the table of
// functions.
func (t *Table) functionAt(entry uint64) (string, bool) {
	if name, begin, _, ok := t.finder.Function(entry); ok {
		return name, begin == entry
	}
	if t.rt == nil || t.rt.Functions() == nil {
		return "", false
	}
	f, ok := t.rt.Functions().Find(entry)
	return f.Name(), ok && f.Entry() == entry
}

// newClosure makes the type of a function's closures: its address, and behind
// it what it captured.
func (t *Table) newClosure(entry uint64, name string) ID {
	name = gotype.GoName(name)
	ty := &gotype.Type{Kind: reflect.Struct, Name: "closure of " + name, Size: ptrSize, Align: ptrSize}
	ty.Fields = []gotype.Field{{Name: "F", Type: &gotype.Type{Name: "uintptr", Kind: reflect.Uintptr, Size: ptrSize, Align: ptrSize}}}
	complete := false
	if method, ok := strings.CutSuffix(name, "-fm"); ok {
		complete = t.addReceiver(ty, method)
	}
	if !complete {
		complete = t.addCaptured(ty, entry)
	}
	ty.Size = (ty.Size + ptrSize - 1) / ptrSize * ptrSize
	return t.put(ty, Info{
		Kind: KindClosure, Name: ty.Name, Package: packageOfFunc(name), Type: ty, Size: uint64(ty.Size), Partial: !complete,
	})
}

// maxClosure bounds the size of a closure.
const maxClosure = 1 << 20

// addCaptured adds the variables that a closure captured. It is complete when
// they follow each other without a gap.
func (t *Table) addCaptured(ty *gotype.Type, entry uint64) (complete bool) {
	vars, err := t.finder.Captured(entry)
	if err != nil {
		return false
	}
	for _, v := range vars {
		vt := v.Type
		if v.ByRef {
			vt = &gotype.Type{Name: "*" + nameOf(v.Type), Kind: reflect.Pointer, Size: ptrSize, Align: ptrSize, Elem: v.Type}
		}
		if vt == nil || vt.Size < 0 || v.Offset < ptrSize || v.Offset > maxClosure || vt.Size > maxClosure {
			continue
		}
		ty.Fields = append(ty.Fields, gotype.Field{Name: v.Name, Offset: int64(v.Offset), Type: vt})
		ty.Size = max(ty.Size, int64(v.Offset)+vt.Size)
	}
	return false
}

// addReceiver adds what the closure of a method value holds: the receiver
// (cmd/compile/internal/walk/closure.go, methodValueWrapper).
func (t *Table) addReceiver(ty *gotype.Type, method string) bool {
	i := strings.LastIndexByte(method, '.')
	if i < 0 {
		return false
	}
	receiver := method[:i]
	if j := strings.LastIndex(receiver, ".(*"); j >= 0 && strings.HasSuffix(receiver, ")") {
		receiver = "*" + receiver[:j+1] + receiver[j+3:len(receiver)-1]
	}
	rt, err := t.types.ByName(receiver)
	if err != nil || rt.Size < 0 || rt.Size > maxClosure {
		return false
	}
	ty.Fields = append(ty.Fields, gotype.Field{Name: "receiver", Offset: ptrSize, Type: rt})
	ty.Size += rt.Size
	return true
}

// packageOfFunc is the import path of a function's package.
func packageOfFunc(name string) string {
	end := len(name)
	if i := strings.IndexByte(name, '['); i >= 0 {
		end = i
	}
	slash := strings.LastIndexByte(name[:end], '/')
	if dot := strings.IndexByte(name[slash+1:end], '.'); dot >= 0 {
		return name[:slash+1+dot]
	}
	return ""
}
