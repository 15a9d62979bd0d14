package fingerprint_test

import (
	"testing"

	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

func BenchmarkOf(b *testing.B) {
	s := readSet(b)
	reports := []*report.Report{}
	for i := range s.samples[:100] {
		reports = append(reports, s.report(&s.samples[i]))
	}
	b.ResetTimer()
	for i := range b.N {
		fingerprint.OfReport(reports[i%len(reports)])
	}
}
