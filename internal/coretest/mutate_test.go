package coretest

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestMutator: a number always means the same damage, inside of the places and
// the file, and what a Scratch repairs is as it was.
func TestMutator(t *testing.T) {
	data := pattern('M', 3*SynthPage)
	places := []Place{
		{Kind: "words", Off: 64, Len: 128}, {Kind: "records", Off: 512, Len: 3 * 56, Unit: 56}, {Kind: "bytes", Off: 3*SynthPage - 9, Len: 9, Unit: 1},
		{Kind: "behind the end", Off: 3*SynthPage - 8, Len: 9}, {Kind: "before the start", Off: -1, Len: 64}, {Kind: "short", Off: 0, Len: 7},
	}
	m := NewMutator(data, places, []uint64{SynthHeap})
	if got := m.Kinds(); !reflect.DeepEqual(got, []string{"words", "records", "bytes"}) {
		t.Fatalf("kinds %q", got)
	}
	s := NewScratch(t, filepath.Join(t.TempDir(), "file"), data)
	changed := 0
	for i, kind := range m.Kinds() {
		for seed := range uint64(500) {
			patches := m.Mutation(kind, seed)
			if again := m.Mutation(kind, seed); len(patches) == 0 || !reflect.DeepEqual(patches, again) {
				t.Fatalf("%s %d: %v, then %v", kind, seed, patches, again)
			}
			for _, p := range patches {
				if p.Off < places[i].Off || p.Off+int64(len(p.Bytes)) > places[i].Off+places[i].Len {
					t.Fatalf("%s %d: %d bytes at %d", kind, seed, len(p.Bytes), p.Off)
				}
			}
			if err := s.Damage(patches); err != nil {
				t.Fatal(err)
			}
			if got := readFile(t, s.Path); len(got) != len(data) || !bytes.Equal(got, data) {
				changed++
			}
			if err := s.Repair(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if changed < 1300 {
		t.Errorf("only %d of 1500 mutations change anything", changed)
	}
	if !bytes.Equal(readFile(t, s.Path), data) {
		t.Error("not repaired")
	}
	if err := s.Cut(SynthPage + 5); err != nil || !bytes.Equal(readFile(t, s.Path), data[:SynthPage+5]) {
		t.Errorf("cut: %v", err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
