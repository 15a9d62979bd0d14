package vars

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestClones: clones that work at the same time read what their reader reads,
// and what was learned of one goroutine does not change the next.
func TestClones(t *testing.T) {
	for _, name := range []string{"kinds", "manywait", "stdvalues"} {
		rc := openReal(t, name, Options{})
		ids := slices.Sorted(maps.Keys(rc.stacks))
		want := map[uint64]string{}
		for _, id := range ids {
			want[id] = written(rc.reader, rc, id)
		}
		var wg sync.WaitGroup
		for worker := range 3 {
			clone, order := rc.reader.Clone(), slices.Clone(ids)
			if worker == 1 {
				slices.Reverse(order)
			}
			wg.Go(func() {
				for _, id := range order {
					if got := written(clone, rc, id); got != want[id] {
						t.Errorf("%s: goroutine %d by clone %d:\n%s\nby its reader:\n%s", name, id, worker, got, want[id])
					}
				}
			})
		}
		wg.Wait()
	}
}

// written is the frames of a goroutine as JSON, and what is wrong with them.
func written(r *Reader, rc *realCore, id uint64) string {
	frames, problems := r.Frames(context.Background(), rc.stacks[id])
	g := report.Goroutine{ID: id, Frames: frames}
	return string(g.AppendJSON(nil)) + fmt.Sprint(problems)
}

// TestCloneUsesRoomAgain: what a clone returned before is gone, but its strings
// stay.
func TestCloneUsesRoomAgain(t *testing.T) {
	rc := openReal(t, "kinds", Options{})
	clone := rc.reader.Clone()
	var texts []string
	var collect func(v *report.Value)
	collect = func(v *report.Value) {
		texts = append(texts, v.Text)
		for i := range v.Children {
			collect(&v.Children[i].Value)
		}
	}
	var before []report.Frame
	var joined string
	for _, id := range slices.Sorted(maps.Keys(rc.stacks)) {
		frames, _ := clone.Frames(context.Background(), rc.stacks[id])
		if before != nil && len(frames) > 0 && &before[0] != &frames[0] {
			t.Error("the frames of the next goroutine are not where those of the last one were")
		}
		before = frames
		for i := range frames {
			for k := range frames[i].Vars {
				collect(&frames[i].Vars[k].Value)
			}
		}
		if joined == "" {
			joined = strings.Join(texts, "\n")
		}
	}
	if !strings.HasPrefix(strings.Join(texts, "\n"), joined) {
		t.Error("strings have changed")
	}
}
