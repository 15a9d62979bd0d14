package heapwalk

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/coretest"
)

// TestHistogramAgainstViewcore compares how many objects there are of each type and
// size with what viewcore counts. A panic or error of viewcore is no opinion, nor
// is a row of an array. It reads the types of variables on stacks, this test
// does not: objects that only stacks lead to may have any type. And it has no type
// for many objects: these may have any, too. Everything else is to be equal, but
// for what is known to be wrong.
func TestHistogramAgainstViewcore(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "viewcore")
	if out, err := exec.Command("go", "build", "-o", tool, "golang.org/x/debug/cmd/viewcore").CombinedOutput(); err != nil {
		coretest.Unavailable(t, "viewcore does not build: %v\n%s", err, out)
	}
	outcome := map[string]int{}
	each(t, func(t *testing.T, in Input) {
		if strings.Contains(filepath.Base(t.Name()), ".") {
			return // viewcore takes seconds for each, and another build has the same objects
		}
		theirs := viewcoreHistogram(tool, in)
		if theirs == nil {
			outcome["fixtures without an opinion of viewcore"]++
			return
		}
		outcome["fixtures compared"]++
		ours, stack := censusOf(t, in)
		lost := map[uint64]uint64{} // by size, that viewcore does not reach
		for kind, n := range ours {
			lost[kind.size] += n
		}
		for kind, n := range theirs {
			lost[kind.size] -= min(n, lost[kind.size])
		}
		for kind, n := range theirs {
			if kind.name != "" {
				outcome[compare(t, kind, n, ours[kind], stack[kind.size], theirs[sized{"", kind.size}], lost[kind.size])]++
			}
		}
	})
	for what, n := range outcome {
		t.Logf("%5d %s", n, what)
	}
	if outcome["fixtures compared"] > 0 && outcome["types with the same count"] < 300 {
		t.Error("too few types compared")
	}
}

// sized is a type and the bytes of the places of its objects; "" is no type.
type sized struct {
	name string
	size uint64
}

// census are the numbers of objects.
type census map[sized]uint64

// compare judges the count of a type: that of viewcore, our own, and for its size
// what only stacks lead to, what has no type there, and what is not there at all.
func compare(t *testing.T, kind sized, n, own, stack, untyped, lost uint64) string {
	t.Helper()
	for _, d := range differences {
		if strings.HasPrefix(kind.name, d.prefix) && n != own {
			return "types that differ: " + d.reason
		}
	}
	switch {
	case n == own:
		return "types with the same count"
	case n > own && n-own <= stack:
		return "types of which viewcore has more, of objects that only stacks lead to"
	case n < own && own-n <= untyped:
		return "types of which viewcore has less, and enough objects without a type"
	case n < own && own-n <= untyped+lost:
		return "types of which viewcore does not reach all objects: TestReachable and the programs say that there are more"
	}
	t.Errorf("%s of %d bytes: viewcore counts %d, we %d; of this size %d by stacks only, %d without a type, %d not reached by it",
		kind.name, kind.size, n, own, stack, untyped, lost)
	return "types that differ without a reason"
}

// differences are what is known to be different in viewcore of 2026-07-08
// (golang.org/x/debug/internal/gocore) by the beginning of a type's name.
var differences = []struct{ prefix, reason string }{
	{"map[", "a map's header, directory or group: a small map's group is taken for a directory, and of a table the first group only is typed (type.go, case hash<)"},
	{"internal/runtime/maps.table", "a map's table as the runtime describes it, without key and element"},
	{"chan", "a channel with its buffer behind the header may have the size of the header alone, or be a runtime.hchan"},
	{"time.Timer", "only the head of a runtime.timeTimer, which is what it is (runtime/time.go, newTimer)"},
}

// censusOf counts live objects by type and size, without stacks, and by size those
// that only words of stacks lead to, or that have no type.
func censusOf(t *testing.T, in Input) (census, map[uint64]uint64) {
	t.Helper()
	ctx := context.Background()
	h, err := Open(ctx, in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.Walk(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.Walk(ctx, stacks(t, in))
	if err != nil {
		t.Fatal(err)
	}
	ours, stack := census{}, map[uint64]uint64{}
	for o := range Object(h.n) {
		_, size := h.Place(o)
		in, _, c := l.TypeOf(o)
		switch {
		case !all.Has(o):
		case !l.Has(o) || c == Unknown:
			stack[size]++
		default:
			ours[sized{ourName(in.Name), size}]++
		}
	}
	return ours, stack
}

// viewcoreHistogram runs viewcore: objects by type and size, nil without an answer.
func viewcoreHistogram(tool string, in Input) census {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool, in.Core.Path(), "--exe", in.Core.Binary().Path(), "histogram", "--top", "100000").Output()
	if err != nil {
		return nil
	}
	rows := census{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		n, err1 := strconv.ParseUint(f[0], 10, 64)
		size, err2 := strconv.ParseUint(f[1], 10, 64)
		if err1 == nil && err2 == nil {
			rows[sized{viewcoreName(strings.Join(f[3:], " ")), size}] += n
		}
	}
	return rows
}

// viewcoreName translates the name of a type: "" for what has none.
func viewcoreName(name string) string {
	if strings.HasPrefix(name, "unk") {
		return ""
	}
	if !strings.HasPrefix(name, "[") || strings.HasPrefix(name, "[]") {
		return internalName(name)
	}
	// [12]T, or [12+3?]T where it does not know how many.
	_, elem, _ := strings.Cut(name, "]")
	if elem == "uint8" {
		return "" // of strings, and of slices
	}
	return internalName(elem)
}

// ourName is a name of ours in the same way: channels whatever they carry, which
// viewcore knows of some only, and arrays by their elements.
func ourName(name string) string {
	if strings.HasPrefix(name, "chan ") {
		return "chan"
	}
	if strings.HasPrefix(name, "[") && !strings.HasPrefix(name, "[]") {
		_, elem, _ := strings.Cut(name, "]")
		return ourName(elem)
	}
	return name
}

// internalName is what we call a part of a map or channel.
func internalName(name string) string {
	if name == "runtime.hchan" || strings.HasPrefix(name, "hchan<") {
		return "chan"
	}
	for _, c := range []struct{ prefix, suffix string }{{"*table<", " directory"}, {"table<", " table"}, {"map<", ""}} {
		args, ok := strings.CutPrefix(name, c.prefix)
		if !ok {
			continue
		}
		args = strings.TrimSuffix(args, ">")
		depth := 0
		for i, r := range args {
			switch {
			case r == ',' && depth == 0:
				return "map[" + args[:i] + "]" + args[i+1:] + c.suffix
			case strings.ContainsRune("[({", r):
				depth++
			case strings.ContainsRune("])}", r):
				depth--
			}
		}
	}
	if strings.HasPrefix(name, "sudog<") {
		return "runtime.sudog"
	}
	if group, ok := strings.CutPrefix(name, "noalg.map.group"); ok {
		return "map" + group + " group"
	}
	return name
}
