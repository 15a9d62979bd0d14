package sdcore

import (
	"context"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// TestLearnBound: variables that the bound of all values leaves out are counted.
func TestLearnBound(t *testing.T) {
	ctx := context.Background()
	f := coretest.Core(t, "heapsecrets")
	s, err := Open(ctx, f.Core, f.Bin, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := s.openHeap(ctx, &report.Report{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := redact.New(redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	for _, bound := range []int{maxLearned, 1} {
		l := learner{h: h, to: x.Stream(1), seen: map[learned]bool{}, left: bound, next: len(h.all)}
		l.globals(ctx)
		want := 0
		if bound == 1 {
			want = len(l.cut) - 1
		}
		if left := l.again(ctx); left != want || len(l.cut) < 3 {
			t.Errorf("with a bound of %d values %d of %d variables were left out, want %d", bound, left, len(l.cut), want)
		}
	}
}
