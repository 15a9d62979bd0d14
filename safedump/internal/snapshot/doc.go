// Package snapshot makes an image of this process that no longer moves, and
// lets the caller give it orders.
//
// In:  an open file, the only descriptor that the image keeps.
// Out: an Image: a child process with a copy-on-write view of this process's
// memory at one moment at which no other goroutine ran, and the registers of
// the calling thread at that moment.
//
// How: GOMAXPROCS(1) stops every goroutine but the caller; a few lines of
// assembly block all signals, write down the registers and clone(2) without
// CLONE_VM and without an exit signal; the caller lets the others run again.
//
// The child is not a Go program any more, although it looks like one: it has
// one thread, and whatever enters the scheduler there would run the service's
// goroutines a second time. So it never executes Go code. It is a loop in
// assembly that makes the system calls that stand in memory shared with the
// parent, and ends when a pipe from the parent does. All thinking is done in
// the parent, as ordinary Go, after the pause: the image doesn't change, so
// its own /proc/self/smaps and pagemap are those of the moment of the clone.
//
// What it does not do: know what a core is (see elfcore), choose files, ask
// whether there is enough memory.
//
// Linux on amd64 and arm64; elsewhere Take returns ErrUnsupported.
package snapshot
