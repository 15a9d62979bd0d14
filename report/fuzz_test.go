package report_test

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

func FuzzDecode(f *testing.F) {
	f.Add(report.Sample(f))
	f.Add([]byte(`{"safedump_version":"2.0.0","frames":[{"locals":{"a":{"value":1}}}],"metadata":{"x":NaN,"y":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		var file *report.File
		var err error
		coretest.Bounded(t, limit+len(data), 100, func() {
			file, err = report.Decode(bytes.NewReader(data), report.DecodeOptions{MaxBytes: limit})
		})
		if err != nil {
			return
		}
		if err := file.Report.Validate(); err != nil && !file.Native {
			t.Fatalf("rebuilt an invalid report: %v", err)
		}
		var one, two bytes.Buffer
		if err := report.Encode(&one, &file.Document); err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(one.Bytes()) {
			t.Fatal("invalid UTF-8 written")
		}
		again, err := report.Decode(bytes.NewReader(one.Bytes()), report.DecodeOptions{MaxBytes: 1 << 30})
		if errors.Is(err, report.ErrTooLarge) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := report.Encode(&two, &again.Document); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Fatalf("not stable: %v\n%s\n%s", err, one.Bytes(), two.Bytes())
		}
	})
}
