package elfcore

// Bits of coredump_filter (core(5)).
const (
	filterAnonPrivate   = 1 << 0
	filterAnonShared    = 1 << 1
	filterMappedPrivate = 1 << 2
	filterMappedShared  = 1 << 3
	filterELFHeaders    = 1 << 4
	filterHugePrivate   = 1 << 5
	filterHugeShared    = 1 << 6
)

// extent says how much of a mapping a core holds.
type extent int

const (
	nothing extent = iota
	header         // the first page, if it is one of an ELF file
	whole
)

// plan decides what the kernel would dump of a mapping: vma_dump_size in
// fs/coredump.c, Linux 6.18. An anonymous mapping that was never written to
// has no bytes in a core.
func plan(m Mapping, filter uint32) extent {
	if m.Path == "[vdso]" {
		return whole
	}
	if m.DontDump || m.IO || m.Path == "[vsyscall]" {
		return nothing
	}
	on := func(bit uint32) extent {
		if filter&bit != 0 {
			return whole
		}
		return nothing
	}
	switch {
	case m.Huge && m.Shared:
		return on(filterHugeShared)
	case m.Huge:
		return on(filterHugePrivate)
	case m.Shared && m.noName():
		return on(filterAnonShared)
	case m.Shared:
		return on(filterMappedShared)
	case m.Touched && filter&filterAnonPrivate != 0:
		return whole
	case !m.hasFile():
		return nothing
	case filter&filterMappedPrivate != 0:
		return whole
	case filter&filterELFHeaders != 0 && m.Offset == 0 && m.Read:
		return header
	}
	return nothing
}
