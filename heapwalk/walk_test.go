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
	in := input(t, os.Getenv("TREE"), os.Getenv("BIN"))
	t.Log("open", time.Since(b))
	b = time.Now()
	h, err := Open(context.Background(), in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("heap", time.Since(b), h.Totals(), h.Problems())
	b = time.Now()
	l, err := h.Walk(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("walk", time.Since(b), l.live.count(), l.Problems())
	b = time.Now()
	list, sums, err := l.Histogram(context.Background())
	t.Log("histogram", time.Since(b), sums, err)
	for i := range min(len(list), 25) {
		c := &list[i]
		t.Log(c.Live, c.Sure.Bytes, c.Strong.Bytes, c.Weak.Bytes, c.Garbage.Bytes, c.Name())
	}
}
