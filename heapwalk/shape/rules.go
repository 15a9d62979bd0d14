package shape

import (
	"reflect"
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
)

// ruled is what a rule says of a field: the word that it is, relative to the
// field, with Aux and Aux2 relative to the struct; skip: another word has it.
type ruled struct {
	Word
	skip bool
}

// rule makes the words of those fields of a struct whose types hide what they
// point to.
type rule func(t *Table, ty *gotype.Type) map[string]ruled

// rules are found by the name of a type without its type arguments.
func ruleNamed(name string) rule {
	switch name {
	case "sync/atomic.Pointer": // type.go: _ [0]*T; v unsafe.Pointer
		return func(t *Table, ty *gotype.Type) map[string]ruled {
			return map[string]ruled{"v": t.told(typeArgument(t, ty))}
		}
	case "internal/runtime/atomic.Pointer": // types.go: u UnsafePointer{noCopy; value unsafe.Pointer}
		return func(t *Table, ty *gotype.Type) map[string]ruled {
			if f, ok := ty.Field("u"); !ok || f.Type.Size != ptrSize {
				return nil
			}
			return map[string]ruled{"u": t.told(typeArgument(t, ty))}
		}
	case "weak.Pointer", "internal/weak.Pointer": // weak/pointer.go: u is the handle (runtime/mheap.go, getOrAddWeakHandle)
		return func(*Table, *gotype.Type) map[string]ruled {
			return map[string]ruled{"u": {Word: Word{Elem: WeakHandle}}}
		}
	case "sync.Pool": // pool.go
		return poolRule
	case "sync.eface", "runtime.eface", "internal/abi.EmptyInterface": // both words are pointers to the collector
		return efaceRule(WordEface)
	case "runtime.iface", "internal/abi.NonEmptyInterface":
		return efaceRule(WordIface)
	case "reflect.Value": // value.go
		return func(_ *Table, ty *gotype.Type) map[string]ruled {
			typ, flag, ok := two(ty, "typ_", "flag")
			if !ok {
				return nil
			}
			return map[string]ruled{"ptr": {Word: Word{Kind: WordReflect, Aux: typ, Aux2: flag}}}
		}
	case "runtime.hchan", "hchan": // runtime/chan.go
		return func(_ *Table, ty *gotype.Type) map[string]ruled {
			n, elem, ok := two(ty, "dataqsiz", "elemtype")
			if !ok {
				return nil
			}
			return map[string]ruled{"buf": {Word: Word{Kind: WordChanBuf, Aux: n, Aux2: elem}}}
		}
	case "runtime.maybeTraceableChan": // runtime/runtime2.go: what a sudog waits for; since go1.26
		return func(*Table, *gotype.Type) map[string]ruled {
			return map[string]ruled{"maybeTraceablePtr": {Word: Word{Kind: WordChan}}}
		}
	case "runtime.timeTimer": // runtime/time.go: c is a <-chan time.Time
		return func(*Table, *gotype.Type) map[string]ruled {
			return map[string]ruled{"c": {Word: Word{Kind: WordChan}}}
		}
	case "map": // what the linker makes of internal/runtime/maps.Map for a map type
		return mapRule
	case "internal/runtime/maps.Map":
		return mapRule
	case "groupReference", "internal/runtime/maps.groupsReference": // group.go
		return func(t *Table, ty *gotype.Type) map[string]ruled {
			data, ok := ty.Field("data")
			mask, ok2 := ty.Field("lengthMask")
			if !ok || !ok2 || data.Type.Kind != reflect.Pointer {
				return nil
			}
			return map[string]ruled{"data": {Word: Word{Kind: WordMasked, Elem: t.of(data.Type.Elem), How: HowDeclared, Aux: uint64(mask.Offset)}}}
		}
	case "runtime.g": // runtime2.go: labels, set by runtime/pprof
		return func(t *Table, _ *gotype.Type) map[string]ruled {
			ty, err := t.types.ByName("runtime/pprof.labelMap")
			if err != nil {
				return nil
			}
			return map[string]ruled{"labels": t.told(ty)}
		}
	}
	return nil
}

// ruleFor returns what the rules say about the fields of a struct.
func (t *Table) ruleFor(ty *gotype.Type) map[string]ruled {
	name := ty.Name
	if i := strings.IndexAny(name, "[<"); i >= 0 {
		name = name[:i]
	}
	if r := ruleNamed(name); r != nil {
		return r(t, ty)
	}
	return nil
}

// two finds the offsets of two fields of the size of a word.
func two(ty *gotype.Type, a, b string) (offA, offB uint64, ok bool) {
	fa, okA := ty.Field(a)
	fb, okB := ty.Field(b)
	if !okA || !okB || fa.Type.Size != ptrSize || fb.Type.Size != ptrSize {
		return 0, 0, false
	}
	return uint64(fa.Offset), uint64(fb.Offset), true
}

// typeArgument is the T of a generic type such as sync/atomic.Pointer[T]: that
// of the field `_ [0]*T` where it has one, else the type of that name.
func typeArgument(t *Table, ty *gotype.Type) *gotype.Type {
	for i := range ty.Fields {
		f := ty.Fields[i].Type
		if f != nil && f.Kind == reflect.Array && f.Len == 0 && f.Elem != nil && f.Elem.Kind == reflect.Pointer {
			return f.Elem.Elem
		}
	}
	i := strings.IndexByte(ty.Name, '[')
	if i < 0 || !strings.HasSuffix(ty.Name, "]") {
		return nil
	}
	arg, err := t.types.ByName(ty.Name[i+1 : len(ty.Name)-1])
	if err != nil {
		return nil
	}
	return arg
}

// pointerTo is a word that points to a value of type elem, nil when that is
// not known.
func (t *Table) pointerTo(elem *gotype.Type, off uint64) Word {
	switch {
	case elem == nil:
		return Word{Off: off, Kind: WordUnsafe}
	case isTrieNode(elem.Name):
		return t.trieNode(elem, off)
	case elem.Name == "runtime.hchan":
		return Word{Off: off, Kind: WordChan, How: HowDeclared}
	case elem.Name == "runtime.timer":
		if whole, err := t.types.ByName("runtime.timeTimer"); err == nil && t.lay.timerFunc != 0 {
			return Word{Off: off, Kind: WordTimer, Elem: t.of(elem), Alt: t.of(whole), How: HowDeclared}
		}
	case elem.Name == "time.Timer" || elem.Name == "time.Ticker":
		// They are only the head of a runtime.timeTimer (runtime/time.go, newTimer).
		if whole, err := t.types.ByName("runtime.timeTimer"); err == nil {
			return Word{Off: off, Elem: t.of(whole), How: HowRule}
		}
	}
	return Word{Off: off, Elem: t.of(elem), How: howOf(elem)}
}

// told is a pointer of which a rule tells what it points to.
func (t *Table) told(elem *gotype.Type) ruled {
	w := t.pointerTo(elem, 0)
	w.How = min(w.How, HowRule)
	return ruled{Word: w}
}

// isTrieNode reports whether a type is the node of a hash trie of the standard
// library: the head of an entry or of an inner node, by its flag
// (internal/sync/hashtriemap.go, node; unique/canonmap.go, node).
func isTrieNode(name string) bool {
	return strings.HasPrefix(name, "internal/sync.node[") || strings.HasPrefix(name, "unique.node[")
}

func (t *Table) trieNode(node *gotype.Type, off uint64) Word {
	i := strings.Index(node.Name, ".node[")
	named := func(what string) ID { return t.instance(node.Name[:i+1]+what, node.Name[i+len(".node["):]) }
	return Word{Off: off, Kind: WordTrie, Elem: named("entry"), Alt: named("indirect")}
}

// instance numbers a generic type by its name and arguments "K,V]". Where only
// generic code makes values of it, go1.27's debug information has the type of that
// code alone; it looks the same.
func (t *Table) instance(name, arguments string) ID {
	whole := name + "[" + arguments
	if ty, err := t.types.ByName(whole); err == nil {
		return t.of(ty)
	}
	ty, err := t.types.ByName(name + "[go.shape." + strings.ReplaceAll(arguments, ",", ",go.shape."))
	if err != nil {
		return Unknown
	}
	return t.put(ty, Info{Kind: KindValue, Name: whole, Type: ty, Size: uint64(max(ty.Size, 0)), Package: ty.Package})
}

// poolRule: local and victim are arrays of poolLocal, one for each P.
func poolRule(t *Table, ty *gotype.Type) map[string]ruled {
	n, victims, ok := two(ty, "localSize", "victimSize")
	local, err := t.types.ByName("sync.poolLocal")
	if !ok || err != nil {
		return nil
	}
	id := t.of(local)
	return map[string]ruled{
		"local":  {Word: Word{Kind: WordCounted, Elem: id, Aux: n}},
		"victim": {Word: Word{Kind: WordCounted, Elem: id, Aux: victims}},
	}
}

// efaceRule is for structs that are laid out like an interface.
func efaceRule(kind WordKind) rule {
	return func(_ *Table, ty *gotype.Type) map[string]ruled {
		if len(ty.Fields) != 2 || ty.Fields[0].Offset != 0 || ty.Fields[1].Offset != ptrSize || ty.Size != 2*ptrSize {
			return nil
		}
		return map[string]ruled{
			ty.Fields[0].Name: {Word: Word{Kind: kind, TypeIsPtr: true}},
			ty.Fields[1].Name: {skip: true},
		}
	}
}

// mapRule: the directory of a map is one group, or an array of pointers to
// tables (internal/runtime/maps/map.go, Map.dirPtr).
func mapRule(t *Table, ty *gotype.Type) map[string]ruled {
	p := partsOf(ty)
	n, ok := ty.Field("dirLen")
	if p.group == nil || !ok {
		return nil
	}
	return map[string]ruled{"dirPtr": {Word: Word{
		Kind: WordMapDir, Elem: t.of(p.group), How: HowDeclared, Alt: t.of(p.tablePointer), Aux: uint64(n.Offset),
	}}}
}

// mapParts are the types behind a map's header, as the linker describes them
// (cmd/link/internal/ld/dwarf.go, synthesizemaptypes): map<K,V> with dirPtr
// **table<K,V>, whose groups are a groupReference<K,V>.
type mapParts struct{ tablePointer, table, group *gotype.Type }

func partsOf(header *gotype.Type) (p mapParts) {
	dir, ok := header.Field("dirPtr")
	if !ok || dir.Type.Elem == nil || dir.Type.Elem.Elem == nil {
		return p
	}
	p.tablePointer, p.table = dir.Type.Elem, dir.Type.Elem.Elem
	if data, ok := p.table.Field("groups.data"); ok {
		p.group = data.Type.Elem
	}
	return p
}

// mapHeader numbers what a map value points to, and names its parts.
func (t *Table) mapHeader(ty *gotype.Type) ID {
	if ty.Internal == nil {
		return Unknown
	}
	if id, ok := t.byType[ty.Internal]; ok {
		return id
	}
	name, pkg := "map["+nameOf(ty.Key)+"]"+nameOf(ty.Elem), packageOf(ty)
	part := func(part *gotype.Type, kind Kind, suffix string) ID {
		if part == nil {
			return Unknown
		}
		return t.put(part, Info{Kind: kind, Name: name + suffix, Package: pkg, Type: part, Size: uint64(max(part.Size, 0))})
	}
	p := partsOf(ty.Internal)
	part(p.group, KindMapGroup, " group")
	part(p.table, KindMapTable, " table")
	part(p.tablePointer, KindValue, " directory")
	if b, ok := ty.Internal.Field("buckets"); ok && b.Type.Kind == reflect.Pointer {
		part(b.Type.Elem, KindValue, " bucket") // go1.25 with GOEXPERIMENT=noswissmap
	}
	return part(ty.Internal, KindMap, "")
}

// chanHeader numbers what a channel points to.
func (t *Table) chanHeader(ty *gotype.Type) ID {
	if ty.Internal == nil {
		return Unknown
	}
	if id, ok := t.byType[ty.Internal]; ok {
		return id
	}
	id := t.chanOf(t.of(ty.Elem), ty.Internal)
	if !strings.HasPrefix(ty.Internal.Name, "runtime.") { // that all channels made by reflect share
		t.byType[ty.Internal] = id
	}
	return id
}

// chanOf numbers the channels of an element. The lock is held.
func (t *Table) chanOf(elem ID, header *gotype.Type) ID {
	if id, ok := t.chans[elem]; ok || header == nil {
		return id
	}
	e := &(*t.slots.Load())[elem].info
	id := t.add(Info{
		Kind: KindChan, Name: "chan " + e.Name, Package: e.Package, Type: header, Size: uint64(max(header.Size, 0)), Elem: elem,
	}).info.ID
	t.chans[elem] = id
	return id
}

// timerAt moves an edge from a timer to the runtime.timeTimer that it is a part of,
// as all are that package time made: those call functions of it.
func (w *Walker) timerAt(whole ID, e *Edge) {
	f, err := w.t.mem.Uint64(e.Ptr + w.t.lay.timerFunc)
	if err != nil || e.Ptr < w.t.lay.inTimeTimer {
		return
	}
	switch w.Info(w.closureAt(f)).Name {
	case "closure of time.goFunc", "closure of time.sendTime":
		e.Ptr, e.Elem, e.How = e.Ptr-w.t.lay.inTimeTimer, whole, HowDynamic
	}
}

// chanAt numbers the channel whose header lies at addr, by the type of its
// elements; Unknown for what is none.
func (w *Walker) chanAt(addr uint64) ID {
	desc, err := w.t.mem.Uint64(addr + w.t.lay.chanElem)
	if err != nil {
		return Unknown
	}
	elem := w.typeAt(desc).id
	if elem == Unknown {
		return Unknown
	}
	w.t.mu.RLock()
	id, ok := w.t.chans[elem]
	w.t.mu.RUnlock()
	if ok {
		return id
	}
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	return w.t.chanOf(elem, w.t.lay.hchan)
}

func nameOf(ty *gotype.Type) string {
	if ty == nil || ty.Name == "" {
		return "?"
	}
	return ty.Name
}
