package delvecore

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/core"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// Options change how stacks are walked. The zero value has the defaults.
type Options struct {
	// MaxDepth bounds the frames that are walked of any stack, whatever a
	// caller asks for; 0 means 20 000. A frame costs about 1 kB meanwhile.
	MaxDepth int
	// KeepOutermost is how many of the outermost frames are kept of a stack
	// that is longer than what is walked; 0 means 32.
	KeepOutermost int
	// ClearEvery is after how many stacks delve's caches, which only grow, are
	// thrown away; 0 means 256.
	ClearEvery int
	// TempDir is where delve is shown the debug information of a stripped
	// binary that it would not find where it is: a directory with a link that
	// is removed when the core is open; "" means /var/tmp, or else /tmp.
	TempDir string
}

func (o Options) withDefaults() Options {
	if o.MaxDepth <= 0 {
		o.MaxDepth = 20_000
	}
	if o.KeepOutermost <= 0 {
		o.KeepOutermost = 32
	}
	if o.ClearEvery <= 0 {
		o.ClearEvery = 256
	}
	return o
}

// Backend walks stacks with delve. It implements [corefile.Backend] and is not
// safe for concurrent use.
type Backend struct {
	c      *corefile.Core
	rt     *goruntime.Runtime
	o      Options
	target *proc.Target
	gs     map[int64]*proc.G // by goroutine ID, read once
	stacks int               // walked since the caches were cleared
	inl    *inliner
}

var _ corefile.Backend = (*Backend)(nil)

// Open hands the core and its binary to delve. rt lists the goroutines; when
// it is nil, delve does. The error wraps corefile.ErrNoDWARF for a binary
// without debug information, which delve never gets to see, and ErrDelve for
// what delve itself could not do.
func Open(c *corefile.Core, rt *goruntime.Runtime, o Options) (*Backend, error) {
	if c == nil {
		return nil, errors.New("no core")
	}
	if len(c.Threads()) == 0 {
		return nil, fmt.Errorf("%s: core has no threads: %w", c.Path(), corefile.ErrNotCore)
	}
	if err := vet(c.Binary()); err != nil {
		return nil, err
	}
	b := &Backend{c: c, rt: rt, o: o.withDefaults()}
	dirs, done, err := debugDirs(c.Binary(), o.TempDir)
	if err != nil {
		return nil, err
	}
	defer done()
	err = guard("open "+c.Path(), func() error {
		grp, err := core.OpenCore(c.FilePath(), c.Binary().Path(), dirs)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDelve, err)
		}
		if grp == nil || grp.Selected == nil {
			return fmt.Errorf("%w: no process", ErrDelve)
		}
		b.target = grp.Selected
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.inl = newInliner(c)
	return b, nil
}

// Name is "delve".
func (b *Backend) Name() string { return "delve" }

// Close drops what delve holds in memory. Delve itself never closes the two
// files that it opened.
func (b *Backend) Close() error {
	if b.target == nil {
		return nil
	}
	err := guard("close", func() error {
		b.target.ClearCaches()
		return b.target.BinInfo().Close()
	})
	b.target, b.gs = nil, nil
	return err
}

// Goroutines lists the goroutines that goruntime found; see
// [corefile.Backend].
func (b *Backend) Goroutines(ctx context.Context) ([]corefile.Goroutine, []report.Problem, error) {
	if b.rt != nil {
		return b.rt.Goroutines(ctx)
	}
	return b.delveGoroutines(ctx)
}

// load reads delve's own goroutines, which unwinding starts from.
func (b *Backend) load() error {
	if b.target == nil {
		return errors.New("backend is closed")
	}
	if b.gs != nil {
		return nil
	}
	return guard("list goroutines", func() error {
		all, _, err := proc.GoroutinesInfo(b.target, 0, b.countLimit())
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDelve, err)
		}
		b.gs = make(map[int64]*proc.G, len(all))
		for _, g := range all {
			if g == nil || g.Unreadable != nil {
				continue
			}
			// A running goroutine wins over a stale one with the same ID.
			if old := b.gs[g.ID]; old == nil || old.Thread == nil && g.Thread != nil {
				b.gs[g.ID] = g
			}
		}
		return nil
	})
}

// countLimit bounds how many goroutines delve reads: it believes any number
// that it finds in the core. Never 0, which delve takes for no bound.
func (b *Backend) countLimit() int {
	const unknown = 1 << 20
	addr, _, ok := b.c.Binary().Symbol("runtime.allgs")
	if !ok {
		return unknown
	}
	m := b.c.Memory()
	ptr, err := m.Uint64(addr + b.c.LoadBias())
	if err != nil {
		return unknown
	}
	n, err := m.Uint64(addr + b.c.LoadBias() + 8)
	if err != nil {
		return unknown
	}
	return int(m.Available(ptr, int64(min(n, 1<<30))*8)/8) + 1
}

// tick throws delve's caches away now and then.
func (b *Backend) tick() {
	if b.stacks++; b.stacks >= b.o.ClearEvery {
		b.stacks = 0
		_ = guard("clear caches", func() error { b.target.ClearCaches(); return nil })
	}
}
