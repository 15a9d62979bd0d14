package coretest

import (
	"slices"
	"strings"
	"testing"
)

// TestHeapTruths holds what the heap fixtures say against itself: sums, and that
// none of what they are made for has gone missing.
func TestHeapTruths(t *testing.T) {
	live := map[string]int{"heapgraph": 70, "heaplocals": 19}
	garbage := map[string]int{"heapgraph": 7, "heaplocals": 3}
	found := 0
	for _, name := range Names(t) {
		base, _, _ := strings.Cut(name, ".")
		if live[base] == 0 {
			continue
		}
		found++
		t.Run(name, func(t *testing.T) {
			structures, stats := HeapTruths(t, name)
			states := map[string]int{}
			all := 0
			for _, s := range structures {
				states[s.State]++
				sane(t, s)
				if s.State == "live" {
					all += s.Objects
				}
			}
			if states["live"] < live[base] || states["garbage"] < garbage[base] {
				t.Errorf("%v, want at least %d live ones and %d of garbage", states, live[base], garbage[base])
			}
			if uint64(all) > stats.Objects {
				t.Errorf("%d live objects are told, the runtime counts %d", all, stats.Objects)
			}
			t.Logf("%d structures with %d live objects of the runtime's %d", len(structures), all, stats.Objects)
		})
	}
	if found == 0 {
		t.Error("no fixture tells of its heap")
	}
}

// sane checks the sums of a structure.
func sane(t *testing.T, s HeapStructure) {
	t.Helper()
	var objects int
	var rounded uint64
	for _, ty := range s.Types {
		objects += ty.Objects
		rounded += ty.Rounded
	}
	if s.State != "freed" && (objects != s.Objects || rounded != s.Rounded) {
		t.Errorf("%s: %d objects of %d bytes, those of its types are %d of %d", s.Name, s.Objects, s.Rounded, objects, rounded)
	}
	for _, p := range s.Paths {
		if p.Objects > s.Objects || p.Rounded > s.Rounded || p.Objects == 0 {
			t.Errorf("%s retains %d objects of %d bytes, of %d of %d", p.Path, p.Objects, p.Rounded, s.Objects, s.Rounded)
		}
	}
	if s.Objects > 0 && len(s.Samples) == 0 || slices.ContainsFunc(s.Samples, func(e HeapEntry) bool { return e.Addr == 0 }) {
		t.Errorf("%s: %d objects, samples %v", s.Name, s.Objects, s.Samples)
	}
}

func TestParseHeapTruths(t *testing.T) {
	structures, stats, err := parseHeapTruths([]byte("READY 1\nHEAP {\"name\":\"a\",\"heads\":[\"0xc000\"],\"objects\":1}\nHEAPSTATS {\"objects\":2,\"classes\":[{\"size\":8,\"objects\":1}]}\n"))
	if err != nil || len(structures) != 1 || structures[0].Heads[0] != 0xc000 || stats.Objects != 2 || stats.Classes[0].Size != 8 {
		t.Errorf("%v %v: %v", structures, stats, err)
	}
	for _, bad := range []string{"", "HEAP {}\n", "HEAP {\"surprise\":1}\n", "HEAP {\"heads\":[\"nowhere\"]}\n", "HEAP {}\nHEAPSTATS {\n"} {
		if _, _, err := parseHeapTruths([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
