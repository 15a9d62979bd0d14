package delvecore

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// A stripped binary with a separate debug file has the stacks of the whole
// one, wherever that file is; no program is run and nothing is left behind.
func TestSeparateDebugFile(t *testing.T) {
	f := coretest.Core(t, "payment")
	want := allStacks(t, f.Core, f.Bin, corefile.Options{}, Options{})
	b, err := corefile.OpenBinary(f.Bin)
	if err != nil {
		t.Fatal(err)
	}
	id := b.GNUBuildID()
	b.Close()
	t.Setenv("PATH", fakeDebuginfod(t))
	for _, tt := range []struct{ name, link string }{
		{filepath.Join(".build-id", id[:2], id[2:]+".debug"), ""},
		{"payment.debug", ""},
		{"any.dbg", "any.dbg"},
	} {
		stripped, debug := coretest.Split(t, f.Bin, tt.link)
		home, dir, temp := t.TempDir(), t.TempDir(), t.TempDir()
		bin, path := filepath.Join(home, "payment"), filepath.Join(dir, tt.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		for p, data := range map[string][]byte{bin: stripped, path: debug} {
			if err := os.WriteFile(p, data, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		got := allStacks(t, f.Core, bin, corefile.Options{DebugDirs: []string{dir}}, Options{TempDir: temp})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: stacks are not those of the whole binary", tt.name)
		}
		if left, _ := os.ReadDir(temp); len(left) != 0 {
			t.Errorf("%s: %v is left behind", tt.name, left)
		}
	}
	checkNotCalled(t)
}

// allStacks unwinds every goroutine of a core.
func allStacks(t *testing.T, core, bin string, co corefile.Options, o Options) map[uint64]corefile.Stack {
	t.Helper()
	c, err := corefile.Open(context.Background(), core, bin, co)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	types, err := gotype.New(c)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := goruntime.New(c, types, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(c, rt, o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	gs, _, err := b.Goroutines(context.Background())
	if err != nil || len(gs) == 0 {
		t.Fatalf("%d goroutines, %v", len(gs), err)
	}
	out := map[uint64]corefile.Stack{}
	for i := range gs {
		if out[gs[i].ID], err = b.Unwind(context.Background(), &gs[i], 0); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
