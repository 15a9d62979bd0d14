// Package waits tells who waits for whom: what each blocked goroutine waits
// for, under which name the program knows it, who may hold it, and what follows
// from that: deadlocks, convoys, leaks.
//
// In:  the goroutines of a core with their stacks, one walked for all that are
// equal; the runtime's records of waiting goroutines (goruntime), types and
// variables (gotype, goscope). What of the heap can be reached is asked through
// [Reach]: this package does not walk it.
// Out: a [report.Waits].
//
// Who waits is exact: the runtime keeps a record (runtime.sudog) in the queue of
// the channel or semaphore. Who holds a mutex is recorded nowhere. A holder is a
// candidate with its evidence and a grade:
//
//   - strong: a deferred call that is still to run will unlock this very
//     mutex; or the goroutine stands in a function whose code has locked it
//     on every way to where it stands, and unlocked it on none;
//   - weak: a method of the value that the mutex lies in is on the stack of
//     a goroutine that does not wait for the mutex.
//
// Without evidence the holder is not known, and none is named. A core can be of
// a moment in which a lock moves: records that contradict each other are
// problems, and nothing is concluded from them.
package waits
