package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"runtime/debug"

	"github.com/safedump/sdcore/report"
)

// The build info blob: a 32-byte header of magic, pointer size and flags, then
// (flag 2, since Go 1.18) version and module text, each with a varint length.
// Source: Go 1.26, debug/buildinfo/buildinfo.go and
// cmd/link/internal/ld/data.go, (*Link).buildinfo.
const (
	buildInfoMagic  = "\xff Go buildinf:"
	buildInfoAlign  = 16
	buildInfoHeader = 32
	buildInfoFlags  = 15
	buildInfoInline = 2
	moduleFrame     = 16 // sentinel before and after the module text

	maxBuildInfo   = 16 << 20
	maxDataSegment = 1 << 30 // how much of a data segment is searched
)

// buildInfoFromCore reads the build info of the program that crashed from its
// data segment, nil when the core does not hold it.
func (c *Core) buildInfoFromCore() *debug.BuildInfo {
	if c.image == nil {
		return nil
	}
	for i := range c.image.head.progs {
		p := &c.image.head.progs[i]
		if p.typ != elf.PT_LOAD || p.flags&elf.PF_W == 0 {
			continue
		}
		addr := p.vaddr + c.image.bias
		n := c.mem.Available(addr, int64(min(p.filesz, maxDataSegment)))
		data, from, ok := c.mem.View(addr, int(n))
		if !ok || from != FromCore {
			continue
		}
		if info := findBuildInfo(data, addr); info != nil {
			return info
		}
	}
	return nil
}

// findBuildInfo searches data, which lies at addr, for a build info blob.
func findBuildInfo(data []byte, addr uint64) *debug.BuildInfo {
	for off := 0; ; {
		i := bytes.Index(data[off:], []byte(buildInfoMagic))
		if i < 0 {
			return nil
		}
		at := off + i
		off = at + 1
		if (addr+uint64(at))%buildInfoAlign != 0 || len(data)-at < buildInfoHeader || data[at+buildInfoFlags]&buildInfoInline == 0 {
			continue
		}
		if info := parseBuildInfo(data[at+buildInfoHeader:]); info != nil {
			return info
		}
	}
}

// parseBuildInfo reads the two strings of a blob.
func parseBuildInfo(data []byte) *debug.BuildInfo {
	version, rest, ok := varintString(data)
	if !ok || len(version) == 0 {
		return nil
	}
	mod, _, ok := varintString(rest)
	if !ok {
		return nil
	}
	info := &debug.BuildInfo{}
	if len(mod) > 2*moduleFrame && mod[len(mod)-moduleFrame-1] == '\n' {
		_ = Guard("build info", func() error { // a text that is garbled leaves the version
			parsed, err := debug.ParseBuildInfo(string(mod[moduleFrame : len(mod)-moduleFrame]))
			if err == nil {
				info = parsed
			}
			return err
		})
	}
	info.GoVersion = string(version)
	return info
}

// varintString splits a string with a length in front off data.
func varintString(data []byte) (s, rest []byte, ok bool) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > maxBuildInfo || n > uint64(len(data)-size) {
		return nil, nil, false
	}
	return data[size : size+int(n)], data[size+int(n):], true
}

// module turns a module of the build info into the report's.
func module(m *debug.Module) report.Module {
	out := report.Module{Path: m.Path, Version: m.Version, Sum: m.Sum}
	if m.Replace != nil {
		out.Replaced = m.Replace.Path
	}
	return out
}
