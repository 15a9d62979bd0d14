// Package shape tells which words of a value of a Go type point to what: a
// [Table] numbers types densely and compiles each into a short list of [Word]s,
// and a [Walker] runs that list over the bytes of a value, for every object of
// a heap, without allocating.
//
// In:  types (gotype), what closures capture (goscope), the table of functions
// and the memory of a corefile.Core, which is asked for the dynamic part only:
// the type behind an interface, the function of a closure, a node's flag.
// Out: for each pointer word an [Edge]: the pointer, the type of what it points
// to, how many of them, and how that is known.
//
// What the language hides is opened by rules (rules.go): Swiss maps, channel
// buffers, sync/atomic.Pointer, sync.Map's tries, sync.Pool, reflect.Value,
// weak pointers.
//
// It knows nothing of spans, bitmaps of spans and marking (heapwalk): whether a
// word really is a pointer is the business of the garbage collector's bitmap,
// whether an object can be of a type is asked of [Info.Matches]. Lengths and
// pointers are handed on as memory has them, to be checked by who follows them.
//
// # Names
//
// A type has the name that Go gives it. What has no name in the language is
// called after what it belongs to: "closure of main.handler.func1" (the function
// as tracebacks have it), "map[string]int" is the header that a map value
// points to, "map[string]int directory", "map[string]int table" and
// "map[string]int group" are its parts, "chan int" is a channel, "string bytes"
// is what strings point to.
package shape
