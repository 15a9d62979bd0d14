package delvecore

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/safedump/sdcore/corefile"
)

// uncached is an option bit that delve does not know. Without any option it
// keeps all frames of all stacks for ever; with StacktraceReadDefers it follows
// the list of deferred calls, which a damaged core can close into a circle.
const uncached proc.StacktraceOptions = 1 << 15

// Unwind walks the stack of g; see [corefile.Backend].
func (b *Backend) Unwind(ctx context.Context, g *corefile.Goroutine, maxFrames int) (corefile.Stack, error) {
	if err := ctx.Err(); err != nil {
		return corefile.Stack{}, err
	}
	if g == nil {
		return corefile.Stack{}, errors.New("no goroutine")
	}
	if err := b.load(); err != nil {
		return corefile.Stack{}, err
	}
	defer b.tick()
	what := fmt.Sprintf("goroutine %d", g.ID)
	dg := b.gs[int64(g.ID)]
	if dg == nil {
		return corefile.Stack{}, fmt.Errorf("%s at %#x: %w: it does not know it", what, g.Addr, ErrDelve)
	}
	depth := b.depth(maxFrames)
	var frames []proc.Stackframe
	err := guard(what, func() (err error) {
		frames, err = deepen(depth, func(n int) ([]proc.Stackframe, error) {
			return proc.GoroutineStacktrace(b.target, dg, n-1, uncached)
		})
		return err
	})
	if err != nil && len(frames) == 0 {
		return corefile.Stack{End: err.Error()}, fmt.Errorf("%w: %w", ErrDelve, err)
	}
	return b.stack(walk{frames: frames, depth: depth, onThread: dg.Thread != nil, r: b.bounds(g), g: dg}), nil
}

// UnwindThread walks what a thread executes; see [corefile.Backend].
func (b *Backend) UnwindThread(ctx context.Context, tid int, maxFrames int) (corefile.Stack, error) {
	if err := ctx.Err(); err != nil {
		return corefile.Stack{}, err
	}
	if err := b.load(); err != nil {
		return corefile.Stack{}, err
	}
	depth := b.depth(maxFrames)
	var frames []proc.Stackframe
	var dg *proc.G
	var th proc.Thread
	err := guard(fmt.Sprintf("thread %d", tid), func() (err error) {
		var ok bool
		if th, ok = b.target.FindThread(tid); !ok {
			return errors.New("the core has no such thread")
		}
		dg, _ = proc.GetG(th)
		frames, err = deepen(depth, func(n int) ([]proc.Stackframe, error) {
			return proc.ThreadStacktrace(b.target, th, n-1)
		})
		return err
	})
	if err != nil && len(frames) == 0 {
		return corefile.Stack{End: err.Error()}, err
	}
	w := walk{frames: frames, depth: depth, onThread: true, r: b.threadBounds(tid), g: dg, thread: th}
	s := b.stack(w)
	// ThreadStacktrace keeps the frames for ever.
	b.stacks = b.o.ClearEvery
	b.tick()
	return s, nil
}

// depth is how many frames, inlined calls included, delve is asked for.
func (b *Backend) depth(maxFrames int) int {
	if maxFrames > 0 && maxFrames < b.o.MaxDepth {
		return maxFrames
	}
	return b.o.MaxDepth
}

// deepen walks with a small depth first: delve allocates for as many frames as
// it is asked for, and few stacks are deep.
func deepen(depth int, walk func(depth int) ([]proc.Stackframe, error)) ([]proc.Stackframe, error) {
	for n := min(depth, 50); ; n = min(depth, n*20) {
		frames, err := walk(n)
		if err != nil || n == depth || len(frames) < n || frames[len(frames)-1].Bottom {
			return frames, err
		}
	}
}

// bounds are the ends of a goroutine's stack, which a walk along frame
// pointers must not leave.
type bounds struct{ lo, hi uint64 }

func (r bounds) has(addr uint64) bool { return addr >= r.lo && addr < r.hi }

func (b *Backend) bounds(g *corefile.Goroutine) bounds {
	if b.rt == nil || g == nil || g.Addr == 0 {
		return bounds{}
	}
	lo, hi, err := b.rt.StackBounds(g.Addr)
	if err != nil {
		return bounds{}
	}
	return bounds{lo, hi}
}

func (b *Backend) threadBounds(tid int) bounds {
	if b.rt == nil {
		return bounds{}
	}
	m, ok := b.rt.ThreadM(tid)
	if !ok || m.CurG == 0 {
		return bounds{}
	}
	return b.bounds(&corefile.Goroutine{Addr: m.CurG})
}

// walk is what delve found of a stack.
type walk struct {
	frames []proc.Stackframe
	depth  int // that it was asked for
	// onThread says that the innermost frame's registers come from a thread.
	onThread bool
	r        bounds
	g        *proc.G     // nil for a thread without a goroutine
	thread   proc.Thread // of such a walk
}

// stack converts what delve found.
func (b *Backend) stack(w walk) corefile.Stack {
	var s corefile.Stack
	err := guard("frames", func() error {
		w.frames = b.restart(w)
		c := converter{b: b, r: w.r, full: w.onThread, exact: w.onThread, first: true}
		s = c.stack(w.frames)
		return nil
	})
	if err != nil {
		s.End = err.Error()
		return s
	}
	switch n := broken(s.Frames); {
	case n < len(s.Frames):
		s.Frames = s.Frames[:n]
		b.resume(&s, w)
	case s.End == "" && len(w.frames) >= w.depth && !w.frames[len(w.frames)-1].Bottom:
		b.outermost(&s, w.r)
	}
	s.Frames = fold(s.Frames)
	return s
}

// resume continues a stack whose C frames led astray with the frames of the
// goroutine itself, from where the scheduler saved that it left Go code.
func (b *Backend) resume(s *corefile.Stack, w walk) {
	s.End = "frames of C code could not be walked: no call frame information"
	if w.g == nil || w.r.hi <= w.r.lo {
		return
	}
	var frames []proc.Stackframe
	var more corefile.Stack
	err := guard("goroutine stack", func() (err error) {
		frames, err = deepen(w.depth, func(n int) ([]proc.Stackframe, error) {
			return proc.GoroutineStacktrace(b.target, w.g, n-1, uncached|proc.StacktraceG)
		})
		if err != nil {
			return err
		}
		c := converter{b: b, r: w.r, first: true}
		more = c.stack(frames)
		return nil
	})
	if err != nil || len(more.Frames) == 0 || !w.r.has(more.Frames[0].CFA) {
		return
	}
	s.End = "frames of C code between here and the goroutine's own could not be walked: no call frame information"
	s.Frames = append(s.Frames, more.Frames...)
}
