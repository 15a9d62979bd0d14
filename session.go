package sdcore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/delvecore"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/vars"
)

// ErrNoBinary is wrapped when a question needs the binary and none was found.
var ErrNoBinary = errors.New("no binary for this core")

// Session is an opened core. It is not safe for concurrent use.
type Session struct {
	core    *corefile.Core
	options Options
	created fs.FileInfo // of the core file

	engine  *engine                   // nil until a question needs it
	damage  []report.Problem          // of the binary
	decoded map[uint64][]report.Frame // what Print has read of goroutines, by ID
}

// engine is everything that needs debug information. It is built once, when
// the first question needs it: `info` has to work without.
type engine struct {
	types   *gotype.Types
	finder  *goscope.Finder
	runtime *goruntime.Runtime
	backend corefile.Backend
	reader  *vars.Reader
	outline *vars.Reader // decodes next to nothing: for types on the way of a path
}

// Open opens a core and its binary. binary may be empty.
func Open(ctx context.Context, core, binary string, o Options) (*Session, error) {
	if err := checkBackend(o.Backend); err != nil {
		return nil, err
	}
	o.Limits = withDefaults(o.Limits)
	s := &Session{options: o}
	s.progress("opening the core", 0, 0)
	info, err := os.Stat(core)
	if err != nil {
		return nil, fmt.Errorf("core: %w", err)
	}
	s.created = info
	s.core, err = corefile.Open(ctx, core, binary, corefile.Options{
		AllowMismatch: o.AllowMismatch,
		BinaryDirs:    o.BinaryDirs,
		Candidates:    o.Candidates,
		DebugDirs:     o.DebugDirs,
		MaxUnpacked:   o.MaxUnpacked,
		TempDir:       o.TempDir,
		Progress:      o.Progress,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close releases the core, the binary and the backend.
func (s *Session) Close() error {
	var err error
	if s.engine != nil {
		err = s.engine.backend.Close()
	}
	return errors.Join(err, s.core.Close())
}

// HasBinary reports whether the core's binary was found or named.
func (s *Session) HasBinary() bool { return s.core.Binary() != nil }

// ExecutablePaths are the absolute paths that the core records for its
// executable, which is not proven to be there still.
func (s *Session) ExecutablePaths() []string { return s.core.ExecutablePaths() }

func (s *Session) progress(stage string, done, total int) {
	if s.options.Progress != nil {
		s.options.Progress(stage, done, total)
	}
}

// open builds the engine.
func (s *Session) open() (*engine, error) {
	if s.engine != nil {
		return s.engine, nil
	}
	bin := s.core.Binary()
	if bin == nil {
		return nil, noBinary(s.core)
	}
	if !bin.HasDWARF() {
		return nil, fmt.Errorf("%s, without debug information in %s: %w", bin.Path(), strings.Join(bin.DebugSearch(), ", "), corefile.ErrNoDWARF)
	}
	s.progress("reading debug information", 0, 0)
	var e engine
	var err error
	if e.types, err = gotype.New(s.core); err != nil {
		return nil, err
	}
	if e.finder, err = goscope.New(s.core, e.types); err != nil {
		return nil, err
	}
	if e.runtime, err = goruntime.New(s.core, e.types, e.finder); err != nil {
		return nil, err
	}
	if e.backend, err = s.openBackend(&e); err != nil {
		return nil, err
	}
	secret, problems := e.runtime.SecretMemory()
	s.damage = append(s.damage, problems...)
	e.reader = vars.New(s.core, e.types, e.finder, vars.Options{Limits: s.options.Limits, Secret: secret})
	if err := e.finder.Damage(); err != nil {
		s.damage = append(s.damage, missing("debug information of "+bin.Path(), err)...)
	}
	e.outline = vars.New(s.core, e.types, e.finder, vars.Options{
		Limits: report.Limits{MaxDepth: 1, MaxItems: 1, MaxNodes: 1, MaxString: 1}, Secret: secret,
	})
	s.engine = &e
	return s.engine, nil
}

// openBackend opens the reader of stacks that was asked for. When none was, it
// is delve's for what sdcore's own can't read.
func (s *Session) openBackend(e *engine) (corefile.Backend, error) {
	if s.options.Backend != backendDelve {
		b, err := gounwind.Open(s.core, e.runtime, gounwind.Options{Scopes: e.finder})
		if err == nil || s.options.Backend != "" || !errors.Is(err, gounwind.ErrUnsupported) {
			return b, err
		}
		s.damage = append(s.damage, report.Problem{Stage: "sdcore", Subject: "stacks", Message: "read by delve, because of " + err.Error()})
	}
	return delvecore.Open(s.core, e.runtime, delvecore.Options{TempDir: s.options.TempDir})
}

// backendName is the backend that is, or would be, in use.
func (s *Session) backendName() string {
	if s.engine != nil {
		return s.engine.backend.Name()
	}
	return cmp.Or(s.options.Backend, backendNative)
}

// noBinary says where the binary was looked for.
func noBinary(c *corefile.Core) error {
	places := c.BinarySearch()
	if len(places) == 0 {
		return fmt.Errorf("%s: it holds no build ID to find its binary by: %w", c.Path(), ErrNoBinary)
	}
	return fmt.Errorf("%s: looked in %s: %w", c.Path(), strings.Join(places, ", "), ErrNoBinary)
}

// base is a report with what needs no debug information: identity, process,
// threads, the signal of the notes.
func (s *Session) base() *report.Report {
	rep := &report.Report{
		Schema:          report.Schema,
		Generator:       report.Generator{Name: "sdcore", Version: Version(), Backend: s.backendName()},
		Complete:        true,
		Tier:            s.options.Tier,
		CrashTime:       s.created.ModTime().UTC(),
		CrashTimeSource: "modification time of the core",
		Identity:        s.core.Identity(),
		Process:         s.core.Process(),
		Limits:          s.options.Limits,
	}
	if !s.options.CrashTime.IsZero() {
		rep.CrashTime, rep.CrashTimeSource = s.options.CrashTime.UTC(), s.options.CrashTimeSource
	}
	rep.Crash = report.Crash{Kind: report.KindUnknown, Signal: s.core.Signal()}
	for i, th := range s.core.Threads() {
		if i == 0 {
			rep.Crash.Thread = th.TID
		}
		// Without a signal nothing in the notes says that it died: of a process
		// that was captured while it ran the first thread is just the first.
		died := rep.Crash.Signal != nil && rep.Crash.Signal.Number != 0
		rep.Threads = append(rep.Threads, report.Thread{TID: th.TID, PC: report.Addr(th.PC), Crashed: i == 0 && died})
	}
	addProblems(rep, s.core.Problems())
	return rep
}

// addProblems records problems; one that says that something is missing makes
// the report incomplete.
func addProblems(rep *report.Report, ps []report.Problem) {
	for _, p := range ps {
		if p.Missing {
			rep.Complete = false
		}
	}
	rep.Problems = append(rep.Problems, ps...)
}

// Info reports what the core itself says, without goroutines: identity,
// threads, signal, segments, what can be had from this core.
func (s *Session) Info(ctx context.Context) (*report.Report, error) {
	rep := s.base()
	return rep, ctx.Err()
}
