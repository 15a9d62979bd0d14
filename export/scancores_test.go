package export

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// TestLastScanIsQuiet: on no fixture, in no format, at no tier does the last scan
// find anything. What is written is what the same report gives when nothing is
// known of its secrets, byte for byte.
func TestLastScanIsQuiet(t *testing.T) {
	scanned := 0
	for _, name := range coretest.Names(t) {
		f := coretest.Core(t, name)
		for tier := 0; tier <= 4; tier++ {
			if tier < 4 && testing.Short() {
				continue
			}
			res, policy := redactedCore(t, f, tier)
			if res.LastScan() == nil {
				continue
			}
			scanned++
			again, err := redact.Apply(res.Report(), policy)
			if err != nil || again.LastScan() != nil {
				t.Fatalf("%s at tier %d: redacted again: %v, secrets left: %v", name, tier, err, again.LastScan() != nil)
			}
			for format, write := range exporters() {
				var got, want bytes.Buffer
				err, err2 := write(&got, res), write(&want, again)
				if err != nil && err2 == nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
					t.Errorf("%s at tier %d as %s: %v\n%s", name, tier, format, err, firstDifference(want.Bytes(), got.Bytes()))
				}
			}
		}
	}
	if scanned == 0 {
		t.Error("no fixture has secrets to look for")
	}
	t.Logf("%d reports with secrets", scanned)
}

// redactedCore is the report of a core and the policy that it was redacted by.
func redactedCore(t *testing.T, f coretest.Files, tier int) (redact.Result, redact.Policy) {
	t.Helper()
	p := redact.Default()
	p.Tier = tier
	o := sdcore.Options{Tier: tier, Globals: tier >= 3, Limits: report.Limits{MaxSize: 4 << 20}}
	p.Limits = o.Limits
	s, err := sdcore.Open(context.Background(), f.Core, f.Bin, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, err := redact.New(p)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.RedactedReport(context.Background(), x, sdcore.Whole)
	if errors.Is(err, corefile.ErrNoDWARF) { // there are no values
		return redact.Result{}, p
	}
	if err != nil {
		t.Fatal(err)
	}
	return res, p
}
