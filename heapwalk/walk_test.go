package heapwalk

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/coretest"
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

func TestScratchShare(t *testing.T) {
	if os.Getenv("SHARE") == "" {
		t.Skip()
	}
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue
		}
		f := coretest.Core(t, name)
		h, err := Open(context.Background(), input(t, f.Core, f.Bin), Options{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := h.Walk(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		list, sums, _ := l.Histogram(context.Background())
		t.Logf("%s live %d typed %.3f strong+ %.3f garbage %d", name, sums.Live.Bytes, float64(sums.Exact.Bytes+sums.Strong.Bytes+sums.Weak.Bytes)/float64(sums.Live.Bytes),
			float64(sums.Exact.Bytes+sums.Strong.Bytes)/float64(sums.Live.Bytes), sums.Garbage.Bytes)
		if os.Getenv("SHARE") == name {
			for i := range list {
				c := &list[i]
				t.Log(c.Live, c.Sure.Bytes, c.Strong.Bytes, c.Weak.Bytes, c.Garbage.Bytes, c.Name())
			}
		}
	}
}
