package elfcore

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// pageSize is the unit of segments, of /proc/PID/pagemap and of NT_FILE's
// offsets. Kernels with larger pages are refused by Snapshot.
const pageSize = 4096

// Mapping is one entry of /proc/PID/smaps.
type Mapping struct {
	Start, End        uint64
	Read, Write, Exec bool
	Shared            bool
	Offset            uint64 // bytes into the file
	Inode             uint64
	Path              string
	// Touched is true when the process has written to a private mapping: it
	// has anonymous pages, in memory or swapped out.
	Touched bool
	// Swapped is true when pages of it are swapped out, or when that is not
	// told.
	Swapped bool
	// DontDump, IO, Huge and Wiped are the flags dd, io, ht and wf of VmFlags.
	// A child of the process has zeros where it has a wiped mapping.
	DontDump, IO, Huge, Wiped bool
}

// hasFile reports whether a file is behind the mapping; deleted files and
// memory files count, as in the kernel.
func (m Mapping) hasFile() bool { return m.Inode != 0 || strings.HasPrefix(m.Path, "/") }

// noName reports whether the file has no name any more: shared memory.
func (m Mapping) noName() bool {
	return !m.hasFile() || strings.HasSuffix(m.Path, " (deleted)")
}

// maxMappings bounds what parseSmaps takes. The kernel's own limit
// (vm.max_map_count) is 65530 by default and may be raised.
const maxMappings = 1 << 20

// ParseMappings reads /proc/PID/smaps, or /proc/PID/maps, where Touched and
// Swapped are taken to be true of each private mapping that can be written.
func ParseMappings(r io.Reader, smaps bool) ([]Mapping, error) {
	all, err := parseSmaps(r, smaps)
	if err != nil {
		return nil, fmt.Errorf("elfcore: mappings: %w", err)
	}
	return all, nil
}

func parseSmaps(r io.Reader, smaps bool) ([]Mapping, error) {
	var all []Mapping
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for line := 1; s.Scan(); line++ {
		text := s.Text()
		if text == "" {
			continue
		}
		key, value, _ := strings.Cut(text, ":")
		if len(all) > 0 && !strings.Contains(key, " ") && !strings.Contains(key, "-") {
			all[len(all)-1].detail(key, value)
			continue
		}
		m, err := parseHeader(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		m.Touched = !smaps && m.Write && !m.Shared
		m.Swapped = m.Touched
		if len(all) == maxMappings {
			return nil, fmt.Errorf("more than %d mappings", maxMappings)
		}
		all = append(all, m)
	}
	return all, s.Err()
}

// detail takes one "Key: value" line of smaps.
func (m *Mapping) detail(key, value string) {
	switch key {
	case "Anonymous", "Swap", "Private_Hugetlb":
		if n := strings.Fields(value); len(n) > 0 && n[0] != "0" {
			m.Touched = true
			m.Swapped = m.Swapped || key == "Swap"
		}
	case "VmFlags":
		for _, flag := range strings.Fields(value) {
			switch flag {
			case "dd":
				m.DontDump = true
			case "io":
				m.IO = true
			case "ht":
				m.Huge = true
			case "wf":
				m.Wiped = true
			}
		}
	}
}

// parseHeader reads "start-end perm offset dev inode path" (proc(5)).
func parseHeader(text string) (Mapping, error) {
	var m Mapping
	fields := strings.SplitN(text, " ", 6)
	if len(fields) < 5 {
		return m, fmt.Errorf("%d fields, want at least 5", len(fields))
	}
	start, end, _ := strings.Cut(fields[0], "-")
	var err error
	if m.Start, err = strconv.ParseUint(start, 16, 64); err != nil {
		return m, fmt.Errorf("start: %w", err)
	}
	if m.End, err = strconv.ParseUint(end, 16, 64); err != nil {
		return m, fmt.Errorf("end: %w", err)
	}
	if m.End <= m.Start || m.Start%pageSize != 0 || m.End%pageSize != 0 {
		return m, fmt.Errorf("range %#x-%#x", m.Start, m.End)
	}
	perm := fields[1]
	if len(perm) != 4 {
		return m, fmt.Errorf("permissions of %d letters", len(perm))
	}
	m.Read, m.Write, m.Exec, m.Shared = perm[0] == 'r', perm[1] == 'w', perm[2] == 'x', perm[3] == 's'
	if m.Offset, err = strconv.ParseUint(fields[2], 16, 64); err != nil {
		return m, fmt.Errorf("offset: %w", err)
	}
	if m.Inode, err = strconv.ParseUint(fields[4], 10, 64); err != nil {
		return m, fmt.Errorf("inode: %w", err)
	}
	if len(fields) == 6 {
		m.Path = strings.ReplaceAll(strings.TrimLeft(fields[5], " "), `\012`, "\n")
	}
	return m, nil
}
