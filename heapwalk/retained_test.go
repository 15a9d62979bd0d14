package heapwalk

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestScratchRetain(t *testing.T) {
	if os.Getenv("TREE") == "" {
		t.Skip()
	}
	in := input(t, os.Getenv("TREE"), os.Getenv("BIN"))
	ctx := context.Background()
	h, err := Open(ctx, in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.Walk(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := time.Now()
	r, err := l.Retain(ctx)
	t.Log("retain", time.Since(b), err)
	b = time.Now()
	for _, o := range r.Owners(8, false) {
		t.Log(o.Root.Kind, o.Root.Function, o.Root.Name, o.Retained)
	}
	t.Log("owners", time.Since(b))
	for _, o := range r.Objects(8) {
		in, many, _ := l.TypeOf(o.Object)
		t.Log(TypeName(in, many), o.Retained)
	}
	list, _, _ := l.Histogram(ctx)
	b = time.Now()
	types := r.ByType(list)
	for i := range min(8, len(list)) {
		t.Log(list[i].Name(), list[i].Live, types[i])
	}
	t.Log("bytype", time.Since(b))
	b = time.Now()
	s, err := r.Samples(ctx)
	t.Log("samples", time.Since(b), len(s), err)
	for i := range min(12, len(s)) {
		t.Log(s[i].Root.Name, s[i].Steps, s[i].Count)
	}
	ps, err := r.Shortest(ctx, func(o Object) bool { in, _, _ := l.TypeOf(o); return in.Name == os.Getenv("PATHS") }, 5)
	t.Log(err)
	for _, p := range ps {
		t.Log(p.Root.Kind, p.Root.Function, p.Root.Name, p.Steps)
	}
}
