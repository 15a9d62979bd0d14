package capture

import (
	"debug/elf"
	"strconv"
	"strings"
)

// fileMapping is a file mapped into a process.
type fileMapping struct {
	start, end, offset uint64
	path               string
}

// mapping is an entry of /proc/PID/maps.
type mapping struct {
	fileMapping
	flags  elf.ProgFlag
	shared bool
	file   bool
}

// parseMaps reads /proc/PID/maps. Lines that it does not understand are left
// out.
func parseMaps(text string) []mapping {
	var all []mapping
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 6)
		if len(fields) < 5 || len(fields[1]) != 4 {
			continue
		}
		var m mapping
		start, end, _ := strings.Cut(fields[0], "-")
		var err1, err2, err3 error
		m.start, err1 = strconv.ParseUint(start, 16, 64)
		m.end, err2 = strconv.ParseUint(end, 16, 64)
		m.offset, err3 = strconv.ParseUint(fields[2], 16, 64)
		if err1 != nil || err2 != nil || err3 != nil || m.end <= m.start || m.start%pageSize != 0 || m.end%pageSize != 0 {
			continue
		}
		if len(fields) == 6 {
			m.path = strings.ReplaceAll(strings.TrimLeft(fields[5], " "), `\012`, "\n")
		}
		m.file = strings.HasPrefix(m.path, "/")
		m.shared = fields[1][3] == 's'
		for i, f := range []elf.ProgFlag{elf.PF_R, elf.PF_W, elf.PF_X} {
			if fields[1][i] != '-' {
				m.flags |= f
			}
		}
		all = append(all, m)
	}
	return all
}

// filesOf are the mappings that have a file.
func filesOf(maps []mapping) []fileMapping {
	var files []fileMapping
	for _, m := range maps {
		if m.file {
			files = append(files, m.fileMapping)
		}
	}
	return files
}
