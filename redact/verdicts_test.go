package redact

import (
	"fmt"
	"testing"
)

// TestVerdictsAreBounded: many short texts take as much as they are counted for,
// not as much as their bytes.
func TestVerdictsAreBounded(t *testing.T) {
	var v verdicts
	for i := range maxVerdictBytes / 8 {
		v.add(fmt.Sprintf("%08d", i), 0, nil)
	}
	if most := maxVerdictBytes / verdictBytes; len(v.rounds) == 0 || len(v.rounds) > most {
		t.Errorf("%d texts, want some and at most %d", len(v.rounds), most)
	}
	n := len(v.rounds)
	v = verdicts{}
	for i := range maxVerdictBytes / 8 {
		v.add(fmt.Sprintf("%08d", i), 0, [][]span{make([]span, 4), make([]span, 2)})
	}
	if len(v.rounds) == 0 || len(v.rounds) >= n/2 {
		t.Errorf("%d texts with spans, %d without", len(v.rounds), n)
	}
}
