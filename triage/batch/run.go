package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/safedump/sdcore/triage/discover"
	"github.com/safedump/sdcore/triage/index"
)

// Options say what a batch does. Dirs, Store and Worker are needed.
type Options struct {
	// Dirs are the crash directories.
	Dirs  []string
	Store Store
	// Worker is the command whose main calls Work, Env its environment.
	Worker []string
	Env    []string
	// Readable are more files and directories that workers read, such as a policy.
	Readable []string
	// BinaryDirs, DebugDirs and SourceDirs are searched for binaries, debug
	// information (both by build ID) and source files.
	BinaryDirs, DebugDirs, SourceDirs []string
	// Host is where the crashes are from. With HostDirs the directory below one
	// of Dirs says it instead.
	Host     string
	HostDirs bool
	// Settle is how long a file must not have changed.
	Settle time.Duration
	// Jobs is how many workers run at a time; 0 means the number of processors.
	Jobs   int
	Bounds Bounds
	// Retry does again what failed before.
	Retry bool
	// Now is the time of the batch.
	Now time.Time
	// Progress, when set, is called with the number of files dealt with.
	Progress func(stage string, done, total int)
	// Fail is a hook of the tests: it may end the process at a named place.
	Fail func(at string)
}

// File is a file that could not be reported, and why.
type File struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Outcome is what a batch did.
type Outcome struct {
	Run       int64    `json:"run"`
	Files     int      `json:"files"`    // looked at
	Crashes   int      `json:"crashes"`  // found among them
	Known     int      `json:"known"`    // of those, dealt with before, or copies
	Reported  int      `json:"reported"` // new occurrences
	Resumed   int      `json:"resumed"`  // of those, left by a batch that was killed
	Covered   int      `json:"covered"`  // crash texts whose core tells more
	Writing   int      `json:"writing"`  // still being written
	Failed    []File   `json:"failed"`   // now
	Waiting   []File   `json:"waiting"`  // for a binary or debug information
	Skipped   []File   `json:"skipped"`  // can't be looked at
	Binaries  int      `json:"binaries"` // known by build ID
	Isolation []string `json:"isolation"`
	// Interrupted is true when it was told to stop: the rest is for the next time.
	Interrupted bool `json:"interrupted"`
}

// batch is a running batch.
type batch struct {
	o          Options
	store      Store
	fail       failures
	index      *index.Index
	isolation  isolation
	processors int // of each worker
	run        int64

	mu       sync.Mutex // guards what follows
	binaries *discover.Binaries
	out      Outcome
	done     int
}

// Run does a batch. When ctx is cancelled it finishes the crashes that it is
// at and stops.
func Run(ctx context.Context, x *index.Index, o Options) (Outcome, error) {
	jobs := cmp.Or(o.Jobs, runtime.NumCPU())
	b := &batch{o: o, store: o.Store, fail: o.Fail, index: x, processors: max(1, runtime.NumCPU()/jobs)}
	b.o.Bounds = o.Bounds.withDefaults()
	if err := b.absolute(); err != nil {
		return b.out, err
	}
	var err error
	if b.run, err = x.BeginRun(ctx, o.Host, o.Now); err != nil {
		return b.out, err
	}
	b.out.Run, b.isolation = b.run, newIsolation(o.Worker)
	b.out.Isolation = b.isolation.names()
	if err := b.resume(ctx); err != nil {
		return b.out, err
	}
	if err := b.updateBinaries(ctx); err != nil {
		return b.out, err
	}
	items, err := b.discover(ctx)
	if err != nil {
		return b.out, err
	}
	if err := b.all(ctx, items, jobs); err != nil {
		return b.out, err
	}
	for _, list := range []*[]File{&b.out.Failed, &b.out.Waiting, &b.out.Skipped} {
		slices.SortFunc(*list, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	}
	b.out.Interrupted = ctx.Err() != nil
	return b.out, x.EndRun(context.WithoutCancel(ctx), b.run, time.Now())
}

// absolute makes paths absolute: workers run in another directory.
func (b *batch) absolute() error {
	o := &b.o
	one := []string{o.Store.Dir}
	for _, list := range []*[]string{&one, &o.Dirs, &o.Readable, &o.BinaryDirs, &o.DebugDirs, &o.SourceDirs} {
		abs := make([]string, len(*list))
		for i, path := range *list {
			var err error
			if abs[i], err = filepath.Abs(path); err != nil {
				return err
			}
		}
		*list = abs
	}
	b.store.Dir = one[0]
	return nil
}

// updateBinaries brings the index of binaries up to date.
func (b *batch) updateBinaries(ctx context.Context) error {
	b.progress("indexing binaries", 0)
	var err error
	if b.binaries, err = discover.ReadBinaries(b.store.binaries()); err != nil {
		return err
	}
	skipped, err := b.binaries.Update(ctx, append(slices.Clone(b.o.BinaryDirs), b.o.DebugDirs...))
	if err != nil {
		return err
	}
	for _, s := range skipped {
		b.out.Skipped = append(b.out.Skipped, File(s))
	}
	b.out.Binaries = b.binaries.Len()
	return b.saveBinaries()
}

func (b *batch) saveBinaries() error {
	if !b.binaries.Dirty() && discover.SignatureOf(b.store.binaries()) != (discover.Signature{}) {
		return nil
	}
	return writeFile(b.store.binaries(), "binaries", b.fail, b.binaries.Write)
}

// discover finds what is to be done.
func (b *batch) discover(ctx context.Context) ([]discover.Item, error) {
	b.progress("looking for crashes", 0)
	found, err := discover.Find(ctx, discover.Options{
		Dirs: b.o.Dirs, Host: b.o.Host, HostDirs: b.o.HostDirs, Settle: b.o.Settle, Now: b.o.Now,
		Known: func(path string, sig discover.Signature) (string, discover.Kind, bool) {
			s, ok, err := b.index.SourceAt(ctx, path, sig.Size, sig.Modified, sig.Inode)
			return s.Key, discover.Kind(s.Kind), ok && err == nil && s.Kind != string(discover.Text)
		},
	})
	if err != nil {
		return nil, err
	}
	b.out.Files, b.out.Crashes, b.out.Writing = found.Files, len(found.Items), found.Writing
	for _, s := range found.Skipped {
		b.out.Skipped = append(b.out.Skipped, File(s))
	}
	seen := map[string]bool{}
	var items []discover.Item
	for i := range found.Items {
		it := &found.Items[i]
		if seen[it.ID] || inside(it.Path, b.store.Dir) {
			b.out.Known++
			continue
		}
		seen[it.ID] = true
		do, err := b.decide(ctx, it)
		if err != nil {
			return nil, err
		}
		if do {
			items = append(items, *it)
		}
	}
	return items, nil
}

func inside(path, dir string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) }

// decide says whether a crash has to be dealt with now.
func (b *batch) decide(ctx context.Context, it *discover.Item) (bool, error) {
	s, known, err := b.index.Source(ctx, it.ID)
	if err != nil {
		return false, err
	}
	switch {
	case !known && it.CoveredBy != "":
		b.out.Covered++
		s := b.source(it)
		s.State, s.Reason = index.Covered, it.CoveredBy+" tells more"
		return false, b.index.Put(ctx, s, b.run)
	case !known, s.State == index.Failed && b.o.Retry:
		return true, nil
	case s.State == index.Waiting:
		if s.Tried != b.tried(s.BuildID, s.GoID, s.Executable) {
			return true, nil
		}
		b.out.Waiting = append(b.out.Waiting, File{it.Path, s.Reason})
		return false, nil
	}
	b.out.Known++
	return false, nil
}

// tried names what there is now of a binary that was missing.
func (b *batch) tried(gnu, goID, executable string) string {
	there := b.binaries.Changed(gnu, goID)
	if sig := discover.SignatureOf(executable); sig != (discover.Signature{}) {
		there += fmt.Sprintf("\n%s %d %d", executable, sig.Size, sig.Modified)
	}
	return there
}

func (b *batch) source(it *discover.Item) index.Source {
	return index.Source{Key: it.ID, Path: it.Path, Kind: string(it.Kind), Size: it.Size, Modified: it.Modified, Inode: it.Inode}
}

// all deals with the items, some at a time.
func (b *batch) all(ctx context.Context, items []discover.Item, jobs int) error {
	next := make(chan *discover.Item)
	errs := make(chan error, jobs)
	running, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	for range jobs {
		group.Go(func() {
			for it := range next {
				// What was begun is finished, whatever happens to ctx.
				if err := b.one(context.WithoutCancel(ctx), it); err != nil {
					errs <- err
					stop() // the index can't be written: nothing more is begun
					return
				}
				b.mu.Lock()
				b.done++
				b.progress("reporting crashes", len(items))
				b.mu.Unlock()
			}
		})
	}
feed:
	for i := range items {
		select {
		case <-running.Done():
			break feed
		default:
		}
		select {
		case next <- &items[i]:
		case <-running.Done():
			break feed
		}
	}
	close(next)
	group.Wait()
	close(errs)
	return errors.Join(drain(errs)...)
}

func drain(errs <-chan error) (out []error) {
	for err := range errs {
		out = append(out, err)
	}
	return out
}

func (b *batch) progress(stage string, total int) {
	if b.o.Progress != nil {
		b.o.Progress(stage, b.done, total)
	}
}

// one deals with one crash. The error is about the store: what is wrong with
// the crash goes into the index.
func (b *batch) one(ctx context.Context, it *discover.Item) error {
	j := &job{
		Key: it.ID, Kind: string(it.Kind), Path: it.Path, Host: it.Host, Time: it.Time, Origin: it.Origin,
		Dir: filepath.Join(b.store.work(), it.ID), Binaries: b.store.binaries(),
		DebugDirs: b.o.DebugDirs, SourceDirs: b.o.SourceDirs, Bounds: b.o.Bounds,
	}
	s := b.source(it)
	// A second time is for a binary that only the core could name.
	for again := false; ; again = true {
		if err := b.prepare(j, &s); err != nil {
			return err
		}
		b.mu.Lock()
		readable := b.readable(it)
		b.mu.Unlock()
		a, err := b.work(ctx, j, readable)
		if err != nil {
			a = &answer{State: index.Failed, Reason: err.Error()}
		}
		if a.State == index.Waiting && !again {
			named, err := b.name(a)
			if err != nil {
				return err
			}
			if named {
				continue
			}
		}
		return b.take(ctx, s, a, j.Dir)
	}
}

// name takes the path that a core records for its binary into the index of
// binaries, if that build is there.
func (b *batch) name(a *answer) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !filepath.IsAbs(a.Executable) || !b.binaries.Name(a.Executable, a.BuildID, a.GoID) {
		return false, nil
	}
	return true, b.saveBinaries()
}
