package export

import (
	"encoding/json"
	"sort"

	"github.com/safedump/sdcore/report"
)

// where is the place of a part in a file: it decides what the part costs.
type where int

const (
	inSdcore where = iota // a line of a list in the metadata
	inSchema              // an element of a list in the standard part, indented
)

// schemaIndent is the indentation of such an element.
const schemaIndent = "    "

// cost is the number of bytes of v at its place, the separators included.
func (w where) cost(v any) (int64, error) {
	if w == inSchema {
		b, err := report.EncodeIndented(v, schemaIndent)
		return int64(len(b)+len(schemaIndent)) + 2, err
	}
	b, err := report.EncodeCompact(v)
	return int64(len(b)+len("        ")) + 2, err
}

// reserved is what the records of omissions may add to a file, in bytes.
const reserved = 1024

// maxMisses is how many goroutines in a row may not fit before the others are
// not even tried: it bounds the work on a large process.
const maxMisses = 64

// fitter chooses what goes into a file so that it keeps to its size. It
// measures every part as it will be written, indentation included.
type fitter struct {
	from    *report.Report
	crashed int // index of the crashing goroutine, -1 for none
	order   []int
	rep     report.Report
	doc     *report.Document
	bound   bool
	room    int64
	// entries and whole say per goroutine whether it is listed, and whether
	// with its frames.
	entries, whole []bool
}

func newFitter(r *report.Report, o Options) *fitter {
	f := &fitter{from: r, crashed: crashedGoroutine(r), doc: document(r, o.Time), bound: o.MaxSize >= 0, room: o.MaxSize}
	if o.MaxSize == 0 {
		f.room = DefaultMaxSize
	}
	f.rep = completed(r)
	f.order = interest(r, f.crashed)
	f.entries = make([]bool, len(r.Goroutines))
	f.whole = make([]bool, len(r.Goroutines))
	return f
}

// take deducts the size of v at its place and reports whether it fits.
func (f *fitter) take(v any, at where, room *int64) (bool, error) {
	if !f.bound {
		return true, nil
	}
	n, err := at.cost(v)
	if err != nil {
		return false, err
	}
	if n > *room {
		return false, nil
	}
	*room -= n
	return true, nil
}

// fit fills rep and doc: first what is always there, then groups, the list of
// goroutines, globals, and the frames of goroutines in order of interest.
func (f *fitter) fit() error {
	if err := f.base(); err != nil {
		return err
	}
	half := f.room / 2
	kept := half
	groups, err := takeAll(f, f.rep.Groups, inSdcore, &kept)
	if err != nil {
		return err
	}
	f.omit("groups", len(f.from.Groups)-len(groups))
	f.rep.Groups = groups
	f.room -= half - kept

	half = f.room / 2
	kept = half
	if err := f.list(&kept); err != nil {
		return err
	}
	f.room -= half - kept

	quarter := f.room / 4
	kept = quarter
	globals, err := takeAll(f, f.rep.Globals, inSdcore, &kept)
	if err != nil {
		return err
	}
	f.omit("globals", len(f.from.Globals)-len(globals))
	f.rep.Globals = globals
	f.room -= quarter - kept

	if err := f.frames(); err != nil {
		return err
	}
	f.assemble()
	return nil
}

// takeAll returns the items from the first on that fit.
func takeAll[T any](f *fitter, items []T, at where, room *int64) ([]T, error) {
	for i := range items {
		ok, err := f.take(&items[i], at, room)
		if err != nil {
			return nil, err
		}
		if !ok {
			return items[:i], nil
		}
	}
	return items, nil
}

// base deducts what every file has: all but groups, globals and the other
// goroutines. Of problems and audit records there are few; of a hostile
// core's, or of a report full of secrets, the first ones are kept.
func (f *fitter) base() error {
	if !f.bound {
		return nil
	}
	if err := f.shortenRecords(); err != nil {
		return err
	}
	rep, doc := f.rep, *f.doc
	rep.Groups, rep.Globals, rep.Goroutines = nil, nil, nil
	if f.crashed >= 0 {
		rep.Goroutines = f.rep.Goroutines[f.crashed : f.crashed+1]
		doc.Threads = []report.DocThread{docThread(&f.from.Goroutines[f.crashed], true)}
	}
	raw, err := report.EncodeCompact(&rep)
	if err != nil {
		return err
	}
	generator, err := json.Marshal(f.from.Generator)
	if err != nil {
		return err
	}
	doc.Metadata = map[string]json.RawMessage{"generator": generator, "sdcore": raw}
	var size counter
	if err := report.Encode(&size, &doc); err != nil {
		return err
	}
	f.room = max(f.room-int64(size)-reserved, 0)
	return nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// shortenRecords bounds each list of problems and audit records to an eighth
// of the file.
func (f *fitter) shortenRecords() error {
	share := f.room / 8
	room := share
	problems, err := takeAll(f, f.rep.Problems, inSdcore, &room)
	if err != nil {
		return err
	}
	f.omit("problems", len(f.rep.Problems)-len(problems))
	f.rep.Problems = problems

	room = share
	records, err := takeAll(f, f.rep.Redactions, inSdcore, &room)
	if err != nil {
		return err
	}
	f.omit("audit records", len(f.rep.Redactions)-len(records))
	f.rep.Redactions = records

	room = share
	standard, err := takeAll(f, f.doc.Redactions, inSchema, &room)
	if err != nil {
		return err
	}
	f.omit("audit records of the standard part", len(f.doc.Redactions)-len(standard))
	f.doc.Redactions = standard
	return nil
}

// list deducts the entry of each goroutine without frames, in both parts of
// the file.
func (f *fitter) list(room *int64) error {
	for _, i := range f.order {
		if i != f.crashed {
			slim := reference(&f.rep.Goroutines[i])
			before := *room
			ok, err := f.take(&slim, inSdcore, room)
			if err == nil && ok {
				ok, err = f.take(docThread(&f.from.Goroutines[i], false), inSchema, room)
			}
			if err != nil {
				return err
			}
			if !ok {
				*room = before
				break
			}
		}
		f.entries[i] = true
	}
	return nil
}

// reference returns a goroutine cut down to its group.
func reference(g *report.Goroutine) report.Goroutine {
	slim := *g
	slim.Frames, slim.Redactions, slim.Labels = []report.Frame{}, nil, nil
	return slim
}

// frames deducts the frames of listed goroutines in order of interest.
func (f *fitter) frames() error {
	misses := 0
	for _, i := range f.order {
		if !f.entries[i] || misses > maxMisses {
			continue
		}
		ok := i == f.crashed
		if !ok {
			g := &f.rep.Goroutines[i]
			var err error
			if ok, err = f.take([]any{g.Frames, g.Redactions, g.Labels}, inSdcore, &f.room); err != nil {
				return err
			}
		}
		f.whole[i] = ok
		if ok {
			misses = 0
		} else {
			misses++
		}
	}
	return nil
}

// assemble builds the lists of goroutines, the crashed one first in the
// standard part.
func (f *fitter) assemble() {
	all := f.rep.Goroutines
	f.rep.Goroutines = make([]report.Goroutine, 0, len(all))
	f.doc.Threads = []report.DocThread{}
	if f.crashed >= 0 {
		f.doc.Threads = append(f.doc.Threads, docThread(&f.from.Goroutines[f.crashed], true))
	}
	unlisted, cut := 0, 0
	for i := range all {
		if !f.entries[i] {
			unlisted++
			continue
		}
		if i != f.crashed {
			f.doc.Threads = append(f.doc.Threads, docThread(&f.from.Goroutines[i], false))
		}
		if f.whole[i] {
			f.rep.Goroutines = append(f.rep.Goroutines, all[i])
			continue
		}
		if len(all[i].Frames) > 0 {
			cut++
		}
		f.rep.Goroutines = append(f.rep.Goroutines, reference(&all[i]))
	}
	f.omit("frames of goroutines", cut)
	f.omit("goroutines", unlisted)
}

// omit counts what was left out.
func (f *fitter) omit(what string, n int) {
	if n > 0 {
		f.rep.Omitted = append(f.rep.Omitted, report.Omission{What: what, Count: int64(n), Why: "--max-size"})
	}
}

// interest returns the indexes of the goroutines, the crashing one first, then
// one of each group of the program's own, running ones before waiting ones,
// then the others of the program, then the runtime's.
func interest(r *report.Report, crashed int) []int {
	seen := map[int]bool{}
	rank := make([]int, len(r.Goroutines))
	for i := range r.Goroutines {
		g := &r.Goroutines[i]
		switch first := !seen[g.Group]; {
		case i == crashed:
		case g.System:
			rank[i] = 5
		case g.Status == "running" || g.Status == "syscall":
			rank[i] = 1
		case first:
			rank[i] = 2
		default:
			rank[i] = 3
		}
		seen[g.Group] = true
	}
	order := make([]int, len(rank))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return rank[order[a]] < rank[order[b]] })
	return order
}
