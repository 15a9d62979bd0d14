package export

import (
	"fmt"
	"io"

	"github.com/google/pprof/profile"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Profile writes a goroutine profile for `go tool pprof`: one sample for each
// group of equal stacks, labelled with its state.
func Profile(w io.Writer, res redact.Result) error {
	return compressed(w, true, func(w io.Writer) error {
		return scanned(w, res, "pprof", func(p *paper, r *report.Report) error { return writeProfile(p, goroutineProfile(r)) })
	})
}

// writeProfile writes a profile that is not compressed: its strings stand there
// as they are.
func writeProfile(w io.Writer, p *profile.Profile) error {
	if err := p.CheckValid(); err != nil {
		return fmt.Errorf("export pprof: %w", err)
	}
	if err := p.WriteUncompressed(w); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

// profileBuilder gives functions and locations their numbers.
type profileBuilder struct {
	p         *profile.Profile
	functions map[string]*profile.Function
	locations map[report.FrameRef]*profile.Location
}

// newProfile begins a profile of the time of the crash.
func newProfile(r *report.Report, period *profile.ValueType, types ...*profile.ValueType) profileBuilder {
	b := profileBuilder{
		p:         &profile.Profile{SampleType: types, PeriodType: period, Period: 1},
		functions: map[string]*profile.Function{}, locations: map[report.FrameRef]*profile.Location{},
	}
	if t := writable(r.CrashTime); !t.IsZero() {
		b.p.TimeNanos = t.UnixNano()
	}
	return b
}

func goroutineProfile(r *report.Report) *profile.Profile {
	count := &profile.ValueType{Type: "goroutine", Unit: "count"}
	b := newProfile(r, count, count)
	for _, g := range sortedGroups(r.Groups) {
		s := &profile.Sample{
			Value: []int64{int64(g.Count)},
			Label: map[string][]string{"state": {plain(stateText(g.Status, g.WaitReason))}},
		}
		if g.System {
			s.Label["system"] = []string{"true"}
		}
		for _, f := range g.Frames {
			s.Location = append(s.Location, b.location(f))
		}
		b.p.Sample = append(b.p.Sample, s)
	}
	return b.p
}

func (b *profileBuilder) location(f report.FrameRef) *profile.Location {
	f.Inlined = false
	if l, ok := b.locations[f]; ok {
		return l
	}
	key := f.Function + "\x00" + f.File
	fn, ok := b.functions[key]
	if !ok {
		fn = &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: plain(f.Function), SystemName: plain(f.Function), Filename: plain(f.File)}
		b.functions[key] = fn
		b.p.Function = append(b.p.Function, fn)
	}
	l := &profile.Location{ID: uint64(len(b.p.Location) + 1), Line: []profile.Line{{Function: fn, Line: int64(f.Line)}}}
	b.locations[f] = l
	b.p.Location = append(b.p.Location, l)
	return l
}
