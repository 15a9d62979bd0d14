package gounwind

import "github.com/safedump/sdcore/corefile"

// VDSO is the name of a frame in the code that the kernel maps into every
// process (vdso(7)): time.Now and the runtime call it, without a system call.
const VDSO = "[vdso]"

// atSysinfoEHDR is the entry of the auxiliary vector that says where that code
// lies. Source: Linux 6.12, include/uapi/linux/auxvec.h.
const atSysinfoEHDR = 33

// maxVDSO bounds its size: a few pages.
const maxVDSO = 64 << 10

// sharedCode finds the kernel's shared code in a process; lo is hi when it has
// none.
func sharedCode(c *corefile.Core) (lo, hi uint64) {
	at, ok := c.Auxv()[atSysinfoEHDR]
	if !ok {
		return 0, 0
	}
	for _, s := range c.Segments() {
		if s.Start == at && s.Exec && s.End-s.Start <= maxVDSO {
			return s.Start, s.End
		}
	}
	return 0, 0
}
