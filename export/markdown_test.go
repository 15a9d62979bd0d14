package export

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/report"
)

// elsewhere moves every address of a value.
func elsewhere(v *report.Value) {
	if v.Addr != 0 {
		v.Addr += 0x5000
	}
	if v.Target != 0 {
		v.Target += 0x5000
	}
	v.Note = strings.ReplaceAll(v.Note, "0xc000ffe000", "0xc000abc000")
	for i := range v.Children {
		elsewhere(&v.Children[i].Value)
	}
}

func TestMarkdownIsEqualForEqualCrashes(t *testing.T) {
	var one, two bytes.Buffer
	if err := writeMarkdown(&one, payReport()); err != nil {
		t.Fatal(err)
	}
	r := payReport()
	r.CrashTime = r.CrashTime.Add(time.Hour)
	r.Process.PID, r.Crash.Thread, r.Threads[0].TID = 9, 9, 9
	r.Identity.Core = "/elsewhere/core"
	r.Crash.Signal.PC += 0x1000
	r.Problems[0].Addr += 0x1000
	for i := range r.Goroutines {
		r.Goroutines[i].ID += 7
		for j := range r.Goroutines[i].Frames {
			f := &r.Goroutines[i].Frames[j]
			f.PC += 0x1000
			for k := range f.Vars {
				elsewhere(&f.Vars[k].Value)
			}
		}
	}
	for i := range r.Groups {
		for j := range r.Groups[i].IDs {
			r.Groups[i].IDs[j] += 7
		}
	}
	slices.Reverse(r.Groups) // by the order of IDs, which is another one
	r.Groups = append(r.Groups, report.Group{ID: 99, Count: 2, IDs: []uint64{98, 99}, System: true, Status: "waiting", WaitReason: "GC worker (idle)"})
	r.Omitted = append(r.Omitted, report.Omission{What: "runtime frames' variables", Count: 7, Why: "--runtime-vars"})
	if err := writeMarkdown(&two, r); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Errorf("differs: %s", firstDifference(one.Bytes(), two.Bytes()))
	}
	if strings.Contains(one.String(), "0xc000") {
		t.Error("an address is shown")
	}
}
