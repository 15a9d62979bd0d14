package waits

import (
	"context"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Input is what is looked at.
type Input struct {
	Memory  Memory
	Types   *gotype.Types
	Finder  *goscope.Finder
	Runtime *goruntime.Runtime
	// Goroutines are those of the core, ascending by ID, Shapes the stacks that
	// they stand on: of each, the one of the first goroutine that has it.
	Goroutines []Goroutine
	Shapes     []corefile.Stack
	// Stack is the stack of a goroutine with its own addresses and registers. It
	// may be gone with the next call.
	Stack func(ctx context.Context, i int) (corefile.Stack, error)
	// Reach tells what can be reached; nil: leaks are not looked for, and what
	// goroutines keep alive is not known.
	Reach Reach
}

// Goroutine is a goroutine with the index of its stack in Shapes.
type Goroutine struct {
	*corefile.Goroutine
	Shape int
	Group int // of the report, 0: in none
}

// Memory is what is used of a corefile.Memory.
type Memory interface {
	View(addr uint64, n int) ([]byte, corefile.Provenance, bool)
	Uint64(addr uint64) (uint64, error)
	Uint32(addr uint64) (uint32, error)
}

// Options bound what is found out. The zero value has the defaults.
type Options struct {
	// Brief leaves it at who waits for what: no holders, and nothing that follows
	// from them.
	Brief bool
	// MaxObjects bounds the objects that are listed, and given names: 0 is the
	// default of 1000.
	MaxObjects int
	// MaxWaiters bounds the waiters that are listed of each: 0 is the default of 64.
	MaxWaiters int
	// MaxListed bounds the goroutines that a finding names: 0 is the default of 64.
	MaxListed int
}

// stage is the name of this package in problems.
const stage = "waits"

const (
	defaultObjects = 1000
	defaultWaiters = 64
	defaultListed  = 64
	maxProblems    = 20
)

// analysis is the state of one analysis.
type analysis struct {
	ctx context.Context
	in  Input
	o   Options
	lay layout

	ops      []operation // by shape
	objects  []object
	byKey    map[key]int
	waits    []wait
	first    []int32 // by goroutine: the first of its waits, -1 for none
	ranked   []int   // objects, those with most waiters first
	rankOf   []int   // the place of an object in ranked
	places   *places
	problems []report.Problem
	findings []report.WaitFinding
	about    [][]int // by finding: the goroutines whose memory is asked for
	ofKind   map[report.WaitFindingKind]int
	omitted  int // findings
	left     []leftover
	// unsure are goroutines whose records contradict others, or are not whole.
	unsure []bool
	now    int64   // of the runtime's clock, at least
	marks  []int64 // when the collector came to the end of marking, as far as known
}

// key is what makes objects the same.
type key struct {
	kind report.WaitKind
	addr uint64
}

// object is something that is waited for.
type object struct {
	key
	waiting int
	waits   []int32
	channel *goruntime.Channel
	names   []found
	holders []holder
	since   int64
}

// wait is that one goroutine waits for one object. The waits of a goroutine follow
// each other.
type wait struct {
	g      int32 // index
	object int32
	op     string
	choice bool
	sudog  uint64
}

// Analyze finds out who waits for whom. What is damaged becomes a problem. The
// error is the context's.
func Analyze(ctx context.Context, in Input, o Options) (*report.Waits, []report.Problem, error) {
	if o.MaxObjects <= 0 {
		o.MaxObjects = defaultObjects
	}
	if o.MaxWaiters <= 0 {
		o.MaxWaiters = defaultWaiters
	}
	if o.MaxListed <= 0 {
		o.MaxListed = defaultListed
	}
	a := &analysis{ctx: ctx, in: in, o: o, byKey: map[key]int{}, ofKind: map[report.WaitFindingKind]int{}, lay: readLayout(in.Types)}
	a.collect()
	a.directions()
	a.ages()
	a.rank()
	a.name()
	if !o.Brief {
		a.hold()
		a.graph()
		a.leaks()
	}
	return a.report(), a.problems, ctx.Err()
}

func (a *analysis) problem(addr uint64, format string, args ...any) {
	if len(a.problems) < maxProblems {
		a.problems = append(a.problems, report.Problem{
			Stage: stage, Subject: "waiting goroutines", Addr: report.Addr(addr), Message: fmt.Sprintf(format, args...),
		})
	}
}

// operation is what a goroutine does to wait.
func (a *analysis) operation(i int) *operation { return &a.ops[a.in.Goroutines[i].Shape] }
