package sdcore

import (
	"context"
	"errors"
	"fmt"
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
	f := coretest.Core(t, name)
	s, err := Open(context.Background(), f.Core, f.Bin, Options{})
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
		if words, ok = pointerWords(x.Type, 0, nil); !ok || len(words) == 0 || uint64(x.Type.Size) != x.Size {
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
			out[fmt.Sprint(r.all[i].g.ID, " ", frames[k].Index)] = frames[k].Vars
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
