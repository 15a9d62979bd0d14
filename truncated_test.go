package sdcore_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/report"
)

var (
	cuts     = flag.Int("cuts", 20, "truncated cores that TestTruncated makes")
	firstCut = flag.Int("first-cut", 0, "number of the first of them")
)

// TestTruncated cuts cores at every kind of place and compares what is left
// with the whole core: a goroutine whose records and stack lie before the cut
// has every frame, and no value that is said to be right differs.
func TestTruncated(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the fixtures' cores; run without -short (make test)")
	}
	var all tally
	var sum likeness
	for i, name := range prey {
		t.Run(name, func(t *testing.T) {
			var v *victim
			var whole *report.Report
			var at []int64
			for n := *firstCut; n < *firstCut+*cuts; n++ {
				if n%len(prey) != i {
					continue
				}
				if v == nil {
					v = newVictim(t, name)
					whole = v.whole(t)
					at = v.cutPlaces()
				}
				cut := at[n/len(prey)%len(at)]
				t.Run(fmt.Sprint(n), func(t *testing.T) { sum.add(v.cutAt(t, cut, whole, &all)) })
			}
		})
	}
	all.log(t)
	t.Logf("of %d goroutines %d lie before the cut, with %d frames, all of them found; %d values compared, %d of them known in both",
		sum.goroutines, sum.there, sum.frames, sum.values, sum.known)
}

// likeness counts what a cut core was compared by.
type likeness struct{ goroutines, there, frames, values, known int }

func (l *likeness) add(o likeness) {
	l.goroutines += o.goroutines
	l.there += o.there
	l.frames += o.frames
	l.values += o.values
	l.known += o.known
}

// whole is the report of the undamaged core.
func (v *victim) whole(t *testing.T) *report.Report {
	t.Helper()
	r := runPipeline(t, v.core.Path, v.bin.Path, sdcore.Options{Limits: generous})
	r.fair(t)
	if r.err != nil || r.panic != "" {
		t.Fatalf("the undamaged core: %v", r.err)
	}
	return r.rep
}

// cutPlaces are where the core is cut, in an order that mixes them: inside the
// headers, inside and between notes, at the ends of segments, inside pages of
// memory, inside of runtime structures and stacks.
func (v *victim) cutPlaces() []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	at := []int64{0, 1, 63, 64, 65, 64 + 56, int64(len(v.coreData)) - 1}
	seen := map[string]int{}
	for _, p := range v.corePlaces() {
		if seen[p.Kind]++; seen[p.Kind] <= 6 || r.IntN(64) == 0 {
			at = append(at, p.Off, p.Off+r.Int64N(p.Len), p.Off+p.Len)
		}
	}
	for _, s := range v.c.Segments() {
		if s.Present > 0 {
			at = append(at, s.Offset, s.Offset+r.Int64N(s.Present), s.Offset+s.Present-1)
		}
	}
	at = slices.DeleteFunc(at, func(n int64) bool { return n < 0 || n >= int64(len(v.coreData)) })
	r.Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
	return at
}

// cutAt analyzes the first cut bytes of the core.
func (v *victim) cutAt(t *testing.T, cut int64, whole *report.Report, all *tally) likeness {
	if err := v.core.Cut(cut); err != nil {
		t.Fatal(err)
	}
	r := runPipeline(t, v.core.Path, v.bin.Path, sdcore.Options{Limits: generous})
	r.fair(t)
	all.add(t, "truncated", &r)
	l := likeness{goroutines: len(whole.Goroutines)}
	var rep report.Report
	switch {
	case r.err == nil && r.panic == "":
		rep = *r.rep
		all.numbers += checkNumbers(t, v.core.Path, v.bin.Path, r.rep)
	case cut > 1<<20: // behind the notes
		t.Errorf("cut at %d: %v", cut, r.err)
	}
	if rep.Complete {
		t.Errorf("cut at %d of %d: the report claims to be complete", cut, len(v.coreData))
	}
	for i := range whole.Goroutines {
		want := &whole.Goroutines[i]
		got := goroutineWithID(&rep, want.ID)
		if v.liesBefore(want, cut) {
			l.there++
			l.frames += len(want.Frames)
			sameFrames(t, cut, got, want)
		}
		if got != nil {
			l.add(sameValues(t, got, want))
		}
	}
	return l
}

func goroutineWithID(rep *report.Report, id uint64) *report.Goroutine {
	for i := range rep.Goroutines {
		if rep.Goroutines[i].ID == id {
			return &rep.Goroutines[i]
		}
	}
	return nil
}

// liesBefore reports whether all that a goroutine is known by lies before the
// cut: its g and m, its stack, and the frames that it has on others. The list of
// goroutines is not needed.
func (v *victim) liesBefore(want *report.Goroutine, cut int64) bool {
	there := func(addr uint64, n int64) bool {
		off := v.offset(addr)
		return off >= 0 && off+n <= cut
	}
	for i := range v.gs {
		g := &v.gs[i]
		if g.ID != want.ID {
			continue
		}
		_, hi, err := v.rt.StackBounds(g.Addr)
		if err != nil || g.SP == 0 || g.SP > hi {
			return false
		}
		ok := there(g.Addr, v.gSize) && there(g.SP-8, int64(hi-g.SP)+8)
		for j := range want.Frames {
			ok = ok && there(uint64(want.Frames[j].CFA)-8, 8)
		}
		return ok && (g.TID == 0 || v.threadsLieBefore(cut))
	}
	return false
}

// threadsLieBefore reports whether all threads' records and the memory around
// their system stacks, where a running goroutine may have frames too, lie
// before the cut.
func (v *victim) threadsLieBefore(cut int64) bool {
	ms, err := v.rt.Threads()
	if err != nil {
		return false
	}
	for _, m := range ms {
		_, hi, err := v.rt.StackBounds(m.G0)
		if off := v.offset(m.Addr); err != nil || off < 0 || off+v.mSize > cut {
			return false
		}
		for _, s := range v.c.Segments() {
			if s.Start <= hi-8 && hi-8 < s.End && s.Offset+s.FileSize > cut {
				return false
			}
		}
	}
	return true
}

// sameFrames demands the stack of the whole core.
func sameFrames(t *testing.T, cut int64, got, want *report.Goroutine) {
	t.Helper()
	if got == nil {
		t.Errorf("cut at %d: goroutine %d is there, but not in the report", cut, want.ID)
		return
	}
	if got.Status != want.Status || len(got.Frames) != len(want.Frames) {
		t.Errorf("cut at %d: goroutine %d is %s with %d frames (%s), in the whole core %s with %d",
			cut, want.ID, got.Status, len(got.Frames), got.StackEnd, want.Status, len(want.Frames))
		return
	}
	for i := range want.Frames {
		if g, w := &got.Frames[i], &want.Frames[i]; g.Function != w.Function || g.Line != w.Line || g.CFA != w.CFA || g.PC != w.PC {
			t.Errorf("cut at %d: goroutine %d frame %d is %s, in the whole core %s", cut, want.ID, i, frameText(g), frameText(w))
		}
	}
}

// sameValues compares the variables of frames that both have.
func sameValues(t *testing.T, got, want *report.Goroutine) (l likeness) {
	t.Helper()
	type place struct {
		cfa      report.Addr
		function string
		name     string
	}
	known := map[place]*report.Value{}
	for i := range want.Frames {
		fr := &want.Frames[i]
		for j := range fr.Vars {
			known[place{fr.CFA, fr.Function, fr.Vars[j].Name}] = &fr.Vars[j].Value
		}
	}
	for i := range got.Frames {
		fr := &got.Frames[i]
		for j := range fr.Vars {
			w := known[place{fr.CFA, fr.Function, fr.Vars[j].Name}]
			if w == nil {
				continue
			}
			if where := l.compare(&fr.Vars[j].Value, w); where != "" {
				t.Errorf("goroutine %d, %s, %s%s", got.ID, frameText(fr), fr.Vars[j].Name, where)
			}
		}
	}
	return l
}

// compare says where a value that is right in both reports differs, "" for
// nowhere.
func (l *likeness) compare(got, want *report.Value) string {
	l.values++
	if got.State == report.StateCycle || want.State == report.StateCycle || want.State == report.StateBudget {
		return "" // what is seen first depends on what can be seen
	}
	if got.State != report.StateOK {
		return ""
	}
	if want.State != report.StateOK {
		return fmt.Sprintf(" is ok, in the whole core %s", want.State)
	}
	l.known++
	g, w := *got, *want
	g.Children, w.Children = nil, nil
	if fmt.Sprintf("%+v", g) != fmt.Sprintf("%+v", w) || len(got.Children) != len(want.Children) {
		return fmt.Sprintf(" (%s) differs: %+v with %d parts, in the whole core %+v with %d", got.Type, g, len(got.Children), w, len(want.Children))
	}
	for i := range got.Children {
		a, b := &got.Children[i], &want.Children[i]
		if a.Key != nil && b.Key != nil {
			if where := l.compare(a.Key, b.Key); where != "" {
				return " key" + where
			}
		}
		if where := l.compare(&a.Value, &b.Value); where != "" {
			return "." + a.Name + where
		}
	}
	return ""
}
