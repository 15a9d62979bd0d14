package serve

import (
	"context"
	"fmt"
	"time"

	"github.com/safedump/sdcore/triage/index"
)

// timeline is a chart of crashes over time, and the same in words.
type timeline struct {
	Title   string
	Unit    string // what a bar stands for: hour, day, week
	Words   string // the chart for who does not see it
	Bars    []bar
	Ticks   []string // below the bars: the first, the one in the middle, the last
	Most    int64
	Earlier int64 // crashes before its beginning
	Width   int
}

// bar is a rectangle; an empty one has no height.
type bar struct {
	X, Y, Width, Height int
	N                   int64
	Label               string // when
}

// The chart in its own units: it is as wide as the page.
const (
	chartHeight = 100
	barWidth    = 10
	barGap      = 2
	minBars     = 14
	maxBars     = 90
	fewest      = 4 // crashes that fill the height: one crash is no tower
)

// Height is that of the chart.
func (t *timeline) Height() int { return chartHeight }

// timeline draws the crashes of a group: by hour when it is young and all of its
// crashes are known, by day as long as that is readable, else by week.
func (s *Server) timeline(ctx context.Context, x *index.Index, g *index.Group, days []index.Count) (*timeline, error) {
	now := s.o.Now().UTC()
	end := now
	if g.Last.After(end) { // a clock that is ahead
		end = g.Last
	}
	if now.Sub(g.First) < 48*time.Hour && g.Count <= maxHours {
		list, err := x.Occurrences(ctx, index.Filter{Group: g.ID, Limit: maxHours})
		if err != nil {
			return nil, err
		}
		if int64(len(list)) == g.Count { // none was cleaned
			t := newSpan("hour", g.First, end)
			for i := range list {
				t.add(list[i].Seen, 1)
			}
			return t.draw(), nil
		}
	}
	unit := "day"
	if end.Sub(g.First) > maxBars*24*time.Hour {
		unit = "week"
	}
	t := newSpan(unit, g.First, end)
	for _, c := range days {
		day, err := time.Parse(time.DateOnly, c.Value)
		if err != nil {
			continue // of a broken row
		}
		t.add(day, c.N)
	}
	return t.draw(), nil
}

// span is a stretch of time in equal steps.
type span struct {
	unit    string
	step    time.Duration
	start   time.Time
	counts  []int64
	earlier int64
}

func newSpan(unit string, first, end time.Time) *span {
	s := &span{unit: unit, step: map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour}[unit]}
	last := end.UTC().Truncate(s.step) // weeks begin on Mondays: so did the year 1
	n := int(last.Sub(first.UTC().Truncate(s.step))/s.step) + 1
	n = min(max(n, minBars), maxBars)
	s.start, s.counts = last.Add(-time.Duration(n-1)*s.step), make([]int64, n)
	return s
}

func (s *span) add(t time.Time, n int64) {
	i := int(t.Sub(s.start) / s.step)
	switch {
	case t.Before(s.start):
		s.earlier += n
	case i < len(s.counts):
		s.counts[i] += n
	}
}

func (s *span) label(i int) string {
	t := s.start.Add(time.Duration(i) * s.step)
	switch s.unit {
	case "hour":
		return t.Format("2006-01-02 15:00")
	case "week":
		return "week of " + t.Format(time.DateOnly)
	}
	return t.Format(time.DateOnly)
}

// draw lays the bars out.
func (s *span) draw() *timeline {
	n := len(s.counts)
	t := &timeline{Unit: s.unit, Title: "Crashes by " + s.unit, Earlier: s.earlier, Width: n*(barWidth+barGap) - barGap}
	total, busiest := int64(0), 0
	for i, c := range s.counts {
		total += c
		if c > s.counts[busiest] {
			busiest = i
		}
	}
	t.Most = s.counts[busiest]
	for i, c := range s.counts {
		b := bar{X: i * (barWidth + barGap), Width: barWidth, N: c, Label: s.label(i)}
		if c > 0 {
			b.Height = max(3, int(c*chartHeight/max(t.Most, fewest)))
		}
		b.Y = chartHeight - b.Height
		t.Bars = append(t.Bars, b)
	}
	t.Ticks = []string{s.label(0), s.label(n / 2), s.label(n - 1)}
	t.Words = fmt.Sprintf("%s from %s to %s UTC; most in one %s: %d, %s.", counted(total, "crash"), s.label(0), s.label(n-1), s.unit, s.counts[busiest], s.label(busiest))
	return t
}
