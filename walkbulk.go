package sdcore

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/report"
)

const (
	maxWalkers = 8   // walking waits for memory: more find nothing to do
	walkBatch  = 512 // goroutines that a walker takes at a time
)

// walker walks stacks and finds those that are equal.
type walker struct {
	backend *gounwind.Backend
	max     int // frames
	shapes  map[string]*shape
	raw     []gounwind.Raw
	key     []byte
	failed  map[int]error // by index of the goroutine
}

func newWalker(b *gounwind.Backend, maxFrames int) *walker {
	return &walker{backend: b, max: maxFrames, shapes: map[string]*shape{}, failed: map[int]error{}}
}

// walkersFor is how many walkers are worth their while for n stacks.
func walkersFor(n int) int { return max(1, min(runtime.GOMAXPROCS(0), maxWalkers, n/walkBatch)) }

// walkBulk walks all stacks without symbols, by n walkers at once, then finds
// functions and lines once for each that is different. The result does not
// depend on who walked what.
func (s *Session) walkBulk(ctx context.Context, b *gounwind.Backend, all []stacked, n int) ([]report.Problem, error) {
	walkers := make([]*walker, n)
	var next atomic.Int64
	var others sync.WaitGroup
	for i := range walkers {
		walkers[i] = newWalker(b.Clone(), s.options.Limits.MaxFrames)
		if i > 0 {
			others.Go(func() { walkers[i].run(ctx, all, &next, func(int) {}) })
		}
	}
	walkers[0].run(ctx, all, &next, func(done int) { s.progress("unwinding goroutines", done, len(all)) })
	others.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	shapes := joinShapes(walkers)
	for i := range all {
		all[i].shape = all[i].shape.same
	}
	return s.settle(ctx, b, all, shapes, walkers), ctx.Err()
}

// run walks batches of stacks until there are none left; next is the index of
// the first that nobody took.
func (w *walker) run(ctx context.Context, all []stacked, next *atomic.Int64, progress func(done int)) {
	for ctx.Err() == nil {
		to := int(next.Add(walkBatch))
		from := to - walkBatch
		if from >= len(all) {
			return
		}
		progress(from)
		for i := from; i < min(to, len(all)); i++ {
			w.walk(&all[i], i)
		}
	}
}

// walk walks the stack of one goroutine, that of index i.
func (w *walker) walk(st *stacked, i int) {
	w.startKey(st.g)
	trace, err := w.backend.Walk(st.g, w.raw, w.max)
	if err != nil {
		w.failed[i] = err
	} else {
		w.raw = trace.Frames
	}
	for i := range trace.Frames {
		w.addKey(trace.Frames[i].PC, trace.Frames[i].Repeat)
	}
	st.end, st.omitted, st.shape = trace.End, trace.Omitted, w.shape(i)
}

// startKey and addKey make the key of a stack: its PCs, which say more than
// names and need no lookup, and the state of the goroutine.
func (w *walker) startKey(g *corefile.Goroutine) {
	w.key = append(w.key[:0], g.Status...)
	w.key = append(w.key, 0)
	w.key = append(w.key, g.WaitReason...)
	w.key = append(w.key, 0)
	if g.System {
		w.key = append(w.key, 1)
	}
}

func (w *walker) addKey(pc uint64, repeat int) {
	w.key = binary.LittleEndian.AppendUint64(w.key, pc)
	w.key = binary.LittleEndian.AppendUint32(w.key, uint32(max(repeat, 1)))
}

// shape finds or makes the shape of the key, which the goroutine of index i
// has.
func (w *walker) shape(i int) *shape {
	sh, ok := w.shapes[string(w.key)]
	if !ok {
		sh = &shape{first: i}
		w.shapes[string(w.key)] = sh
	}
	return sh
}

// joinShapes makes one of the equal shapes that several walkers found, and
// returns them in the order in which goroutines have them.
func joinShapes(walkers []*walker) []*shape {
	joined := map[string]*shape{}
	for _, w := range walkers {
		for key, sh := range w.shapes {
			if joined[key] == nil {
				joined[key] = sh
			}
			sh.same = joined[key]
			sh.same.first = min(sh.same.first, sh.first)
		}
	}
	return slices.SortedFunc(maps.Values(joined), func(a, b *shape) int { return cmp.Compare(a.first, b.first) })
}

// settle gives each shape the whole stack of the first goroutine that has it,
// and says what could not be walked.
func (s *Session) settle(ctx context.Context, b corefile.Backend, all []stacked, shapes []*shape, walkers []*walker) []report.Problem {
	failed := map[int]error{}
	for _, w := range walkers {
		maps.Copy(failed, w.failed)
	}
	for _, sh := range shapes {
		g := all[sh.first].g
		sh.owner = g.ID
		if failed[sh.first] != nil {
			continue
		}
		stack, err := b.Unwind(ctx, g, s.options.Limits.MaxFrames)
		if sh.stack = stack; err != nil {
			failed[sh.first] = err
		}
	}
	var problems []report.Problem
	for _, i := range slices.Sorted(maps.Keys(failed)) {
		problems = append(problems, unwound(all[i].g, failed[i]))
	}
	return problems
}
