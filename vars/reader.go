package vars

import (
	"sync"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Options bound what a Reader decodes. The zero value has the defaults.
type Options struct {
	// Limits bound items, depth, nodes and frames: 0 is the default (see the
	// constants of this package), negative the hard bound. MaxString is not
	// applied here: redact shortens strings after it has seen them whole.
	Limits report.Limits
	// ScanBytes is how many bytes of a string or byte slice are read; 0 is the
	// constant ScanBytes.
	ScanBytes int
	// Secret is memory whose contents nobody may see, see
	// goruntime.SecretMemory: values that lie in it are marked.
	Secret corefile.Extents
}

// Reader decodes the variables of one core. What it learns of types and
// functions is kept. Not safe for concurrent use, see [Reader.Clone].
type Reader struct {
	mem    memory
	guard  *guard // mem where a part of it is secret, nil otherwise
	lim    bounds
	shared *sync.Mutex // guards the three, which clones share
	types  typeSource
	scopes scopeSource
	funcs  functionSource

	plans     map[scopeKey]*framePlan
	near      [1 << nearBits]*framePlan // of plans, by hash
	functions map[uint64]function
	descs     map[uint64]*gotype.Type
	layouts   map[*gotype.Type]*mapLayout
	tags      [1 << tagBits]tagged // by hash of the type
	chans     chanLayout
	maps      mapHeader
	globals   map[string]*goscope.Global // by full name, nil before it is needed

	constants report.Constants // of the plans, where values are not kept

	room    room
	decoder decoder
	parts   []part       // of the variable at hand
	at      []*framePlan // of the frames at hand
}

// New makes a Reader of a core. f may be nil: there are no variables of frames
// then, and no names of captured variables.
func New(c *corefile.Core, t *gotype.Types, f *goscope.Finder, o Options) *Reader {
	r := newReader(c.Memory(), t, o)
	if f != nil {
		r.scopes = f
		r.funcs = debugFunctions{f}
	}
	return r
}

func newReader(mem memory, types typeSource, o Options) *Reader {
	r := &Reader{
		mem:    mem,
		lim:    newBounds(o.Limits, o.ScanBytes),
		shared: new(sync.Mutex),
		types:  types,
		funcs:  noFunctions{},
	}
	r.reset()
	r.protect(mem, o.Secret)
	return r
}

// protect has the reader notice what it reads of secret memory.
func (r *Reader) protect(mem memory, secret corefile.Extents) {
	if len(secret) > 0 {
		r.guard = &guard{memory: mem, secret: secret}
		r.mem = r.guard
	}
}

// reset makes what is a Reader's own.
func (r *Reader) reset() {
	r.plans = map[scopeKey]*framePlan{}
	r.near = [1 << nearBits]*framePlan{}
	r.functions = map[uint64]function{}
	r.descs = map[uint64]*gotype.Type{}
	r.layouts = map[*gotype.Type]*mapLayout{}
	r.tags = [1 << tagBits]tagged{}
	r.constants = report.Constants{}
	r.room, r.parts, r.at = room{}, nil, nil
	r.decoder = decoder{r: r}
}

// Clone makes a Reader that may be used beside r, for work that looks at each
// goroutine once. What the next call of it returns takes the place of what the
// last one returned: nothing of that may be kept but its strings, and those no
// longer than the core is open. The types and scopes that r was made of must not be
// used by anybody else meanwhile.
func (r *Reader) Clone() *Reader {
	c := *r
	c.reset()
	if g := r.guard; g != nil {
		c.protect(g.memory, g.secret)
	}
	c.room.reuse = true
	return &c
}

// noFunctions knows no functions.
type noFunctions struct{}

func (noFunctions) Function(uint64) (function, bool) { return function{}, false }

// Value decodes the value of type t at an address of the process. Its state
// says what is wrong when it can't be had.
func (r *Reader) Value(t *gotype.Type, addr uint64) report.Value {
	return r.decode(t, at(addr, sizeOf(t)))
}

// At decodes the value of type t at a location. A location without pieces
// makes it optimized out; missing pieces only what they hold.
func (r *Reader) At(t *gotype.Type, loc corefile.Location, regs *corefile.Registers) report.Value {
	v := r.decode(t, place(t, loc, regs))
	if loc.Stale {
		stale(&v)
	}
	return v
}

// place is the region of a value of type t at a location.
func place(t *gotype.Type, loc corefile.Location, regs *corefile.Registers) region {
	if len(loc.Pieces) == 0 {
		return lost(max(sizeOf(t), 1), noLocation())
	}
	return locate(loc, sizeOf(t), regs)
}

// stale marks a value that may be out of date.
func stale(v *report.Value) {
	if v.State == report.StateOK || v.State == report.StateTruncated {
		v.State = report.StateStale
		v.Note = "its location is that of another instruction of this call, and may be out of date"
	}
}

func sizeOf(t *gotype.Type) int64 {
	if t == nil {
		return 0
	}
	return max(t.Size, 0)
}

// typeNamed finds a type by its name in the debug information.
func (r *Reader) typeNamed(name string) (*gotype.Type, error) {
	r.shared.Lock()
	defer r.shared.Unlock()
	return r.types.ByName(name)
}
