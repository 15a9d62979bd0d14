package redact

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// LastScan finds in finished output what was found secret in the report, as it
// is and encoded: what stands in an output because a part of the report was not
// judged, or because of how parts were put together. It does not change and may
// be used by several goroutines at once.
type LastScan struct {
	x       *Redactor
	forms   *formIndex
	longest int

	// blocks tells which four bytes may be a part of the first eight of a form:
	// where they are not, none begins in the five places before.
	blocks bitTable

	droppers sync.Pool // runs of droppers: to find out what holds a secret takes many
}

const (
	blockSize = 4
	blockStep = minSpread - blockSize + 1
)

// maxForm is how much is compared of a form of a secret: the first bytes of a
// longer one are as secret as all of it, and no more has to be held back.
const maxForm = 4 << 10

// lastScan is the last scan for the secrets of a report, nil if none were found.
func (x *Redactor) lastScan(secrets *secretSet) *LastScan {
	if len(secrets.secrets) == 0 {
		return nil
	}
	l := &LastScan{x: x, forms: newFormIndex(secrets.secrets)}
	l.longest = min(l.forms.longest, maxForm)
	l.blocks = newBitTable(8 * blockStep * len(l.forms.forms))
	for h := range l.forms.forms {
		for range blockStep {
			l.blocks.add(hashWindow(h & (1<<(8*blockSize) - 1)))
			h >>= 8
		}
	}
	return l
}

// Longest is the length of what is looked for, at most.
func (l *LastScan) Longest() int { return l.longest }

// Find reports whether text holds a secret, and where text that goes on behind
// its end may have the beginning of one: all before open is known. The words of
// sdcore's own output are never found.
func (l *LastScan) Find(text []byte) (found bool, open int) {
	return l.find(unsafe.String(unsafe.SliceData(text), len(text))) // nothing of it is kept
}

func (l *LastScan) find(s string) (found bool, open int) {
	open = max(len(s)-(minSpread-1), 0)
	for i := 0; i <= len(s)-minSpread; i += blockStep {
		if !l.blocks.has(blockOf(s[i+blockStep-1:])) {
			continue
		}
		for start := i; start < min(i+blockStep, len(s)-minSpread+1); start++ {
			whole, begun := formAt(l.forms.at(s[start:]), s[start:])
			if whole {
				return true, start
			}
			if begun {
				open = min(open, start)
			}
		}
	}
	return false, open
}

// formAt reports whether s begins with one of the sorted forms, and whether s is
// the beginning of one.
func formAt(sorted []string, s string) (whole, begun bool) {
	if len(sorted) == 0 {
		return false, false
	}
	s = s[:min(len(s), maxForm)]
	if shortened(sorted, s) {
		return true, false
	}
	for key := s; len(key) >= minSpread; {
		at, exact := slices.BinarySearch(sorted, key)
		if exact && !ordinary(key) {
			return true, false
		}
		if len(key) == len(s) && at < len(sorted) && strings.HasPrefix(sorted[at], s) {
			if len(s) == maxForm {
				return true, false
			}
			begun = true
		}
		// One that is the start of s stands in front of it, and if it is not the next one,
		// it is no longer than what s and the next one have in common.
		if at == 0 {
			break
		}
		n := commonPrefix(key, sorted[at-1])
		if n == len(sorted[at-1]) && !ordinary(sorted[at-1]) {
			return true, false
		}
		key = key[:min(n, len(key)-1)]
	}
	return false, begun
}

// shortened reports whether s begins with half of a form or more, where an output that
// shows values on one line has cut it off: "sk_live_51Hx"… +12 bytes.
func shortened(sorted []string, s string) bool {
	at, exact := slices.BinarySearch(sorted, s)
	if exact {
		return false
	}
	for _, form := range sorted[max(at-1, 0):min(at+1, len(sorted))] { // the others have less in common with s
		n := commonPrefix(s, form)
		if n < minSpread || 2*n < len(form) || ordinary(form[:n]) {
			continue
		}
		mark := strings.TrimLeft(s[n:min(n+len("\\\"\x1b[90m…"), len(s))], "\\\"`")
		if strings.HasPrefix(mark, "…") || strings.HasPrefix(mark, "\x1b[90m…") {
			return true
		}
	}
	return false
}

// ordinary reports whether a form may well stand in a report as sdcore's own
// text: words, times and addresses.
func ordinary(form string) bool {
	if hex, ok := strings.CutPrefix(form, "0x"); ok && len(hex) <= 16 && strings.Trim(hex, "0123456789abcdef") == "" {
		return true
	}
	if strings.Trim(form, "0123456789-:.TZ+ ") == "" && strings.ContainsAny(form, "-:") {
		return true
	}
	for _, w := range strings.FieldsFunc(form, func(r rune) bool { return strings.ContainsRune("-_./: ,", r) }) {
		if !ordinaryWord(w) {
			return false
		}
	}
	return true
}

// ordinaryWord reports whether w is a short number, or letters of one case, of
// which the first may be a capital.
func ordinaryWord(w string) bool {
	if digitsOnly(w) {
		return len(w) <= 4
	}
	upper := 0
	for i := 0; i < len(w); i++ {
		switch c := w[i]; {
		case c >= 'A' && c <= 'Z':
			upper++
		case c < 'a' || c > 'z':
			return false
		}
	}
	return upper == 0 || upper == len(w) || upper == 1 && w[0] < 'a'
}

// leaks reports whether a text holds a secret as it is or as a format writes it.
func (l *LastScan) leaks(s string) bool {
	if len(s) < minSpread {
		return false
	}
	if found, _ := l.find(s); found {
		return true
	}
	js, err := json.Marshal(s)
	for _, form := range [...]string{strconv.Quote(s), strconv.QuoteToASCII(s), string(js)} {
		if found, _ := l.find(form); found || err != nil {
			return true
		}
	}
	return false
}
