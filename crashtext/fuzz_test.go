package crashtext_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/internal/coretest"
)

// FuzzRead: no panic; memory in proportion; a report that keeps its own rules,
// in which every goroutine is in a group and no frame is without a function.
func FuzzRead(f *testing.F) {
	texts, err := filepath.Glob(filepath.Join(coretest.Root(f), "fixtures", "cores", "*", "stderr"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range texts {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b[:min(len(b), 4<<10)]))
	}
	f.Add("panic: a [recovered]\n\tpanic: b\n\nruntime stack:\nf()\n\ta:1 +0x1\n\n-----\n\ngoroutine 0 [idle]:\n...5 frames elided...\ncreated by x in goroutine 4\n\tb:2\n")
	f.Fuzz(func(t *testing.T, s string) {
		coretest.Bounded(t, len(s), 200, func() {
			x, err := crashtext.Read(strings.NewReader(s))
			if err != nil {
				return
			}
			r := x.Report(crashtext.Options{Name: "fuzz"})
			if err := r.Validate(); err != nil {
				t.Error(err)
			}
			members := 0
			for i := range r.Groups {
				members += r.Groups[i].Count
				for _, fr := range r.Groups[i].Frames {
					if fr.Function == "" {
						t.Error("a frame without a function")
					}
				}
			}
			if members != len(r.Goroutines) {
				t.Errorf("%d goroutines, %d in groups", len(r.Goroutines), members)
			}
			if len(r.Problems) == 0 {
				t.Error("nothing says that there are no values")
			}
		})
	})
}
