package heapwalk

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// walked opens a fixture and walks its heap from roots.
func walked(t testing.TB, name string, o Options, roots Roots) *Live {
	t.Helper()
	f := coretest.Core(t, name)
	h, err := Open(context.Background(), input(t, f.Core, f.Bin), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.Walk(context.Background(), roots)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// said are the lines that the program printed that begin with a word, without it.
func said(t testing.TB, name, word string) (lines []string) {
	t.Helper()
	out, err := os.Open(coretest.Core(t, name).Stdout)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for in := bufio.NewScanner(out); in.Scan(); {
		if rest, ok := strings.CutPrefix(in.Text(), word+" "); ok {
			lines = append(lines, rest)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("%s says nothing about %s", name, word)
	}
	return lines
}

// TestDuplicateStrings: what the program made, and nothing else that it did not.
func TestDuplicateStrings(t *testing.T) {
	ctx := context.Background()
	l := walked(t, "heapwaste", Options{}, nil)
	d, err := l.DuplicateStrings(ctx, StringOptions{MinWasted: 8192})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range d.List {
		b := s.Contents
		if uint64(len(b)) != min(s.Length, maxContents) {
			t.Errorf("%d bytes of %d", len(b), s.Length)
		}
		got = append(got, fmt.Sprintf("%d %d %s", s.Copies, s.Length, b[:min(len(b), 16)]))
		_, place := l.h.Place(must(t, l, s.Addr))
		if want := (s.Copies - 1) * place; s.Wasted != want {
			t.Errorf("%d copies of %d bytes waste %d, want %d", s.Copies, s.Length, s.Wasted, want)
		}
		t.Logf("%s: %d bytes wasted, in %s", got[len(got)-1], s.Wasted, holdingName(l, &s.Holder))
	}
	want := said(t, "heapwaste", "TEXT")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d.Bounded || d.Texts != 3 || d.Least != 8192 { // two of the four differ in the middle only
		t.Errorf("%d texts, bounded %v at %d", d.Texts, d.Bounded, d.Least)
	}
}

func must(t *testing.T, l *Live, addr uint64) Object {
	t.Helper()
	o, _, ok := l.h.Find(addr)
	if !ok {
		t.Fatalf("%#x is in no object", addr)
	}
	return o
}

func holdingName(l *Live, h *Holding) string {
	if h.InRoot {
		return h.Root.Kind.String() + " " + h.Root.Function + "." + h.Root.Name
	}
	in, many, _ := l.TypeOf(h.Object)
	return TypeName(in, many)
}

// TestWaste: the program's own are there with its own numbers.
func TestWaste(t *testing.T) {
	l := walked(t, "heapwaste", Options{}, nil)
	list, err := l.Waste(context.Background(), WasteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Waste{}
	for _, w := range list {
		got[w.Kind.String()+" "+w.Type] = w
		t.Logf("%d %s %s: %+v, worst %+v in %s", w.Count, w.Kind, w.Type, w.Room, w.WorstRoom, holdingName(l, &w.Holder))
	}
	for _, line := range said(t, "heapwaste", "EMPTY") {
		f := strings.Fields(line)
		n := len(f) - 3
		w, ok := got[strings.Join(f[:n], " ")]
		if !ok {
			t.Errorf("not found: %s", line)
			continue
		}
		numbers := []string{fmt.Sprint(w.Count), fmt.Sprint(w.Len), fmt.Sprint(w.Cap)}
		if f[n+2] == "0" {
			numbers[2] = "0"
			if w.Cap < 8*w.Len || w.Wasted < (w.Cap-w.Len)*16 {
				t.Errorf("%s: %+v", line, w.Room)
			}
		}
		if !slices.Equal(numbers, f[n:]) {
			t.Errorf("%s: %v", line, numbers)
		}
	}
}

// TestSuspects: the variables that hold most, with how many elements.
func TestSuspects(t *testing.T) {
	ctx := context.Background()
	l := walked(t, "heapwaste", Options{}, nil)
	r, err := l.Retain(ctx)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Suspects(ctx, SuspectOptions{Share: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	kinds := [...]string{"none", "slice", "map", "chan", "list"}
	for _, s := range list {
		got = append(got, fmt.Sprintf("%s %s %d", s.Root.Name, kinds[s.Container.Kind], s.Container.Len))
		t.Logf("%s.%s: %+v, %.3f of all, %+v", s.Root.Function, s.Root.Name, s.Container, s.Share, s.Retained)
	}
	for _, want := range said(t, "heapwaste", "HOLDS") {
		if !slices.Contains(got, want) {
			t.Errorf("not found: %s", want)
		}
	}
	if !slices.IsSortedFunc(list, func(a, b Suspect) int { return int(b.Retained.Bytes) - int(a.Retained.Bytes) }) {
		t.Errorf("not sorted: %v", got)
	}
}

// TestGoroutines: what only goroutines hold is added up by where they wait.
func TestGoroutines(t *testing.T) {
	var held []uint64
	for _, line := range said(t, "heapwaste", "WORKER") {
		var addr uint64
		if _, err := fmt.Sscanf(line, "%v", &addr); err != nil {
			t.Fatal(err)
		}
		held = append(held, addr)
	}
	roots := func(yield func(*Root) bool) {
		for i, addr := range held {
			for range 2 { // two variables of each
				if !yield(&Root{Kind: RootLocal, Goroutine: uint64(i + 100), Function: "main.work", Value: addr}) {
					return
				}
			}
		}
	}
	l := walked(t, "heapwaste", Options{}, roots)
	r, err := l.Retain(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := r.Goroutines(func(id uint64) string { return []string{"main.work", "elsewhere", ""}[min((id-100)/9, 2)] })
	const each = 48 + 10240 // the session, and its buffer
	if len(got) != 2 || got[0].Key != "elsewhere" || got[0].Example != 109 {
		t.Fatalf("%+v", got)
	}
	for _, g := range got {
		if g.Goroutines != 9 || g.Retained != (Count{2 * 9, 9 * each}) {
			t.Errorf("%+v, want 9 with %d", g, each)
		}
	}
}

// TestGrowth compares two cores, and one with itself.
func TestGrowth(t *testing.T) {
	ctx := context.Background()
	var types [2][]TypeCount
	var owners [2][]Owner
	for i, name := range []string{"shapes", "heapwaste"} {
		l := walked(t, name, Options{}, nil)
		var err error
		if types[i], _, err = l.Histogram(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := l.Retain(ctx)
		if err != nil {
			t.Fatal(err)
		}
		owners[i] = r.Owners(1000, false)
	}
	if g := GrowthOfTypes(types[1], types[1]); len(g) != 0 {
		t.Errorf("grew since itself: %+v", g)
	}
	if g := GrowthOfOwners(owners[1], owners[1]); len(g) != 0 {
		t.Errorf("grew since itself: %+v", g)
	}
	var sum, want int64
	for _, g := range GrowthOfTypes(types[0], types[1]) {
		sum += g.Bytes
	}
	for i, list := range types {
		for j := range list {
			want += int64(2*i-1) * int64(list[j].Live.Bytes)
		}
	}
	grown, back := GrowthOfOwners(owners[0], owners[1]), GrowthOfOwners(owners[1], owners[0])
	if sum != want || grown[0].Root.Name != "sessions" || back[len(back)-1].Root.Name != "sessions" || back[len(back)-1].Bytes != -grown[0].Bytes {
		t.Errorf("%d bytes, want %d; owners %+v, back %+v", sum, want, grown[0], back[len(back)-1])
	}
}

// TestGrowthOfGoroutines: they are the same by their functions.
func TestGrowthOfGoroutines(t *testing.T) {
	worker := func(id uint64, bytes uint64) Owner {
		return Owner{Root: Root{Goroutine: id, Function: "main.work"}, All: true, Retained: Count{1, bytes}}
	}
	global := Owner{Root: Root{Kind: RootGlobal, Function: "main", Name: "cache"}, Retained: Count{5, 50}}
	got := GrowthOfOwners([]Owner{worker(7, 100), global}, []Owner{worker(9, 100), worker(10, 30)})
	if len(got) != 2 || got[0].Root.Function != "main.work" || got[0].Objects != 1 || got[0].Bytes != 30 || got[0].New != (Count{2, 130}) ||
		got[1].Root.Name != "cache" || got[1].Bytes != -50 || got[1].New.Bytes != 0 {
		t.Errorf("%+v", got)
	}
}
