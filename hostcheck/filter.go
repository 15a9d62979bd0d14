package hostcheck

import (
	"fmt"
	"strconv"
	"strings"
)

// Bits of /proc/PID/coredump_filter (core(5)) that sdcore needs: heap and
// stacks, in huge pages too, memory shared between processes, and the first
// page of each mapped file, which holds the build ID.
const (
	filterAnonPrivate uint32 = 1 << 0
	filterAnonShared  uint32 = 1 << 1
	filterELFHeaders  uint32 = 1 << 4
	filterHugePrivate uint32 = 1 << 5

	filterNeeded = filterAnonPrivate | filterAnonShared | filterELFHeaders | filterHugePrivate
)

// parseFilter reads the hexadecimal text of coredump_filter.
func parseFilter(text string) (uint32, error) {
	v, err := strconv.ParseUint(strings.TrimSpace(text), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("coredump_filter: %w", err)
	}
	return uint32(v), nil
}

// judgeFilter says what a filter leaves out of what sdcore needs.
func judgeFilter(filter uint32) Finding {
	const remedy = "write 0x33 to /proc/PID/coredump_filter, or start the process from a parent that has it"
	f := Finding{ID: CheckFilter, Remedy: remedy}
	missing := filterNeeded &^ filter
	switch {
	case missing == 0:
		f.Code, f.Status, f.Remedy = CodeFilterComplete, OK, ""
		f.Detail = fmt.Sprintf("coredump_filter is %#x: a core holds heap, stacks and build IDs", filter)
	case missing&filterAnonPrivate != 0:
		f.Code, f.Status = CodeFilterNoMemory, Fail
		f.Detail = fmt.Sprintf("coredump_filter is %#x: a core would hold neither heap nor stacks", filter)
	default:
		f.Code, f.Status = CodeFilterPartial, Warn
		f.Detail = fmt.Sprintf("coredump_filter is %#x: a core lacks what the bits %#x stand for", filter, missing)
	}
	return f
}
