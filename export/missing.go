package export

import (
	"fmt"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// MissingText says on one line what is missing from a report that is not
// complete: the first problem, and how many more there are.
func MissingText(res redact.Result) (string, error) {
	return scannedText(res, "text", missingText)
}

func missingText(r *report.Report) string {
	var first *report.Problem
	more := -1
	for i := range r.Problems {
		if r.Problems[i].Missing {
			if more++; first == nil {
				first = &r.Problems[i]
			}
		}
	}
	text := "something is missing from the report"
	if first != nil {
		text = first.Subject + ": " + first.Message
	}
	if more > 0 {
		text += fmt.Sprintf(" (and %d more problems)", more)
	}
	return text
}
