package safedump

import (
	"fmt"
	"strconv"
	"strings"
)

// Bits of /proc/PID/coredump_filter (core(5)).
const (
	filterAnonPrivate   uint32 = 1 << 0
	filterAnonShared    uint32 = 1 << 1
	filterMappedPrivate uint32 = 1 << 2
	filterMappedShared  uint32 = 1 << 3
	filterELFHeaders    uint32 = 1 << 4
	filterHugePrivate   uint32 = 1 << 5
	filterHugeShared    uint32 = 1 << 6
)

// filterNeeded is what sdcore needs: the heap and the stacks (anonymous
// private memory, in huge pages too), memory shared between processes, and the
// first page of each mapped file, which holds the build ID. It is the
// kernel's own default, 0x33. Text comes from the binary.
const filterNeeded = filterAnonPrivate | filterAnonShared | filterELFHeaders | filterHugePrivate

// filterNames is in the order of the bits.
func filterNames() []string {
	return []string{
		"anonymous private memory", "anonymous shared memory", "private file mappings", "shared file mappings",
		"ELF headers", "private huge pages", "shared huge pages", "private DAX pages", "shared DAX pages",
	}
}

// parseFilter reads the hexadecimal text of coredump_filter.
func parseFilter(text string) (uint32, error) {
	v, err := strconv.ParseUint(strings.TrimSpace(text), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("coredump_filter: %w", err)
	}
	return uint32(v), nil
}

// describeBits names the bits that are set.
func describeBits(bits uint32) string {
	var names []string
	for i, name := range filterNames() {
		if bits&(1<<uint(i)) != 0 {
			names = append(names, name)
			bits &^= 1 << uint(i)
		}
	}
	if bits != 0 {
		names = append(names, fmt.Sprintf("unknown bits %#x", bits))
	}
	return strings.Join(names, ", ")
}

// diagnoseFilter says what a filter leaves out of what sdcore needs.
func diagnoseFilter(filter uint32) Diagnosis {
	const remedy = "write 0x33 to /proc/PID/coredump_filter, or start the process from a parent that has it"
	missing := filterNeeded &^ filter
	switch {
	case missing == 0:
		return Diagnosis{Code: CodeFilterComplete, Severity: OK,
			Message: fmt.Sprintf("coredump_filter is %#x: a core holds %s", filter, describeBits(filter))}
	case missing&filterAnonPrivate != 0:
		return Diagnosis{Code: CodeFilterNoMemory, Severity: Fail, Remedy: remedy,
			Message: fmt.Sprintf("coredump_filter is %#x: a core would hold neither heap nor stacks", filter)}
	}
	return Diagnosis{Code: CodeFilterPartial, Severity: Warn, Remedy: remedy,
		Message: fmt.Sprintf("coredump_filter is %#x: a core lacks %s", filter, describeBits(missing))}
}
