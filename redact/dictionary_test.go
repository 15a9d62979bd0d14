package redact

import (
	"slices"
	"strings"
	"testing"
)

func TestDictionary(t *testing.T) {
	var words []string
	head := true
	for line := range strings.Lines(dictionary) {
		w, ended := strings.CutSuffix(line, "\n")
		if !ended {
			t.Fatalf("no end of line after %q", line)
		}
		if head = head && strings.HasPrefix(w, "#"); head {
			continue
		}
		if len(w) < 3 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Fatalf("%q is no word", w)
		}
		words = append(words, w)
	}
	if len(words) < 10_000 || !slices.IsSorted(words) {
		t.Fatalf("%d words, sorted: %v", len(words), slices.IsSorted(words))
	}
	for _, w := range words {
		if !inDictionary(w) {
			t.Fatalf("%q is not found", w)
		}
	}
	for w, want := range map[string]bool{
		"administrator": true, "Production": true, "BUILDINGS": true, "tries": true, "localhost": true, "config": true, "redacted": true,
		"id": true, "tokens": true, "": false, "x": false, "zz": false, "aardvarkish": false, words[0][:2]: false, "kQzvTr": false, "qwxzvkpt": false,
		strings.Repeat("a", 60): false, "pass\nword": false, "#": false, "# English words": false,
	} {
		if got := isWord(w); got != want {
			t.Errorf("%q is a word: %v", w, got)
		}
	}
}

func TestOnlyWords(t *testing.T) {
	for s, want := range map[string]int{ // how many words it is, 0 for something else
		"administrator": 1, "access_token": 2, "clientSecretPost": 3, "eu-central-1": 2, "HTTPServer": 2,
		"kVqzTrmWpLsNbdGh": 0, "qwertzuiop": 0, "token.12345": 0, "wxqvzkjprt": 0,
	} {
		for most := 1; most <= 3; most++ {
			if got := onlyWords(s, most, isWord); got != (want > 0 && most >= want) {
				t.Errorf("%q is at most %d words: %v", s, most, got)
			}
		}
	}
}

func TestEachPart(t *testing.T) {
	const s = "order42HTTPServer-x"
	for _, c := range []struct {
		a, b int
		want string
	}{{0, len(s), "order 42 HTTP Server - x"}, {2, 3, "order"}, {5, 7, "42"}, {8, 12, "HTTP Server"}, {17, 19, "- x"}} {
		var parts []string
		eachPart(s, c.a, c.b, func(part string, _ partKind) bool {
			parts = append(parts, part)
			return true
		})
		if got := strings.Join(parts, " "); got != c.want {
			t.Errorf("parts of %d:%d: %q, want %q", c.a, c.b, got, c.want)
		}
	}
}
