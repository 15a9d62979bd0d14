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
		u.learned.secret(fmt.Sprintf("sX%d#%d&q%d", i*7919, i, i*31), gradeLoose)
	}
	u.search = u.learned.search()
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
