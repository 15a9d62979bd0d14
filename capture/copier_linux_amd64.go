package capture

import (
	"context"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// copier reads memory of a process that stands, and hands it to a writer. It
// leaves out pages that were never touched.
type copier struct {
	ctx        context.Context
	pid        int
	out        *sparsePool
	mem        *os.File
	pagemap    *os.File // nil when it can't be had
	unreadable int64
}

// mapping copies the first size bytes of a mapping to a place in the file.
func (c *copier) mapping(m *mapping, size, at uint64) error {
	// Pages of files and of shared memory have content without being in the
	// page table.
	private := !m.file && !m.shared && m.path != "[vdso]"
	for start := m.start; start < m.start+size; {
		n := min(pieceSize, m.start+size-start)
		if err := context.Cause(c.ctx); err != nil {
			return err
		}
		c.piece(start, n, at+start-m.start, private)
		start += n
	}
	return nil
}

// Bits of an entry of /proc/PID/pagemap
// (Documentation/admin-guide/mm/pagemap.rst).
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
)

// piece copies what of n bytes was ever touched.
func (c *copier) piece(addr, n, at uint64, private bool) {
	var entries [pieceSize / pageSize * 8]byte
	if !private || c.pagemap == nil {
		c.run(addr, n, at)
		return
	}
	if _, err := c.pagemap.ReadAt(entries[:n/pageSize*8], int64(addr/pageSize*8)); err != nil {
		c.run(addr, n, at)
		return
	}
	touched := func(i uint64) bool {
		return binary.LittleEndian.Uint64(entries[i*8:])&(pagePresent|pageSwapped) != 0
	}
	for i := uint64(0); i < n/pageSize; {
		j := i
		for j < n/pageSize && touched(j) {
			j++
		}
		if i == j {
			i++
			continue
		}
		c.run(addr+i*pageSize, (j-i)*pageSize, at+i*pageSize)
		i = j
	}
}

// run copies memory at addr. Pages that can't be read stay holes and are
// counted.
func (c *copier) run(addr, n, at uint64) {
	b := c.out.buffer()[:n]
	// Twice as fast as /proc/PID/mem, which reads what may not be read, too.
	local := []unix.Iovec{{Base: &b[0], Len: n}}
	if got, err := unix.ProcessVMReadv(c.pid, local, []unix.RemoteIovec{{Base: uintptr(addr), Len: int(n)}}, 0); err == nil && uint64(got) == n {
		c.out.write(b, at)
		return
	}
	if _, err := c.mem.ReadAt(b, int64(addr)); err == nil {
		c.out.write(b, at)
		return
	}
	for i := uint64(0); i < n; i += pageSize {
		page := b[i : i+pageSize]
		if _, err := c.mem.ReadAt(page, int64(addr+i)); err != nil {
			clear(page) // a hole
			c.unreadable += pageSize
		}
	}
	c.out.write(b, at)
}
