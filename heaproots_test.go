package sdcore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// openRoots prepares the roots of a fixture's goroutines; nil where the binary
// has no debug information.
func openRoots(t testing.TB, name string) (*Session, *stackRoots) {
	t.Helper()
	return openRootsWith(t, name, "")
}

func openRootsWith(t testing.TB, name, backend string) (*Session, *stackRoots) {
	t.Helper()
	f := coretest.Core(t, name)
	s, err := Open(context.Background(), f.Core, f.Bin, Options{Backend: backend})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	e, err := s.open()
	if errors.Is(err, corefile.ErrNoDWARF) {
		return s, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.stacks(context.Background(), e, &report.Report{})
	if err != nil {
		t.Fatal(err)
	}
	return s, s.heapRoots(context.Background(), e, all)
}

// collect copies all roots.
func collect(r *stackRoots) []heapwalk.Root {
	var out []heapwalk.Root
	r.each(func(x *heapwalk.Root) bool {
		out = append(out, *x)
		return true
	})
	return out
}

// pointersOf are the words that a root says are pointers.
func pointersOf(t *testing.T, mem *corefile.Memory, x *heapwalk.Root) []uint64 {
	t.Helper()
	if x.Addr == 0 {
		return []uint64{x.Value}
	}
	var words []int64
	if x.Type == nil {
		for off := uint64(0); off+8 <= x.Size; off += 8 {
			words = append(words, int64(off))
		}
	} else {
		var ok bool
		if words, ok = pointerWords(x.Type); !ok || len(words) == 0 || uint64(x.Type.Size) != x.Size {
			t.Errorf("%s: type %s of %d bytes on %d has the pointers %v", place(x), x.Type.Name, x.Type.Size, x.Size, words)
		}
	}
	var out []uint64
	for _, w := range words {
		v, err := mem.Uint64(x.Addr + uint64(w))
		if err != nil {
			t.Errorf("%s: %v", place(x), err)
			continue
		}
		out = append(out, v)
	}
	return out
}

func place(x *heapwalk.Root) string {
	return fmt.Sprintf("goroutine %d, frame %d, %s: %q of kind %d at %#x", x.Goroutine, x.Frame, x.Function, x.Name, x.Kind, x.Addr)
}

// TestRootsPointSomewhere: what is a pointer by the stack maps is nil or leads
// into memory of the process, in every frame of every fixture. Anything else in
// a live pointer would have killed the program at its next collection.
func TestRootsPointSomewhere(t *testing.T) {
	frames, precise, unsure := map[string]bool{}, 0, 0
	for _, name := range coretest.Names(t) {
		t.Run(name, func(t *testing.T) {
			s, r := openRoots(t, name)
			if r == nil {
				return
			}
			mem := s.core.Memory()
			for _, x := range collect(r) {
				frames[x.Function] = true
				if x.Conservative {
					unsure++
					continue
				}
				for _, p := range pointersOf(t, mem, &x) {
					precise++
					if p != 0 && mem.Provenance(p) == corefile.Unmapped {
						t.Errorf("%s: %#x is in no memory", place(&x), p)
					}
				}
			}
			if len(r.problems) > 0 {
				t.Errorf("problems: %v", r.problems)
			}
		})
	}
	t.Logf("%d pointers in frames of %d functions, %d roots that may be none", precise, len(frames), unsure)
	if precise == 0 && !testing.Short() {
		t.Error("no pointer was looked at")
	}
}

// TestRootsTwice: the roots are the same each time, and in the same order.
func TestRootsTwice(t *testing.T) {
	for _, name := range []string{"payment", "interrupted", "manywait", "captured"} {
		_, r := openRoots(t, name)
		first := collect(r)
		again := collect(r)
		_, other := openRoots(t, name)
		third := collect(other)
		if len(first) == 0 || len(first) != len(again) || len(first) != len(third) {
			t.Fatalf("%s: %d roots, then %d and %d", name, len(first), len(again), len(third))
		}
		for i := range first {
			if first[i] != again[i] {
				t.Fatalf("%s: root %d is %s, then %s", name, i, place(&first[i]), place(&again[i]))
			}
			if place(&first[i]) != place(&third[i]) {
				t.Fatalf("%s: root %d is %s, in another session %s", name, i, place(&first[i]), place(&third[i]))
			}
		}
	}
}

// TestRootsOfBackends: roots do not depend on who walked the stacks, where both
// walk them to the same frames.
func TestRootsOfBackends(t *testing.T) {
	for _, name := range []string{"payment", "payment.pie", "kinds", "defers"} {
		_, r := openRoots(t, name)
		_, d := openRootsWith(t, name, backendDelve)
		native, delve := collect(r), collect(d)
		known := map[string]bool{}
		for i := range delve {
			known[place(&delve[i])] = true
		}
		for i := range native {
			if !known[place(&native[i])] {
				t.Errorf("%s: only gounwind's stacks have %s", name, place(&native[i]))
			}
		}
		if len(native) != len(delve) || len(native) == 0 {
			t.Errorf("%s: %d roots by gounwind's stacks, %d by delve's", name, len(native), len(delve))
		}
	}
}

// TestRootsAgreeWithVars compares the variables that are roots with what vars
// decodes under their names: they lie in the same place, have the same type, and
// as pointers the same target.
func TestRootsAgreeWithVars(t *testing.T) {
	compared := 0
	for _, name := range coretest.Names(t) {
		t.Run(name, func(t *testing.T) {
			s, r := openRoots(t, name)
			if r == nil {
				return
			}
			known := variablesOf(t, s, r)
			for _, x := range collect(r) {
				if x.Kind != heapwalk.RootLocal || x.Type == nil || x.Conservative {
					continue
				}
				vs := known[fmt.Sprint(x.Goroutine, " ", x.Frame)]
				if len(vs) == 0 {
					continue // beyond what is decoded of a long stack
				}
				if why := agrees(t, s, &x, vs); why != "" {
					t.Errorf("%s of type %s: %s", place(&x), x.Type.Name, why)
				}
				compared++
			}
		})
	}
	t.Logf("%d variables compared", compared)
	if compared == 0 && !testing.Short() {
		t.Error("no variable was compared")
	}
}

// variablesOf decodes the variables of all frames by goroutine and frame.
func variablesOf(t *testing.T, s *Session, r *stackRoots) map[string][]report.Variable {
	t.Helper()
	out := map[string][]report.Variable{}
	for i := range r.all {
		stack, err := s.stackOf(context.Background(), r.e, &r.all[i])
		if err != nil {
			continue
		}
		frames, _ := r.e.reader.Frames(context.Background(), stack)
		for k := range frames {
			if frames[k].Repeat <= 1 { // of a folded frame vars has the first one only
				out[fmt.Sprint(r.all[i].g.ID, " ", frames[k].Index)] = frames[k].Vars
			}
		}
	}
	return out
}

// agrees reports why a root is none of the variables with its name; "" when it
// is.
func agrees(t *testing.T, s *Session, x *heapwalk.Root, vs []report.Variable) string {
	why := "there is no such variable"
	for i := range vs {
		name, _, _ := strings.Cut(vs[i].Name, "#")
		v := &vs[i].Value
		switch {
		case name != x.Name:
			continue
		case v.State == report.StateOptimizedOut || v.State == report.StateStale || v.Addr == 0:
			return "" // vars knows less: another variable contradicts it, or it is in parts
		case v.Type == x.Type.Name && uint64(v.Addr) == x.Addr:
			return ""
		case x.Type.Elem != nil && x.Type.Elem.Name == v.Type: // it escaped: what points to it is the root
			p, err := s.core.Memory().Uint64(x.Addr)
			if err == nil && p == uint64(v.Addr) {
				return ""
			}
		}
		why = fmt.Sprintf("vars has it at %#x as %s, %s", uint64(v.Addr), v.Type, v.State)
	}
	return why
}

// heldObject is what the collector of a fixture said of an object.
type heldObject struct {
	name       string
	addr, size uint64
	alive      bool
}

func heldObjects(t *testing.T, f coretest.Files) []heldObject {
	t.Helper()
	b, err := os.ReadFile(f.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	var out []heldObject
	for line := range strings.Lines(string(b)) {
		var o heldObject
		var state string
		if n, _ := fmt.Sscanf(line, "OBJECT %v %v %s", &o.addr, &o.size, &state); n == 3 {
			_, o.name, _ = strings.Cut(strings.TrimSpace(line), state+" ")
			o.alive = state == "alive"
			out = append(out, o)
		}
	}
	return out
}

// TestRootsAgainstCollector: of the objects that only stacks hold, those that
// the program's own collector kept are what the roots lead to, and those that it
// took are what none of them leads to.
func TestRootsAgainstCollector(t *testing.T) {
	for _, name := range []string{"stackroots", "stackroots.noopt", "stackroots.race"} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			s, r := openRoots(t, name)
			held := leads(t, s, r)
			alive, collected := 0, 0
			for _, o := range heldObjects(t, f) {
				x := held.to(&o)
				switch stopped := strings.HasPrefix(o.name, "stopped"); {
				case o.alive && x == nil:
					t.Errorf("%s at %#x: no root leads to it", o.name, o.addr)
				case o.alive && x.Conservative && !stopped && !strings.HasPrefix(o.name, "dead"): // by chance
					t.Errorf("%s: by a root that is conservative: %v: %s", o.name, x.Conservative, place(x))
				case !o.alive && x != nil && !x.Conservative:
					t.Errorf("%s was collected: %s", o.name, place(x))
				case o.alive:
					alive++
				default:
					collected++
				}
			}
			if alive < 300 || collected < 300 {
				t.Errorf("%d objects that are alive, %d that are not", alive, collected)
			}
		})
	}
}

// lead is a pointer of a root, or of the small object that it points to: a
// closure holds what it captured.
type lead struct {
	to   uint64
	root heapwalk.Root
}

// leadList are leads in the order of where they lead.
type leadList []lead

func leads(t *testing.T, s *Session, r *stackRoots) leadList {
	t.Helper()
	var out leadList
	mem := s.core.Memory()
	for _, x := range collect(r) {
		for _, p := range pointersOf(t, mem, &x) {
			out = append(out, lead{p, x})
			if x.Kind != heapwalk.RootDefer && !(x.Type != nil && x.Type.Kind == reflect.Func) {
				continue
			}
			for i := range uint64(3) {
				if captured, err := mem.Uint64(p + 8*i); err == nil {
					out = append(out, lead{captured, x})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b lead) int {
		return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(boolRank(a.root.Conservative), boolRank(b.root.Conservative)))
	})
	return out
}

// to is the root that leads to an object, one that is sure if there is one.
func (l leadList) to(o *heldObject) *heapwalk.Root {
	var found *heapwalk.Root
	i, _ := slices.BinarySearchFunc(l, o.addr, func(x lead, addr uint64) int { return cmp.Compare(x.to, addr) })
	for ; i < len(l) && l[i].to < o.addr+o.size; i++ {
		if found == nil || found.Conservative && !l[i].root.Conservative {
			found = &l[i].root
		}
	}
	return found
}
