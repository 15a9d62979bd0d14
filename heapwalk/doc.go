// Package heapwalk reads the Go heap of a core: every object, what points to
// what, what is reachable and from where, and of which type each object is.
//
// In:  memory of a corefile.Core, the runtime's layouts (gotype, goruntime),
// and [Root]s: the places on goroutine stacks that hold pointers. Who walks
// stacks hands them over as plain values; package variables and what the runtime
// itself keeps alive (finalizers, cleanups, timers) are found here.
// Out: a [Heap] with its objects, numbered densely; what of it is [Live], with
// types; what is [Retained] by what; and answers from these: duplicated strings,
// room that is not in use, suspects of leaks, growth between two cores.
//
// It does not walk stacks (gounwind), does not decode values (vars), and does
// not decide what is secret (redact): the texts that it gives out beyond names
// and types are marked as contents.
//
// The heap is hostile: a span, bitmap or type that contradicts itself is a
// problem, and nothing in it is believed beyond its bounds.
package heapwalk
