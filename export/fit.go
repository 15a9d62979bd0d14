package export

import (
	"sort"

	"github.com/safedump/sdcore/report"
)

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
	room    int64
	// entries and whole say per goroutine whether it is listed, and whether
	// with its frames.
	entries, whole []bool
	line           []byte // the part that is measured
}

func newFitter(r *report.Report, o Options) *fitter {
	f := &fitter{from: r, crashed: crashedGoroutine(r), doc: document(r), room: o.MaxSize}
	if o.MaxSize == 0 {
		f.room = DefaultMaxSize
	}
	f.rep = completed(r)
	f.order = interest(r, f.crashed)
	f.entries = make([]bool, len(r.Goroutines))
	f.whole = make([]bool, len(r.Goroutines))
	return f
}

// size is the number of bytes that an element of a list takes at its place.
func (f *fitter) size(at where, element func(dst []byte) []byte) int64 {
	f.line = at.element(f.line[:0], element)
	return int64(len(f.line))
}

// take deducts n bytes and reports whether they fit.
func (f *fitter) take(n int64, room *int64) bool {
	if n > *room {
		return false
	}
	*room -= n
	return true
}

// fit fills rep and doc: first what is always there, then groups, the list of
// goroutines, globals, and the frames of goroutines in order of interest.
func (f *fitter) fit() error {
	if err := f.base(); err != nil {
		return err
	}
	half := f.room / 2
	kept := half
	groups := takeAll(f, f.rep.Groups, inSdcore, &kept, (*report.Group).AppendJSON)
	f.omit("groups", len(f.from.Groups)-len(groups))
	f.rep.Groups = groups
	f.room -= half - kept

	half = f.room / 2
	kept = half
	f.list(&kept)
	f.room -= half - kept

	quarter := f.room / 4
	kept = quarter
	globals := takeAll(f, f.rep.Globals, inSdcore, &kept, (*report.Global).AppendJSON)
	f.omit("globals", len(f.from.Globals)-len(globals))
	f.rep.Globals = globals
	f.room -= quarter - kept

	f.frames()
	f.assemble()
	return nil
}

// takeAll returns the items from the first on that fit.
func takeAll[T any](f *fitter, items []T, at where, room *int64, element func(*T, []byte) []byte) []T {
	for i := range items {
		n := f.size(at, func(dst []byte) []byte { return element(&items[i], dst) })
		if !f.take(n, room) {
			return items[:i]
		}
	}
	return items
}

// base deducts what every file has: all but groups, globals and the other
// goroutines. Of problems, audit records and the heap's lists there are few; of a
// hostile core's, or of a report full of secrets, the first ones are kept.
func (f *fitter) base() error {
	f.shortenRecords()
	if err := f.shortenHeap(); err != nil {
		return err
	}
	rep, doc := f.rep, *f.doc
	rep.Groups, rep.Globals, rep.Goroutines = nil, nil, nil
	if f.crashed >= 0 {
		rep.Goroutines = f.rep.Goroutines[f.crashed : f.crashed+1]
		doc.Threads = []report.DocThread{docThread(&f.from.Goroutines[f.crashed], true)}
	}
	var size counter
	if err := newStream(&size, &jsonForm{doc: &doc, rep: &rep}, false).report(&rep, crashedFirst(&rep)); err != nil {
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
func (f *fitter) shortenRecords() {
	share := f.room / 8
	room := share
	problems := takeAll(f, f.rep.Problems, inSdcore, &room, (*report.Problem).AppendJSON)
	f.omit("problems", len(f.rep.Problems)-len(problems))
	f.rep.Problems = problems

	room = share
	records := takeAll(f, f.rep.Redactions, inSdcore, &room, (*report.Redaction).AppendJSON)
	f.omit("audit records", len(f.rep.Redactions)-len(records))
	f.rep.Redactions = records

	room = share
	standard := takeAll(f, f.doc.Redactions, inSchema, &room, func(x *report.DocRedaction, dst []byte) []byte {
		return x.AppendIndented(dst, string(inSchema))
	})
	f.omit("audit records of the standard part", len(f.doc.Redactions)-len(standard))
	f.doc.Redactions = standard
}

// list deducts the entry of each goroutine without frames, in both parts of
// the file.
func (f *fitter) list(room *int64) {
	for _, i := range f.order {
		if i != f.crashed {
			slim, thread := reference(&f.rep.Goroutines[i]), docThread(&f.from.Goroutines[i], false)
			n := f.size(inSdcore, slim.AppendJSON)
			n += f.size(inSchema, func(dst []byte) []byte { return thread.AppendIndented(dst, string(inSchema)) })
			if !f.take(n, room) {
				break
			}
		}
		f.entries[i] = true
	}
}

// reference returns a goroutine cut down to its group.
func reference(g *report.Goroutine) report.Goroutine {
	slim := *g
	slim.Frames, slim.Redactions, slim.Labels = []report.Frame{}, nil, nil
	return slim
}

// frames deducts what listed goroutines take beyond their entry, in order of
// interest.
func (f *fitter) frames() {
	misses := 0
	for _, i := range f.order {
		if !f.entries[i] || misses > maxMisses {
			continue
		}
		ok := i == f.crashed
		if !ok {
			g := completedGoroutine(&f.rep.Goroutines[i])
			slim := reference(g)
			ok = f.take(f.size(inSdcore, g.AppendJSON)-f.size(inSdcore, slim.AppendJSON), &f.room)
		}
		f.whole[i] = ok
		if ok {
			misses = 0
		} else {
			misses++
		}
	}
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
