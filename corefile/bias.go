package corefile

import (
	"debug/elf"
	"fmt"

	"github.com/safedump/sdcore/report"
)

// findBias finds what must be added to the binary's addresses: nothing for an
// executable at fixed addresses, otherwise the difference that the auxiliary
// vector or the headers in memory show. The result is empty, or why these
// contradict the binary.
func (c *Core) findBias() (mismatch string) {
	h := c.bin.head
	entry, hasEntry := c.notes.auxv[atEntry]
	if h.typ == elf.ET_EXEC {
		if c.image != nil && c.image.head.typ != elf.ET_EXEC {
			return "the program that crashed was position independent, the binary is not"
		}
		if hasEntry && entry != h.entry && (c.image == nil || c.image.head.entry+c.image.bias == entry) {
			return fmt.Sprintf("the process started at %v, the binary starts at %v", report.Addr(entry), report.Addr(h.entry))
		}
		return ""
	}
	if c.image != nil && c.image.head.typ == elf.ET_EXEC {
		return "the binary is position independent, the program that crashed was not"
	}
	switch {
	case c.image != nil:
		c.bias = c.image.bias
		c.evidence("load bias %v: from the ELF header in memory at %v", report.Addr(c.bias), report.Addr(c.image.base))
		if h.entry != c.image.head.entry {
			return fmt.Sprintf("the entry point in memory is %v, the binary's is %v", report.Addr(c.image.head.entry), report.Addr(h.entry))
		}
	case hasEntry:
		c.bias = entry - h.entry
		c.evidence("load bias %v: AT_ENTRY %v less the binary's entry %v", report.Addr(c.bias), report.Addr(entry), report.Addr(h.entry))
		if c.bias%pageSize != 0 {
			return fmt.Sprintf("the process started at %v, which the binary's entry %v can't be mapped to", report.Addr(entry), report.Addr(h.entry))
		}
	default:
		c.problem("binary", true, "is position independent and the core does not tell where it was loaded: no NT_AUXV note and no ELF header in memory")
	}
	return ""
}

// withoutBinary takes bias and build IDs from the headers in memory.
func (c *Core) withoutBinary() {
	c.identifyImage()
	if c.image != nil {
		c.bias = c.image.bias
	}
}

// biasKnown reports whether the binary's addresses can be related to memory.
func (c *Core) biasKnown() bool {
	_, hasEntry := c.notes.auxv[atEntry]
	return c.bin.head.typ == elf.ET_EXEC || c.image != nil || hasEntry
}
