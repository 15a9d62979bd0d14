package pclntab_test

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
)

// TestOwnLines compares the walk over the tables with a look at every byte.
func TestOwnLines(t *testing.T) {
	b, err := corefile.OpenBinary(coretest.BuildZoo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	table, err := pclntab.OpenBinary(b)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for i := range table.Len() {
		fn, ok := table.At(i)
		if !ok || !strings.HasPrefix(fn.Name(), "main.") && i%50 != 0 {
			continue
		}
		first, last := 0, 0
		for pc := fn.Entry(); pc < fn.End(); pc++ {
			calls := fn.Calls(pc)
			line := calls[len(calls)-1].Line
			if line > 0 && (first == 0 || line < first) {
				first = line
			}
			last = max(last, line)
		}
		gotFirst, gotLast := fn.OwnLines()
		if gotFirst != first || gotLast != last {
			t.Errorf("%s: lines %d to %d, want %d to %d", fn.Name(), gotFirst, gotLast, first, last)
		}
		compared++
	}
	if compared < 50 {
		t.Errorf("only %d functions compared", compared)
	}
}
