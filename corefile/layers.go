package corefile

import (
	"cmp"
	"slices"
)

// backing is a run of addresses whose bytes a file holds, as the kernel mapped
// it: what can stand in for pages that were not dumped.
type backing struct {
	start, end uint64
	data       []byte // end-start bytes
	prov       Provenance
	off        uint64 // of data in the file
}

// segmentRegions turns segments into regions: what is in the core, what is cut
// off, what was not dumped. Segments are sorted; where a hostile core has them
// overlap, the one that starts first keeps the addresses.
func segmentRegions(core []byte, segs []Segment) (regions []region, overlaps int) {
	var last uint64
	for i := range segs {
		s := &segs[i]
		start := max(s.Start, last)
		if start > s.Start {
			overlaps++
		}
		if start >= s.End {
			continue
		}
		last = s.End
		present := s.Start + uint64(s.Present)
		claimed := s.Start + uint64(s.FileSize)
		if start < present {
			from := uint64(s.Offset) + (start - s.Start)
			n := present - start
			regions = append(regions, region{start, present, core[from : from+n], FromCore, s.Write})
		}
		if from := max(start, present); from < claimed {
			regions = append(regions, region{from, claimed, nil, Truncated, s.Write})
		}
		if from := max(start, claimed); from < s.End {
			regions = append(regions, region{from, s.End, nil, Absent, s.Write})
		}
	}
	return joinRegions(regions), overlaps
}

// joinRegions merges neighbours whose bytes follow each other in one file: the
// kernel splits mappings at changes of permission, readers need not care.
func joinRegions(regions []region) []region {
	out := regions[:0]
	for _, r := range regions {
		if n := len(out); n > 0 {
			p := &out[n-1]
			if p.end == r.start && p.prov == r.prov && p.writable == r.writable {
				if p.data == nil && r.data == nil {
					p.end = r.end
					continue
				}
				if joined := follow(p.data, r.data); joined != nil {
					p.end, p.data = r.end, joined
					continue
				}
			}
		}
		out = append(out, r)
	}
	return slices.Clip(out)
}

// follow returns a and b as one slice when b lies right behind a.
func follow(a, b []byte) []byte {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	ext := cap(a) - len(a)
	if ext < len(b) || &a[:len(a)+1][len(a)] != &b[0] {
		return nil
	}
	return a[:len(a)+len(b)]
}

// overlay puts backings where the core has no bytes: into its read-only
// regions without data, and between its segments. A writable mapping that was
// not dumped may have been changed, so what the file says of it proves nothing.
func overlay(regions []region, backs []backing) []region {
	backs = sortBackings(backs)
	out := make([]region, 0, len(regions)+2*len(backs))
	next := 0 // first backing that may reach the current address
	fill := func(start, end uint64, hole *region) {
		if start >= end {
			return
		}
		for next < len(backs) && backs[next].end <= start {
			next++
		}
		for i := next; i < len(backs) && backs[i].start < end; i++ {
			b := &backs[i]
			from, to := max(start, b.start), min(end, b.end)
			if from > start && hole != nil {
				out = append(out, region{start, from, nil, hole.prov, hole.writable})
			}
			out = append(out, region{from, to, b.data[from-b.start : to-b.start], b.prov, false})
			start = to
		}
		if start < end && hole != nil {
			out = append(out, region{start, end, nil, hole.prov, hole.writable})
		}
	}
	var last uint64
	for i := range regions {
		r := &regions[i]
		fill(last, r.start, nil)
		if r.data == nil && !r.writable {
			fill(r.start, r.end, r)
		} else {
			out = append(out, *r)
		}
		last = r.end
	}
	fill(last, ^uint64(0), nil)
	return joinRegions(out)
}

// sortBackings orders backings by address and drops what overlaps.
func sortBackings(backs []backing) []backing {
	backs = slices.Clone(backs)
	slices.SortStableFunc(backs, func(a, b backing) int { return cmp.Compare(a.start, b.start) })
	out := backs[:0]
	var last uint64
	for _, b := range backs {
		if b.start < b.end && b.start >= last {
			out = append(out, b)
			last = b.end
		}
	}
	return out
}
