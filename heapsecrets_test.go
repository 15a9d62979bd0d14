package sdcore_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
)

// TestHeapSecrets: what a name or tag says to be secret is shown by no answer
// about the heap, wherever that name or tag stands, and the rest is.
func TestHeapSecrets(t *testing.T) {
	f := coretest.Core(t, "heapsecrets")
	s, err := sdcore.Open(context.Background(), f.Core, f.Bin, sdcore.Options{Tier: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	policy := redact.Default()
	policy.Tier = 3
	var all bytes.Buffer
	for _, q := range []sdcore.HeapQuery{
		{Strings: true, Top: 200}, {Of: "main.seat"}, {Of: "main.guest"}, {Of: "main.drawer"}, {Of: "main.book"},
	} {
		x, err := redact.New(policy)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.RedactedHeap(context.Background(), x, q)
		if err != nil {
			t.Fatal(err)
		}
		if err := export.HeapJSON(&all, res); err != nil {
			t.Fatal(err)
		}
		if n := len(res.Report().Problems); n > 0 {
			t.Errorf("problems %v", res.Report().Problems)
		}
	}
	stdout, err := os.ReadFile(f.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(stdout)), "\n")
	told := 0
	for _, line := range lines {
		what, rest, _ := strings.Cut(line, " ")
		name, text, _ := strings.Cut(rest, ": ")
		switch shown := strings.Contains(all.String(), text); {
		case what != "HIDDEN" && what != "SHOWN":
			continue
		case shown != (what == "SHOWN"):
			t.Errorf("the text of %s: shown %v, want %s", name, shown, what)
		}
		told++
	}
	if told < 10 {
		t.Errorf("the fixture tells of %d texts", told)
	}
}
