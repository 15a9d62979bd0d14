//go:build linux && (amd64 || arm64)

package snapshot

// Sizes of the shared memory.
const (
	maxOps  = 256
	bufSize = 256 << 10
)

// op is one system call for the image.
type op struct {
	nr   uint64
	args [6]uint64
	ret  int64 // result as the kernel gives it: -errno for an error
	want int64
	// check is 1 when a result other than want ends the batch.
	check uint64
}

// area is the memory that parent and image share. fork_*.s knows its fields by
// the offsets in go_asm.h.
type area struct {
	count uint64 // ops of this batch
	done  uint64 // how many of them were made, without the one that ended it
	ctl   uint64 // descriptor on which the image waits for the next batch
	resp  uint64 // descriptor on which it says that a batch is done
	all   uint64 // signal mask: every signal
	old   uint64 // signal mask of the thread before
	fsErr int64  // of arch_prctl(ARCH_GET_FS)
	token uint64 // what goes through the pipes
	regs  [34]uint64
	ops   [maxOps]op
	// buf holds what system calls read and write, from the start paths.
	buf [bufSize]byte
}

// fork writes the registers of its caller into a.regs, makes the image with
// every signal blocked, and returns its PID, or -errno. In the image it does
// not return.
//
//go:noescape
func fork(a *area) int

// serve is where fork goes on in the image. Nothing in Go calls it; the linker
// wants it declared.
func serve()

var _ = serve
