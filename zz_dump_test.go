package sdcore

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

func TestZZDump(t *testing.T) {
	f := coretest.Core(t, os.Getenv("ZZ"))
	s, err := Open(context.Background(), f.Core, f.Bin, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.stacks(context.Background(), e, &report.Report{})
	if err != nil {
		t.Fatal(err)
	}
	r := s.heapRoots(context.Background(), e, all)
	n := 0
	r.each(func(x *heapwalk.Root) bool {
		n++
		if n < 400 {
			ty := "-"
			if x.Type != nil {
				ty = x.Type.Name
			}
			var w uint64
			if x.Addr != 0 {
				w, _ = s.core.Memory().Uint64(x.Addr)
			}
			fmt.Printf("g%d f%d k%d %-30s %-12q %#x+%d =%#x %s cons=%v v=%#x\n", x.Goroutine, x.Frame, x.Kind, x.Function, x.Name, x.Addr, x.Size, w, ty, x.Conservative, x.Value)
		}
		return true
	})
	fmt.Println(n, "roots", r.problems)
}
