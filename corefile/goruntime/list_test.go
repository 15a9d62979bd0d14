package goruntime

import (
	"cmp"
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
)

// TestListers: how many read does not change what is read.
func TestListers(t *testing.T) {
	w := newWorld(60)
	for i, status := range []uint64{gDead, gIdle, gRunnable, gDeadExtra, gPreempted} {
		w.set(uint64(0x1000*(7*i+3)), gStatusW, status)
	}
	w.set(0x3000, gIDW, 0)
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	addrs, _, err := r.allgs()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(addrs); i += 2 { // more than are told one by one
		addrs[i] += 0xdead0000
	}
	want, problems, err := r.list(context.Background(), addrs, 1)
	if err != nil || len(want) == 0 || len(problems) != maxProblems+1 {
		t.Fatalf("%d goroutines, %d problems, %v", len(want), len(problems), err)
	}
	for n := 2; n < len(addrs)+3; n++ {
		got, more, err := r.list(context.Background(), addrs, n)
		if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(more, problems) {
			t.Errorf("%d listers: %d goroutines, %d problems, %v", n, len(got), len(more), err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := r.list(ctx, addrs, 3); err == nil {
		t.Error("it is not cancelled")
	}
}

func TestSortByID(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		gs := make([]corefile.Goroutine, n)
		for i := range gs {
			gs[i] = corefile.Goroutine{ID: rnd.Uint64N(40), Addr: uint64(i), SP: uint64(i)}
		}
		want := slices.Clone(gs)
		slices.SortFunc(want, func(a, b corefile.Goroutine) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Addr, b.Addr))
		})
		if sortByID(gs); !reflect.DeepEqual(gs, want) {
			t.Fatalf("%d goroutines: %+v, want %+v", n, gs, want)
		}
	}
}
