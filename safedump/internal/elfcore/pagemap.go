package elfcore

import (
	"encoding/binary"
	"io"
)

// Bits of an entry of /proc/PID/pagemap
// (Documentation/admin-guide/mm/pagemap.rst).
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
)

// span is a range of addresses.
type span struct{ start, end uint64 }

// populated calls f for each run of pages between start and end that are in
// memory or swapped out, in order. What it leaves out was never touched. A
// pagemap that can't be read leaves nothing out.
func populated(pagemap io.ReaderAt, start, end uint64, f func(span) error) error {
	if pagemap == nil {
		return f(span{start, end})
	}
	buf := make([]byte, 8*4096)
	var run span
	flush := func() error {
		if run.start == run.end {
			return nil
		}
		return f(run)
	}
	for addr := start; addr < end; {
		want := buf[:min(uint64(len(buf)), (end-addr)/pageSize*8)]
		n, err := pagemap.ReadAt(want, int64(addr/pageSize*8))
		if n < len(want) && err != nil {
			// Not told: take everything from here on.
			if run.start == run.end || run.end != addr {
				if err := flush(); err != nil {
					return err
				}
				run.start = addr
			}
			run.end = end
			return flush()
		}
		for i := 0; i < len(want); i += 8 {
			if binary.LittleEndian.Uint64(want[i:])&(pagePresent|pageSwapped) != 0 {
				if run.end != addr {
					if err := flush(); err != nil {
						return err
					}
					run.start = addr
				}
				run.end = addr + pageSize
			}
			addr += pageSize
		}
	}
	return flush()
}
