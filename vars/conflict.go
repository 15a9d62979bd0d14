package vars

import (
	"reflect"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// The compiler's location lists are wrong at times: Go 1.26.8 gives a local the
// register or stack slot in which a parameter came (fixtures/misplaced, start in
// serve has that of ctx). Two variables in one place are no contradiction by
// themselves, since copies share it. But a word can't be a pointer for one of
// them and a number for the other.

// doubt says that a variable's location contradicts that of another.
type doubt uint8

const (
	noDoubt  doubt = iota
	shared         // two numbers: one may be a copy of the other
	doubtful       // one of two locals: nobody knows which
	refuted        // a parameter is there
)

// wordClass is what a word is for sure: what the garbage collector would take
// it for, and whether a number has a fraction. Integers of other types may be
// copies of each other, floats are converted on the way.
type wordClass uint8

const (
	anyWord wordClass = iota
	pointerWord
	numberWord
	floatWord
)

// holding is a word of a variable and where it is.
type holding struct {
	variable int
	class    wordClass
}

// wordPlace identifies a word of memory or a register.
type wordPlace struct {
	register bool
	at       uint64
}

// maxDoubtWords bounds the words of one piece that are compared.
const maxDoubtWords = 64

// doubts compares the locations of the variables of a frame.
func (r *Reader) doubts(sc *goscope.Scope, fr *corefile.Frame) []doubt {
	r.shared.Lock()
	defer r.shared.Unlock()
	locs := make([]corefile.Location, len(sc.Vars))
	for i := range sc.Vars {
		// One that can't be located contradicts nothing.
		locs[i], _ = sc.Vars[i].Locate(fr)
	}
	return compare(sc.Vars, locs)
}

// compare looks for variables that can't be in one place.
func compare(vs []goscope.Var, locs []corefile.Location) []doubt {
	out := make([]doubt, len(vs))
	held := map[wordPlace][]holding{}
	for i := range vs {
		if vs[i].Role == report.RoleCaptured {
			continue
		}
		for at, class := range wordsOf(&vs[i], locs[i]) {
			for _, h := range held[at] {
				switch {
				case h.class != class:
					contradict(vs, out, i, h.variable)
				case isNumber(vs[i].Type) && isNumber(vs[h.variable].Type):
					out[i], out[h.variable] = max(out[i], shared), max(out[h.variable], shared)
				}
			}
			held[at] = append(held[at], holding{i, class})
		}
	}
	return out
}

// isNumber reports whether a type is a plain number. Only these are told to
// share a place: copies of strings and pointers are common and do no harm.
func isNumber(t *gotype.Type) bool {
	if t == nil {
		return false
	}
	switch t.Kind {
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Float64, reflect.Complex128:
		return true
	}
	return false
}

// contradict marks one or both of two variables.
func contradict(vs []goscope.Var, out []doubt, a, b int) {
	argA, argB := vs[a].Role == report.RoleArg, vs[b].Role == report.RoleArg
	switch {
	case argA && argB:
	case argA:
		out[b] = refuted
	case argB:
		out[a] = refuted
	default:
		out[a], out[b] = max(out[a], doubtful), max(out[b], doubtful)
	}
}

// wordsOf finds the words of a variable that are pointers or numbers for sure.
func wordsOf(v *goscope.Var, loc corefile.Location) map[wordPlace]wordClass {
	size := sizeOf(v.Type)
	if v.Escaped {
		size = 8
	}
	out := map[wordPlace]wordClass{}
	var off int64
	for i, p := range loc.Pieces {
		if i >= maxDoubtWords {
			break
		}
		n := p.Size
		if n <= 0 || n > size-off {
			n = size - off
		}
		for in := int64(0); in < min(n, 8*maxDoubtWords); in += 8 {
			class := pointerWord
			if !v.Escaped {
				class = classAt(v.Type, off+in)
			}
			switch {
			case class == anyWord:
			case p.Kind == corefile.PieceMemory:
				out[wordPlace{at: p.Addr + uint64(in)}] = class
			case p.Kind == corefile.PieceRegister && n <= 8:
				out[wordPlace{register: true, at: p.Reg}] = class
			}
		}
		off += n
	}
	return out
}

// classAt is the class of the word at an offset of a type.
func classAt(t *gotype.Type, off int64) wordClass {
	for range hardDepth {
		if t == nil || off < 0 || off >= t.Size {
			return anyWord
		}
		switch t.Kind {
		case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func, reflect.Interface:
			return pointerWord
		case reflect.String, reflect.Slice:
			if off == 0 {
				return pointerWord
			}
			return numberWord
		case reflect.Array:
			if t.Elem == nil || t.Elem.Size <= 0 {
				return anyWord
			}
			t, off = t.Elem, off%t.Elem.Size
		case reflect.Struct:
			inner, ok := t.FieldOver(off)
			if !ok {
				return anyWord
			}
			t, off = inner.Type, off-inner.Offset
		case reflect.Uintptr, reflect.Invalid:
			return anyWord // may well be a pointer
		case reflect.Complex128:
			return floatWord
		case reflect.Float64:
			if off != 0 {
				return anyWord
			}
			return floatWord
		default:
			if off != 0 || t.Size < 8 {
				return anyWord
			}
			return numberWord
		}
	}
	return anyWord
}

// refutation is the fault of a variable whose location is that of a parameter.
func refutation() fault {
	return fault{report.StateOptimizedOut, "the debug information has it in the place of a parameter of another type"}
}

// apply gives a value the state that a doubt asks for.
func (d doubt) apply(v *report.Value) {
	if v.State != report.StateOK && v.State != report.StateTruncated && v.State != report.StateStale {
		return
	}
	switch d {
	case shared:
		// An early version of the kinds fixture had f64 := 0.1 and a later
		// negZero in one slot, without a word in the debug information of Go
		// 1.26.8 that f64 was gone.
		if v.Note == "" {
			v.Note = "in one place with another variable: a copy of it, or one of them is out of date"
		}
	case doubtful:
		v.State = report.StateStale
		v.Note = "the debug information has another variable in the same place: one of them is out of date"
	case refuted:
		f := refutation()
		*v = report.Value{State: f.state, Kind: v.Kind, Type: v.Type, Note: f.note}
	}
}
