package report

// Heap is what is known of the heap: what takes its memory, and what holds that.
// Lists are as long as was asked for; Omitted of the report counts the rest.
type Heap struct {
	Totals HeapTotals `json:"totals"`
	// Types are what the objects are, most bytes first.
	Types []HeapType `json:"types"`
	// Packages are the same by the package that declares the type.
	Packages []HeapPackage `json:"packages"`
	// Owners are the roots with what only they keep alive, largest first.
	Owners []HeapOwner `json:"owners"`
	// Retained are single objects that keep much alive, largest first.
	Retained []HeapObject `json:"retained"`
	// Paths are the shortest ways on which roots keep the objects alive that were
	// asked for.
	Paths []HeapPath `json:"paths"`
	// Suspects are what looks like a leak, with the reason.
	Suspects []HeapSuspect `json:"suspects"`
	// Strings are contents that many strings have each a copy of.
	Strings []HeapString `json:"strings"`
	// Waste are slices and maps that are much larger than what they hold.
	Waste []HeapWaste `json:"waste"`
	// Growth is what grew or shrank since another core, Since, most bytes first.
	Growth []HeapGrowth `json:"growth"`
	Since  string       `json:"since,omitempty" redact:"path"`
	// Before are the totals of that other core.
	Before *HeapTotals `json:"before,omitempty"`
	// Sites are where memory was allocated, by the runtime's own profile.
	Sites []HeapSite `json:"sites"`
	// SampleRate is one sample per so many bytes of that profile; 0: it was off.
	SampleRate int64 `json:"sample_rate"`
	// Samples are the live objects by how they are held, for a profile.
	Samples []HeapSample `json:"samples"`
}

// HeapTotals are sums over the heap, in objects and bytes. Bytes of objects are
// those of the places that they lie in, which their sizes were rounded up to.
type HeapTotals struct {
	SpanBytes uint64 `json:"span_bytes"` // of the pages that hold objects
	Objects   uint64 `json:"objects"`
	Bytes     uint64 `json:"bytes"`
	// Live is what can be reached from the roots.
	LiveObjects uint64 `json:"live_objects"`
	LiveBytes   uint64 `json:"live_bytes"`
	// Garbage is what can't, and was not collected yet; Condemned is the part of it
	// that the collector has found out already.
	GarbageObjects   uint64 `json:"garbage_objects"`
	GarbageBytes     uint64 `json:"garbage_bytes"`
	CondemnedObjects uint64 `json:"condemned_objects"`
	CondemnedBytes   uint64 `json:"condemned_bytes"`
	// RuntimeSpanBytes and RuntimeBytes are what the runtime itself counted, 0
	// where that is not known.
	RuntimeSpanBytes uint64 `json:"runtime_span_bytes"`
	RuntimeBytes     uint64 `json:"runtime_bytes"`
	// Exact, Strong and Weak are the bytes of live objects whose type is known, by
	// HeapConfidence.
	ExactBytes  uint64 `json:"exact_bytes"`
	StrongBytes uint64 `json:"strong_bytes"`
	WeakBytes   uint64 `json:"weak_bytes"`
	// ConservativeObjects are live only because of words on stacks or in registers
	// that may be no pointers.
	ConservativeObjects uint64 `json:"conservative_objects"`
	ConservativeBytes   uint64 `json:"conservative_bytes"`
}

// HeapConfidence says how the type of an object is known.
type HeapConfidence string

// The confidences.
const (
	HeapExact   HeapConfidence = "exact"   // the allocator recorded it
	HeapStrong  HeapConfidence = "strong"  // a pointer to it has the type, and size and pointers fit
	HeapWeak    HeapConfidence = "weak"    // a pointer into it has the type, and nothing is against it
	HeapUnknown HeapConfidence = "unknown" // only its size is known
)

// HeapType is what objects of one type take.
type HeapType struct {
	// Type is as Go spells it; for the memory behind slices it is that of a slice.
	// What is not known is named by its size: "unknown, 64 bytes".
	Type       string         `json:"type" redact:"code"`
	Package    string         `json:"package" redact:"code"` // "" for unnamed types
	Confidence HeapConfidence `json:"confidence" redact:"code"`
	Objects    uint64         `json:"objects"` // live ones
	Bytes      uint64         `json:"bytes"`
	// Retained is what would be freed if all of them were gone; 0 where it was not
	// asked for.
	Retained       uint64 `json:"retained,omitempty"`
	GarbageObjects uint64 `json:"garbage_objects"`
	GarbageBytes   uint64 `json:"garbage_bytes"`
}

// HeapPackage is what objects of the types of one package take.
type HeapPackage struct {
	// Package is the import path; "" stands for types without a package, such as
	// strings, and for memory of unknown type.
	Package        string `json:"package" redact:"code"`
	Objects        uint64 `json:"objects"` // live ones
	Bytes          uint64 `json:"bytes"`
	GarbageObjects uint64 `json:"garbage_objects"`
	GarbageBytes   uint64 `json:"garbage_bytes"`
}

// HeapRoot is a place outside the heap that holds a pointer into it.
type HeapRoot struct {
	// Kind is one of HeapRootKinds; "" where no root is known.
	Kind      string `json:"kind" redact:"code"`
	Goroutine uint64 `json:"goroutine,omitempty"` // 0: none
	// Package is that of a global, Function that of a frame, with its index.
	Package  string `json:"package,omitempty" redact:"code"`
	Function string `json:"function,omitempty" redact:"code"`
	Frame    int    `json:"frame,omitempty"`
	Name     string `json:"name" redact:"name"` // of the variable; may be empty
	// Conservative means that the word may be no pointer at all.
	Conservative bool `json:"conservative,omitempty"`
}

// HeapOwner is a root, or all roots of a goroutine, with what only it keeps alive.
type HeapOwner struct {
	Root     HeapRoot `json:"root"`
	Type     string   `json:"type" redact:"code"` // of the variable, "" when unknown
	Objects  uint64   `json:"objects"`
	Retained uint64   `json:"retained"` // bytes
}

// HeapObject is one object.
type HeapObject struct {
	Addr       Addr           `json:"addr"`
	Type       string         `json:"type" redact:"code"`
	Confidence HeapConfidence `json:"confidence" redact:"code"`
	Bytes      uint64         `json:"bytes"`
	Retained   uint64         `json:"retained"`
	Objects    uint64         `json:"objects"` // that are retained
	// Path is the shortest way to it.
	Path HeapPath `json:"path"`
	// Len and Cap are those of the slice, map or channel that it belongs to; -1:
	// it belongs to none.
	Len int64 `json:"len"`
	Cap int64 `json:"cap"`
}

// HeapPath is a way from a root to an object.
type HeapPath struct {
	Root  HeapRoot   `json:"root"`
	Steps []HeapStep `json:"steps"`
}

// HeapStep leads from a value to a part of it, and from there on to another
// object.
type HeapStep struct {
	// Kind is "pointer" (what the value itself points to), "field", "index", "key"
	// (the key of a map itself), "value" (the one under Key in a map), "captured" (of
	// a closure), "element" (of a channel), "dynamic" (what an interface holds),
	// "word" (nothing is known but the offset) or "omitted" (Repeat steps that are not
	// listed).
	Kind string `json:"kind" redact:"code"`
	// Name is that of a field or captured variable, with those it lies in:
	// "conn.buf".
	Name string `json:"name,omitempty" redact:"name"`
	// Tag is the struct tag of the field, "" when it has none or the binary does
	// not tell: redact decides by it. It is not part of a file.
	Tag string `json:"-" redact:"safe"`
	// Index is that of an element, or the offset of a word in bytes from where the
	// step before came to.
	Index int64 `json:"index,omitempty"`
	// Key is the key in a map.
	Key *Value `json:"key,omitempty"`
	// Repeat is how many equal steps in a row this one stands for, as along a list;
	// 0 and 1 mean one.
	Repeat int64 `json:"repeat,omitempty"`
	// Object is what the part points to: its address, type and size. 0: the path
	// goes on inside of the same object.
	Addr  Addr   `json:"addr,omitempty"`
	Type  string `json:"type,omitempty" redact:"code"`
	Bytes uint64 `json:"bytes,omitempty"`
}

// HeapSuspect is what looks like a leak.
type HeapSuspect struct {
	// Kind is "owner" (one object holds much), "container" (a map or slice with
	// many elements), "goroutines" (many goroutines hold much in the same place).
	Kind string `json:"kind" redact:"code"`
	// Object is the one that holds it, nil for goroutines.
	Object *HeapObject `json:"object,omitempty"`
	// Goroutines are how many, Function where they wait.
	Goroutines int    `json:"goroutines,omitempty"`
	Function   string `json:"function,omitempty" redact:"code"`
	Retained   uint64 `json:"retained"`
	// Share is the part of all live bytes, 0 to 1.
	Share float64 `json:"share"`
}

// HeapString is a text with copies.
type HeapString struct {
	Value  Value  `json:"value"`  // one of them
	Copies uint64 `json:"copies"` // that lie in different places
	// Length is in bytes, 0 where the text was removed: it would measure the secret.
	Length uint64 `json:"length"`
	Wasted uint64 `json:"wasted"` // what the objects of all copies but one take
	// Holder is an example of a variable that holds one.
	Holder HeapPath `json:"holder"`
}

// HeapWaste is a slice or map that is larger than what it holds.
type HeapWaste struct {
	Kind   string   `json:"kind" redact:"code"` // "slice" or "map"
	Type   string   `json:"type" redact:"code"`
	Count  uint64   `json:"count"` // how many of this type are
	Len    uint64   `json:"len"`   // of all of them
	Cap    uint64   `json:"cap"`
	Wasted uint64   `json:"wasted"` // bytes of what is not in use
	Holder HeapPath `json:"holder"` // the worst one
}

// HeapGrowth is the difference between two cores, the newer minus the older one.
type HeapGrowth struct {
	// Kind is "type" or "owner".
	Kind string   `json:"kind" redact:"code"`
	Type string   `json:"type" redact:"code"`
	Root HeapRoot `json:"root,omitzero"`
	// Objects and Bytes are live ones of a type, or what an owner retains.
	Objects    int64  `json:"objects"`
	Bytes      int64  `json:"bytes"`
	NewObjects uint64 `json:"new_objects"`
	NewBytes   uint64 `json:"new_bytes"`
}

// HeapSite is where memory was allocated, scaled up from the samples.
type HeapSite struct {
	Frames       []FrameRef `json:"frames"` // innermost first
	InUseObjects int64      `json:"in_use_objects"`
	InUseBytes   int64      `json:"in_use_bytes"`
	AllocObjects int64      `json:"alloc_objects"`
	AllocBytes   int64      `json:"alloc_bytes"`
}

// HeapSample is what is held in one way: live objects and their bytes.
type HeapSample struct {
	// Stack is how they are held, the root first and the type of the objects last:
	// "main.server", ".sessions", "[]", "main.Session". It is made of names and types
	// alone: keys of maps and indexes are "[]" in it.
	Stack   []string `json:"stack" redact:"text"`
	Objects uint64   `json:"objects"`
	Bytes   uint64   `json:"bytes"`
}

// HeapRootKinds lists the kinds of roots. A local is a variable of a frame, a
// stack root another word of one; goroutine is what the scheduler keeps for one; a
// queue is one of the runtime's, runtime whatever else it keeps.
func HeapRootKinds() []string {
	return []string{
		"global", "local", "stack", "register", "defer", "panic", "goroutine",
		"finalizer", "cleanup", "weak", "timer", "queue", "runtime",
	}
}
