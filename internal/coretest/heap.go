package coretest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// HeapStructure is what a fixture said of one of its structures before it died:
// fixtures/internal/graph has the words in full.
type HeapStructure struct {
	Name string `json:"name"` // of the fixture's own choice
	Root string `json:"root"` // the kind of place that holds it: "global", "local", "none"
	// Holder is that place: "main.list"; of a local Goroutine and Func say whose.
	Holder    string `json:"holder"`
	Goroutine uint64 `json:"goroutine"`
	Func      string `json:"func"`
	State     string `json:"state"` // "live", "garbage" that no collection has seen, or "freed"
	// Heads are the objects that the holder refers to: it retains the whole
	// structure through them.
	Heads []HeapAddress `json:"heads"`
	// Rounded are the bytes of the slots of all objects, Bytes what was asked for.
	Objects int    `json:"objects"`
	Bytes   uint64 `json:"bytes"`
	Rounded uint64 `json:"rounded"`
	// Checked: the runtime's statistics grew by just this. Extra is by how much
	// more, for what the runtime itself made to hold the structure.
	Checked    bool        `json:"checked"`
	Extra      int         `json:"extra"`
	ExtraBytes uint64      `json:"extra_bytes"`
	Types      []HeapType  `json:"types"`
	Paths      []HeapPath  `json:"paths"`
	Samples    []HeapEntry `json:"samples"`
}

// HeapType counts a structure's objects of one type, as reflect spells it, and
// kind: "value", "boxed", "array", "string", "closure", "chan", "chan.buf", "map",
// "map.dir", "map.table", "map.groups", "tiny".
type HeapType struct {
	Type    string `json:"type"`
	Kind    string `json:"kind"`
	Scan    bool   `json:"scan"` // it holds pointers
	Objects int    `json:"objects"`
	Bytes   uint64 `json:"bytes"`
	Rounded uint64 `json:"rounded"`
}

// HeapPath is a way to an object, and what the object retains.
type HeapPath struct {
	Path    string      `json:"path"`
	Addr    HeapAddress `json:"addr"`
	Type    string      `json:"type"`
	Objects int         `json:"objects"`
	Rounded uint64      `json:"rounded"`
}

// HeapEntry is one object. Its slot begins a word before Addr where it has a
// header.
type HeapEntry struct {
	Addr    HeapAddress `json:"addr"`
	Type    string      `json:"type"`
	Kind    string      `json:"kind"`
	Bytes   uint64      `json:"bytes"`
	Rounded uint64      `json:"rounded"`
}

// HeapStatistics are the runtime's own counts at the end: heap_alloc with garbage
// that was not swept, objects and classes with tiny values one by one.
type HeapStatistics struct {
	HeapAlloc uint64 `json:"heap_alloc"`
	HeapInuse uint64 `json:"heap_inuse"`
	Objects   uint64 `json:"objects"`
	GCs       uint64 `json:"gcs"`
	Classes   []struct {
		Size    uint64 `json:"size"`
		Objects uint64 `json:"objects"`
	} `json:"classes"`
}

// HeapAddress is written in hexadecimal digits.
type HeapAddress uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *HeapAddress) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 0, 64)
	*a = HeapAddress(v)
	return err
}

// HeapTruths returns what the fixture said of its heap, and the runtime's counts
// at the end.
func HeapTruths(t testing.TB, name string) ([]HeapStructure, HeapStatistics) {
	t.Helper()
	f := Core(t, name)
	b, err := os.ReadFile(f.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	structures, stats, err := parseHeapTruths(b)
	if err != nil {
		t.Fatalf("%s: %v", f.Stdout, err)
	}
	return structures, stats
}

func parseHeapTruths(b []byte) (structures []HeapStructure, stats HeapStatistics, err error) {
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		what, rest, _ := strings.Cut(line, " ")
		dec := json.NewDecoder(bytes.NewReader([]byte(rest)))
		dec.DisallowUnknownFields()
		switch what {
		case "HEAP":
			var s HeapStructure
			err = dec.Decode(&s)
			structures = append(structures, s)
		case "HEAPSTATS":
			err = dec.Decode(&stats)
		}
		if err != nil {
			return nil, stats, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if len(structures) == 0 || stats.Objects == 0 {
		return nil, stats, fmt.Errorf("%d structures and %d objects are told", len(structures), stats.Objects)
	}
	return structures, stats, nil
}
