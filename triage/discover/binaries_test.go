package discover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

func update(t testing.TB, index string, dirs ...string) *Binaries {
	t.Helper()
	b, err := ReadBinaries(index)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Update(context.Background(), dirs); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := errors.Join(b.Write(&buf), os.WriteFile(index, buf.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return b
}

func hexID(id string) string { return fmt.Sprintf("%x", id) }

// A tree is indexed once; what changes is read again, what goes is forgotten.
func TestBinaries(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "binaries")
	const idA, idB = "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"
	_, a := synth(1, idA)
	_, b := synth(1, idB)
	pay := write(t, filepath.Join(dir, "v1", "pay\tserver"), a)
	write(t, filepath.Join(dir, "v1", "README"), []byte("text"))
	if err := os.Symlink(pay, filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	first := update(t, index, dir)
	if !first.Dirty() || first.Len() != 2 {
		t.Errorf("dirty %v, %d binaries", first.Dirty(), first.Len())
	}
	want := []string{filepath.Join(dir, "current"), pay}
	if got := Lookup(index, hexID(idA), ""); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Lookup(index, "", coretest.SynthGoID); !slices.Equal(got, want) {
		t.Errorf("by Go's build ID: %q", got)
	}
	if got := Lookup(index, "", ""); got != nil {
		t.Errorf("without an ID: %q", got)
	}
	if again := update(t, index, dir); again.Dirty() {
		t.Error("nothing changed, and it is another index")
	}
	before := first.Changed(hexID(idB), "")
	second := filepath.Join(dir, "v2")
	write(t, second, b)
	if now := update(t, index, dir); now.Changed(hexID(idB), "") == before || !slices.Equal(Lookup(index, hexID(idB), ""), []string{second}) {
		t.Error("a binary that appeared is not there")
	}
	write(t, second, append(a, 0)) // another build at the same place
	if update(t, index, dir); len(Lookup(index, hexID(idB), "")) != 0 || len(Lookup(index, hexID(idA), "")) != 3 {
		t.Error("a binary that changed was not read again")
	}
	if err := os.RemoveAll(filepath.Join(dir, "v1")); err != nil {
		t.Fatal(err)
	}
	if update(t, index, dir); !slices.Equal(Lookup(index, hexID(idA), ""), []string{second}) {
		t.Error("a binary that is gone is still there")
	}
}

// What a core names is taken if it is that build, and kept while it is there.
func TestNamedBinaries(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "binaries")
	const id = "aaaaaaaaaaaaaaaaaaaa"
	_, data := synth(1, id)
	path := write(t, filepath.Join(dir, "pay"), data)
	b := update(t, index)
	if b.Name(path, "other", "") || b.Name(dir, hexID(id), "") || b.Name(path+"none", hexID(id), "") || b.Dirty() {
		t.Error("something else was taken")
	}
	if !b.Name(path, hexID(id), "") || !slices.Equal(b.Named(), []string{path}) {
		t.Error("it was not taken")
	}
	var buf bytes.Buffer
	if err := errors.Join(b.Write(&buf), os.WriteFile(index, buf.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if update(t, index); !slices.Equal(Lookup(index, hexID(id), ""), []string{path}) {
		t.Error("it is gone")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if update(t, index); Lookup(index, hexID(id), "") != nil {
		t.Error("it is still there")
	}
}

// An index of somebody else's, or a damaged one, is made again.
func TestDamagedIndex(t *testing.T) {
	dir := t.TempDir()
	for i, data := range []string{"", "sdcore binaries 99\nx\n", binariesHead + "\na\tb\n\tx\t1\t1\t1\t-\t\"p\"\nhalf a li"} {
		path := write(t, filepath.Join(dir, fmt.Sprint(i)), []byte(data))
		b, err := ReadBinaries(path)
		if err != nil || b.Len() > 1 {
			t.Errorf("%q: %v, %d binaries", data, err, b.Len())
		}
		Lookup(path, "a", "b")
	}
}

// FuzzBinaries: no panic, and what is looked up is what was read.
func FuzzBinaries(f *testing.F) {
	f.Add("aa\tbb\t1\t2\t3\t-\t\"/p\"\n")
	f.Fuzz(func(t *testing.T, data string) {
		path := filepath.Join(t.TempDir(), "index")
		if err := os.WriteFile(path, []byte(binariesHead+"\n"+data), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := ReadBinaries(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Lookup(path, "aa", "bb") {
			if _, ok := b.files[p]; !ok {
				t.Errorf("%q is in no line", p)
			}
		}
	})
}
