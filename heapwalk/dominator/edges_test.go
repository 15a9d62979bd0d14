package dominator

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestCopyIsTheSameGraph(t *testing.T) {
	for seed := range uint64(500) {
		checkCopy(t, randomSample(seed, 60).graph, 1)
	}
	for workers := range 4 {
		for _, g := range hard(3*blockLen + 17) {
			checkCopy(t, g, workers)
		}
		checkCopy(t, endless{2 * blockLen}, workers)
	}
}

func checkCopy(t *testing.T, g Graph, workers int) {
	t.Helper()
	e, err := Copy(t.Context(), g, Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	if e.Len() != g.Len() {
		t.Fatalf("%d nodes, want %d", e.Len(), g.Len())
	}
	for n := range uint32(g.Len()) {
		if got, want := e.Successors(n, nil), g.Successors(n, nil); !slices.Equal(got, want) {
			t.Fatalf("the edges of %d lead to %v, want %v", n, got, want)
		}
	}
}

func TestCopyIsSmall(t *testing.T) {
	g := binaryTree{15}
	e, err := Copy(t.Context(), g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if perNode := float64(e.Size()) / float64(g.Len()); perNode > 6 {
		t.Errorf("%.1f bytes for a node with one edge, want 4 and one or two", perNode)
	}
}

func TestCopyErrors(t *testing.T) {
	if _, err := Copy(t.Context(), lists{{0}, {2}}, Options{}); !errors.Is(err, ErrNoSuchNode) || err.Error() != "edges: edge from 1 to 2, of 2 nodes: no such node" {
		t.Errorf("edge: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Copy(ctx, endless{100 * blockLen}, Options{Workers: 1, Progress: func(_ string, done, _ int) {
		if done > 3*blockLen {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
