package heapwalk

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestScratchTree(t *testing.T) {
	if os.Getenv("TREE") == "" {
		t.Skip()
	}
	b := time.Now()
	in := input(t, os.Getenv("TREE"), "/work/dev/core/tree/tree")
	t.Log("open", time.Since(b))
	b = time.Now()
	h, err := Open(context.Background(), in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("heap", time.Since(b), h.Totals(), h.Problems())
	b = time.Now()
	w := newWalk(h)
	at, _ := in.Runtime.Symbol("main.root")
	p, _ := h.mem.Uint64(at)
	w.workers[0].root(p)
	if err := w.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Log("walk", time.Since(b), w.live.count())
}
