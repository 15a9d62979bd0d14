package export

import (
	"io"
	"math"

	"github.com/google/pprof/profile"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// HeapProfile writes the live heap as a profile for `go tool pprof`: its stacks
// are the ways on which objects are held, the root outermost.
func HeapProfile(w io.Writer, res redact.Result) error {
	return compressed(w, true, func(w io.Writer) error {
		return scanned(w, res, "pprof", func(p *paper, r *report.Report) error { return writeProfile(p, heldProfile(r)) })
	})
}

// HeapSiteProfile writes where memory was allocated as the profile that the
// program itself would have written (runtime/pprof's heap profile).
func HeapSiteProfile(w io.Writer, res redact.Result) error {
	return compressed(w, true, func(w io.Writer) error {
		return scanned(w, res, "pprof", func(p *paper, r *report.Report) error { return writeProfile(p, siteProfile(r)) })
	})
}

func inBytes(what string) *profile.ValueType { return &profile.ValueType{Type: what, Unit: "bytes"} }
func inCount(what string) *profile.ValueType { return &profile.ValueType{Type: what, Unit: "count"} }

func heldProfile(r *report.Report) *profile.Profile {
	b := newProfile(r, inBytes("space"), inCount("inuse_objects"), inBytes("inuse_space"))
	b.p.DefaultSampleType = "inuse_space"
	if r.Heap == nil {
		return b.p
	}
	for i := range r.Heap.Samples {
		x := &r.Heap.Samples[i]
		s := &profile.Sample{Value: []int64{countOf(x.Objects), countOf(x.Bytes)}}
		for k := len(x.Stack) - 1; k >= 0; k-- { // the leaf comes first
			s.Location = append(s.Location, b.location(report.FrameRef{Function: name(x.Stack[k])}))
		}
		b.p.Sample = append(b.p.Sample, s)
	}
	return b.p
}

func siteProfile(r *report.Report) *profile.Profile {
	b := newProfile(r, inBytes("space"),
		inCount("alloc_objects"), inBytes("alloc_space"), inCount("inuse_objects"), inBytes("inuse_space"))
	b.p.DefaultSampleType = "inuse_space"
	if r.Heap == nil {
		return b.p
	}
	b.p.Period = max(r.Heap.SampleRate, 0)
	for i := range r.Heap.Sites {
		x := &r.Heap.Sites[i]
		s := &profile.Sample{Value: []int64{x.AllocObjects, x.AllocBytes, x.InUseObjects, x.InUseBytes}}
		for _, f := range x.Frames {
			s.Location = append(s.Location, b.location(f))
		}
		b.p.Sample = append(b.p.Sample, s)
	}
	return b.p
}

// countOf is n as profiles have it.
func countOf(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
