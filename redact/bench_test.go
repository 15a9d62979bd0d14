package redact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// benchText is text as crash reports have it: log lines, JSON, paths, numbers
// and source, with a secret now and then.
func benchText(n int, secrets bool) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "2026-11-22T14:05:%02d.123Z INFO handled request id=%d path=/v1/orders/%d status=200 took 12.5ms\n", i%60, i*7919, i)
		fmt.Fprintf(&b, "{\"order\":%d,\"user\":{\"name\":\"bob\",\"tier\":\"gold\"},\"items\":[1,2,3],\"note\":\"left at the door\"}\n", i)
		b.WriteString("goroutine 17 [chan receive]: main.(*Server).worker(0xc000112000) /src/app/server.go:214 +0x1a5\n")
		b.WriteString("\tfor _, item := range cart.Items { total += item.Price * float64(item.Count) }\n")
		if secrets && i%50 == 0 {
			b.WriteString("login password=hunter2hunter2 Authorization: Bearer a1b2c3d4e5f6\n")
		}
	}
	return b.String()[:n]
}

func BenchmarkText(b *testing.B) {
	for _, c := range []struct {
		name    string
		size    int
		secrets bool
	}{{"innocent", 1 << 20, false}, {"secrets", 1 << 20, true}, {"short", 64, false}} {
		b.Run(c.name, func(b *testing.B) {
			x, err := New(Default())
			if err != nil {
				b.Fatal(err)
			}
			u := newRun(x)
			s := benchText(c.size, c.secrets)
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				u.text(s, u.tiered(modeText))
			}
		})
	}
}

// BenchmarkScrub is the second pass over text, with a thousand secrets known.
func BenchmarkScrub(b *testing.B) {
	x, err := New(Default())
	if err != nil {
		b.Fatal(err)
	}
	u := newRun(x)
	for i := range 1000 {
		u.learned.secret(fmt.Sprintf("sX%d#%d&q%d", i*7919, i, i*31), gradeLoose, 0)
	}
	u.search = u.learned.search(true)
	s := benchText(1<<20, false)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		u.scrub(s, modeText)
	}
}

// BenchmarkApply is the whole of it, over a report of many small values; bytes
// are those of its texts.
func BenchmarkApply(b *testing.B) {
	r := reportWith()
	size, nodes := 0, 0
	for i := range 2000 {
		name := fmt.Sprintf("order%d", i)
		note := benchText(200, false)
		v := ptr(structOf("main.Order", "ID", num(fmt.Sprint(i)), "Name", str(name), "Note", str(note), "Tags", sliceOf("[]string", str("a"), str("b")),
			"Password", str("tr0ub4dor"+name), "Paid", boolean("true")))
		size += len(name) + len(note) + 20
		nodes += 10
		r.Goroutines = append(r.Goroutines, report.Goroutine{ID: uint64(i + 2), Start: "main.worker", Frames: []report.Frame{
			{Function: "main.worker", File: "/src/app/worker.go", Line: 12, Vars: []report.Variable{variable("o", v)}}}})
	}
	x, err := New(Policy{Tier: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Apply(r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/value")
}

// parked is a goroutine as fixtures/many parks them: 22 frames with 84
// variables, most of which have no location.
func parked(i int) *report.Goroutine {
	none := func(name, typ string, kind report.Kind) report.Variable {
		v := variable(name, report.Value{State: report.StateOptimizedOut, Kind: kind, Type: typ, Note: "no location at this pc"})
		if i := len(name) % 3; i == 0 {
			v.Value.Note = "in a register that is not known in this frame"
		}
		v.DeclLine = 52
		return v
	}
	name := str(fmt.Sprintf("job-%d", i))
	job := structOf("main.job", "ID", num(fmt.Sprint(i)), "Name", name, "Path", bytesOf("/srv/queue"),
		"Tags", mapOf("map[string]int", str("shard"), num(fmt.Sprint(i%16))),
		"Next", report.Value{State: report.StateOK, Kind: report.KindPointer, Type: "*main.job", Nil: true}, "Ready", boolean("false"))
	g := &report.Goroutine{ID: uint64(i), Status: "waiting", WaitReason: "chan receive", Start: "main.main.gowrap1",
		Creator: &report.Creator{Goroutine: 1, Function: "main.main", File: "/src/fixtures/many/main.go", Line: 76}}
	frame := func(function, file string, vars ...report.Variable) {
		pkg, _, _ := strings.Cut(function, ".")
		g.Frames = append(g.Frames, report.Frame{Index: len(g.Frames), Function: function, Package: pkg, File: file, Line: 59, Vars: vars})
	}
	many := "/src/fixtures/many/main.go"
	frame("runtime.gopark", "/usr/local/go/src/runtime/proc.go")
	frame("runtime.chanrecv", "/usr/local/go/src/runtime/chan.go")
	frame("runtime.chanrecv1", "/usr/local/go/src/runtime/chan.go")
	first := variable("j", ptr(job))
	for level := range 8 {
		frame("main.next", many, first, none("route", "int", report.KindInt), none("level", "int", report.KindInt), none("~r0", "int", report.KindInt))
		first = none("j", "*main.job", report.KindPointer)
		if i>>level&1 == 0 {
			frame("main.left", many, first, none("route", "int", report.KindInt), none("level", "int", report.KindInt), none("~r0", "int", report.KindInt),
				variable("weight", num(fmt.Sprint(i+2*level))), variable("label", name))
		} else {
			load := report.Value{State: report.StateOK, Kind: report.KindFloat, Type: "float64", Text: fmt.Sprint(1.5 * float64(level))}
			frame("main.right", many, first, none("route", "int", report.KindInt), none("level", "int", report.KindInt), none("~r0", "int", report.KindInt),
				variable("load", load), variable("path", bytesOf("/srv/queue")))
		}
	}
	frame("main.next", many, first, none("route", "int", report.KindInt), none("level", "int", report.KindInt), none("~r0", "int", report.KindInt))
	frame("main.main.gowrap1", many)
	frame("runtime.goexit", "/usr/local/go/src/runtime/asm_amd64.s")
	return g
}

// parkedStream hands out parked goroutines: few, because what was just decoded
// is in the processor's cache, each with a name and numbers of its own.
type parkedStream struct {
	list []*report.Goroutine
	next int
}

func newParkedStream() *parkedStream {
	s := &parkedStream{}
	for i := range 32 {
		s.list = append(s.list, parked(i))
	}
	return s
}

func (s *parkedStream) goroutine() (int, *report.Goroutine) {
	s.next++
	g := s.list[s.next%len(s.list)]
	number := numbers[s.next%len(numbers)]
	for i := range g.Frames {
		for k := range g.Frames[i].Vars {
			switch v := &g.Frames[i].Vars[k]; v.Name {
			case "j":
				if len(v.Value.Children) > 0 {
					job := v.Value.Children[0].Value.Children
					job[0].Value.Text, job[1].Value.Text = number[4:], number
				}
			case "label":
				v.Value.Text = number
			case "weight":
				v.Value.Text = number[4:]
			}
		}
	}
	return s.next, g
}

var numbers = func() []string {
	var list []string
	for i := range 10000 {
		list = append(list, fmt.Sprintf("job-%d", 10000+i))
	}
	return list
}()

// BenchmarkLearn is the first pass over the goroutines of a stream,
// BenchmarkRedact the second, with so many secrets known.
func BenchmarkLearn(b *testing.B) {
	x, err := New(Default())
	if err != nil {
		b.Fatal(err)
	}
	s, from := x.Stream(1), newParkedStream()
	b.ReportAllocs()
	for b.Loop() {
		_, g := from.goroutine()
		s.Learn(0, 0, g)
	}
}

func BenchmarkRedact(b *testing.B) {
	for _, secrets := range []int{0, 1000} {
		b.Run(fmt.Sprint(secrets), func(b *testing.B) {
			x, err := New(Default())
			if err != nil {
				b.Fatal(err)
			}
			s, from := x.Stream(1), newParkedStream()
			for i := range secrets {
				s.Learn(0, i, &reportWith(variable("password", str(fmt.Sprintf("sX%d#%d&q%d", i*7919, i, i*31)))).Goroutines[0])
			}
			for range from.list {
				_, g := from.goroutine()
				s.Learn(0, 0, g)
			}
			if _, err := s.Seal(reportWith()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				i, g := from.goroutine()
				if _, err := s.Redact(0, i, g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSeal is what lies between, for a head that lists 100 000 goroutines.
func BenchmarkSeal(b *testing.B) {
	x, err := New(Default())
	if err != nil {
		b.Fatal(err)
	}
	head := reportWith()
	listed := parked(1)
	listed.Frames = []report.Frame{}
	for range 100_000 {
		head.Goroutines = append(head.Goroutines, *listed)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Stream(1).Seal(head); err != nil {
			b.Fatal(err)
		}
	}
}
