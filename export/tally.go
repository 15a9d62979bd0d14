package export

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// tally is how often a numbered secret was removed from what a report shows.
type tally struct {
	Secret int `json:"secret"`
	Count  int `json:"count"`
}

// tallies counts the places of each numbered secret, those in texts included, by
// number. It reads the JSON of the report: both forms of a number are in it as
// they are, and no text can hold the key of the one, its quotes being escaped.
func tallies(r *report.Report) ([]tally, error) {
	counts := map[int]int{}
	var piece []byte
	for i := range r.Goroutines {
		piece = r.Goroutines[i].AppendJSON(piece[:0])
		countNumbers(counts, piece)
	}
	rest := *r
	rest.Goroutines = []report.Goroutine{}
	piece, err := report.EncodeCompact(&rest)
	if err != nil {
		return nil, fmt.Errorf("export redactions: %w", err)
	}
	countNumbers(counts, piece)
	list := make([]tally, 0, len(counts))
	for secret, n := range counts {
		list = append(list, tally{secret, n})
	}
	slices.SortFunc(list, func(a, b tally) int { return a.Secret - b.Secret })
	return list, nil
}

func countNumbers(counts map[int]int, json []byte) {
	for _, head := range []string{`"secret":`, "[REDACTED#"} {
		for rest := json; ; {
			_, after, ok := bytes.Cut(rest, []byte(head))
			if !ok {
				break
			}
			rest = after
			digits := 0
			for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
				digits++
			}
			n, err := strconv.Atoi(string(rest[:digits]))
			if text := "[REDACTED#" + string(rest[:digits]) + "]"; err == nil && redact.PlaceholderOf(n) == text &&
				(head[0] == '"' || bytes.HasPrefix(rest[digits:], []byte("]"))) {
				counts[n]++
			}
		}
	}
}
