package vars

import (
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
}

// Reader decodes the variables of one core. What it learns of types and
// functions is kept. Not safe for concurrent use.
type Reader struct {
	mem    memory
	types  typeSource
	scopes scopeSource
	funcs  functionSource
	lim    bounds

	descs   map[uint64]*gotype.Type
	layouts map[*gotype.Type]*mapLayout
	chans   chanLayout
	maps    mapHeader
	orders  map[scopeKey][]ordered
	globals map[string]*goscope.Global // by full name, nil before it is needed
	queue   []task                     // of the last decoder, to be used again
}

// New makes a Reader of a core. f may be nil: there are no variables of frames
// then, and no names of captured variables.
func New(c *corefile.Core, t *gotype.Types, f *goscope.Finder, o Options) *Reader {
	r := newReader(c.Memory(), t, o)
	if f != nil {
		r.scopes = f
		r.funcs = &debugFunctions{finder: f, known: map[uint64]function{}}
	}
	return r
}

func newReader(mem memory, types typeSource, o Options) *Reader {
	return &Reader{
		mem:     mem,
		types:   types,
		funcs:   noFunctions{},
		lim:     newBounds(o.Limits, o.ScanBytes),
		descs:   map[uint64]*gotype.Type{},
		layouts: map[*gotype.Type]*mapLayout{},
		orders:  map[scopeKey][]ordered{},
	}
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
