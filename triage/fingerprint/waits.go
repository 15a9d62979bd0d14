package fingerprint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/safedump/sdcore/report"
)

// Bounds of what counts of a hang.
const (
	maxWaitFrames = 1 << 14 // frames of groups, the largest first, that are looked at
	maxWaits      = 3       // places that count at Group
	maxWaitNarrow = 8       // and at Narrow
)

// waitPlace is a place where goroutines wait.
type waitPlace struct {
	Frame        // the innermost of the program
	class string // of rules.txt
	loose string // the name at Wide
	count int    // goroutines, for the order only
	line  string // function and line
	stack string // the program's frames with their lines
}

// ends reports whether such a wait may end without another goroutine.
func (p *waitPlace) ends() bool { return p.class == "network" || p.class == "select" }

// waiting is a hang: what counts is where most goroutines wait, and for what. How
// many they are does not.
func (x *reader) waiting(family string, r *report.Report) Value {
	places := x.places(r)
	v := Value{Version: Version, Kind: family, Title: family}
	if len(places) == 0 {
		return v
	}
	top := places[:min(len(places), maxWaits)]
	var narrow, group, wide []string
	for i := range places[:min(len(places), maxWaitNarrow)] {
		p := &places[i]
		narrow = append(narrow, p.class+" "+p.stack)
		p.Use = useNarrow
		if i < maxWaits {
			group = append(group, p.class+" "+p.line)
			wide = append(wide, p.loose)
			p.Use = useKey
		}
		v.Frames = append(v.Frames, p.Frame)
	}
	for _, list := range []*[]string{&narrow, &group, &wide} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	var titles []string
	for i := range top {
		titles = append(titles, top[i].class+" in "+short(top[i].Function))
	}
	v.Title = cut(family+": "+strings.Join(titles, ", "), maxTitle)
	v.Levels = [3]string{
		level(Narrow, append([]string{family}, narrow...)),
		level(Group, append([]string{family}, group...)),
		level(Wide, append([]string{familyHang}, wide...)), // a deadlock that the runtime saw, or one that it did not
	}
	return v
}

// places are where goroutines of the program wait, those first that need another
// one to go on, then by how many they are.
func (x *reader) places(r *report.Report) []waitPlace {
	var out []waitPlace
	index := map[string]int{}
	room := maxWaitFrames
	for i := range r.Groups {
		g := &r.Groups[i]
		if room -= 1 + min(len(g.Frames), maxScanned); room < 0 {
			break
		}
		p, ok := x.placeOf(g)
		if !ok {
			continue
		}
		name := p.class + " " + p.line
		if at, known := index[name]; known {
			q := &out[at]
			q.count += p.count
			q.stack = min(q.stack, p.stack)
			continue
		}
		index[name] = len(out)
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b waitPlace) int {
		return cmp.Or(boolRank(a.ends())-boolRank(b.ends()), cmp.Compare(b.count, a.count),
			strings.Compare(a.line, b.line), strings.Compare(a.class, b.class))
	})
	return out
}

// placeOf is where the goroutines of a group wait; ok is false where that does
// not count.
func (x *reader) placeOf(g *report.Group) (p waitPlace, ok bool) {
	if g.System || g.Status != "waiting" {
		return p, false
	}
	reason := strings.TrimSuffix(clean(g.WaitReason, 100), " (durable)") // in a testing/synctest bubble
	r := x.rules.wait.find(reason)
	if r == nil {
		return p, false
	}
	var calls []call
	for i := range g.Frames[:min(len(g.Frames), maxScanned)] {
		c := x.call(&g.Frames[i])
		if x.rules.idle.find(c.Function) != nil {
			return p, false
		}
		if c.InApp && len(calls) < maxNarrow {
			calls = append(calls, c)
		}
	}
	if len(calls) == 0 {
		return p, false
	}
	x.place(&p, calls)
	p.class, p.count, p.Wait = r.name, max(g.Count, 1), reason
	return p, true
}

// place fills in where goroutines wait: below helpers that wait for others, such as
// a method Lock.
func (x *reader) place(p *waitPlace, calls []call) {
	at := 0
	for at < min(len(calls)-1, maxPrefix) && x.rules.prefix.find(calls[at].Function) != nil {
		p.line += calls[at].loose + " "
		at++
	}
	p.Frame, p.loose = calls[at].Frame, calls[at].loose
	for i := at; i < len(calls); i++ {
		p.line += calls[i].line() + " "
		if !calls[i].vague { // else the line that calls a literal tells which it is
			break
		}
	}
	for i := range calls {
		p.stack += calls[i].line() + "\n"
	}
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}
