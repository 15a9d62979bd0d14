package corefile

import (
	"context"
	"debug/elf"
	"path/filepath"
	"slices"
)

// mapFiles completes the memory with file-backed pages that were not dumped:
// read-only segments of the binary at their relocated addresses, and those of
// other mapped files whose build ID is the one in the core's own first page of
// that mapping. All else stays absent.
func (c *Core) mapFiles(ctx context.Context) {
	var backs []backing
	exe := c.executablePath()
	if c.bin != nil && c.biasKnown() {
		backs = fileBackings(c.bin.file.data, c.bin.head, c.bias, FromBinary)
		if len(c.notes.files) > 0 && exe != "" {
			backs = c.clip(backs, exe)
		}
	}
	backs = append(backs, c.libraries(ctx, exe)...)
	c.mem = &Memory{regions: overlay(c.mem.regions, backs)}
}

// clip reduces backings to the addresses at which NT_FILE has the same part of
// the file under a name.
func (c *Core) clip(backs []backing, name string) []backing {
	var out []backing
	files := c.notes.files
	for _, b := range backs {
		first, _ := slices.BinarySearchFunc(files, b.start, func(m Mapping, addr uint64) int {
			if m.End <= addr {
				return -1
			}
			return 1
		})
		for i := first; i < len(files) && files[i].Start < b.end; i++ {
			m := &files[i]
			from, to := max(b.start, m.Start), min(b.end, m.End)
			if m.Path == name && m.Offset+(from-m.Start) == b.off+(from-b.start) {
				out = append(out, backing{from, to, b.data[from-b.start : to-b.start], b.prov, b.off + (from - b.start)})
			}
		}
	}
	return out
}

// fileBackings are the read-only PT_LOAD segments of an ELF file as the kernel
// maps them: whole pages, whose tail past the end of the file is zero.
func fileBackings(data []byte, h *header, bias uint64, prov Provenance) []backing {
	var out []backing
	size := uint64(len(data))
	for i := range h.progs {
		p := &h.progs[i]
		if p.typ != elf.PT_LOAD || p.flags&elf.PF_W != 0 || p.filesz == 0 || p.off+p.filesz > size {
			continue
		}
		start, end, off := p.vaddr, p.vaddr+p.filesz, p.off
		if slack := start % pageSize; slack == off%pageSize && start-slack+bias >= slack {
			start, off = start-slack, off-slack
			if p.memsz == p.filesz && end <= ^uint64(0)-pageSize {
				end = (end + pageSize - 1) &^ (pageSize - 1)
			}
		}
		if start+bias >= end+bias {
			continue // wraps around
		}
		if n := end - start; off+n <= size {
			out = append(out, backing{start + bias, end + bias, data[off : off+n], prov, off})
			continue
		}
		have := size - off
		out = append(out, backing{start + bias, start + bias + have, data[off:], prov, off})
		if rest := end - start - have; rest < pageSize && (off+have)%pageSize != 0 {
			out = append(out, backing{start + bias + have, end + bias, make([]byte, rest), ZeroFill, size})
		}
	}
	return out
}

// executablePath is the name under which NT_FILE has the executable: that of
// the mapping that holds its header or its entry point; "" when unknown.
func (c *Core) executablePath() string {
	at, ok := c.notes.auxv[atEntry]
	if c.image != nil {
		at, ok = c.image.base, true
	}
	for i := range c.notes.files {
		if m := &c.notes.files[i]; ok && m.Start <= at && at < m.End {
			return m.Path
		}
	}
	return ""
}

// libraries are the backings of mapped files other than the executable.
func (c *Core) libraries(ctx context.Context, exe string) []backing {
	var out []backing
	seen := map[string]bool{exe: true}
	tried := 0
	for i := range c.notes.files {
		m := &c.notes.files[i]
		if seen[m.Path] || m.Offset != 0 || !filepath.IsAbs(m.Path) {
			continue
		}
		if tried++; tried > maxImages || ctx.Err() != nil {
			break
		}
		img, ok := readImage(c.mem, m.Start)
		if !ok || img.ids.gnu == "" && img.ids.gob == "" {
			continue // the core does not hold its first page: nothing to prove it by
		}
		seen[m.Path] = true
		out = append(out, c.library(m.Path, img)...)
	}
	return out
}

// library opens a mapped file and returns the backings of its mappings when
// its build ID is that in memory.
func (c *Core) library(path string, img *image) []backing {
	f, err := openFile(path)
	if err != nil {
		return nil
	}
	h, err := binaryHeader(path, f.data)
	if err != nil || !fileBuildIDs(f.data, h).sameBuild(img.ids) {
		f.close()
		return nil
	}
	c.libs = append(c.libs, f)
	return c.clip(fileBackings(f.data, h, img.bias, FromLib), path)
}
