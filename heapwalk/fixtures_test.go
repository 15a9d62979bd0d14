package heapwalk

import (
	"context"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// input opens a core.
func input(t testing.TB, core, bin string) Input {
	t.Helper()
	c, err := corefile.Open(context.Background(), core, bin, corefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	types, err := gotype.New(c)
	if err != nil {
		t.Fatal(err)
	}
	finder, err := goscope.New(c, types)
	if err != nil {
		t.Fatal(err)
	}
	r, err := goruntime.New(c, types, finder)
	if err != nil {
		t.Fatal(err)
	}
	return Input{c, types, finder, r}
}

// TestTotals: what the spans say is what the runtime counted, in every core.
func TestTotals(t *testing.T) {
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue // a heap needs debug information
		}
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			h, err := Open(context.Background(), input(t, f.Core, f.Bin), Options{})
			if err != nil {
				t.Fatal(err)
			}
			tot := h.Totals()
			if len(h.Problems()) > 0 || tot.SpanBytes != tot.RuntimeSpanBytes || tot.ObjectBytes != tot.RuntimeObjectBytes {
				t.Errorf("%+v problems %v", tot, h.Problems())
			}
		})
	}
}
