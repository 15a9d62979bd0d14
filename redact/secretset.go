package redact

import (
	"cmp"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"sync"
)

// minSpread is the length from which contents found secret are looked for in
// the rest of the report. Shorter ones occur by chance.
const minSpread = 8

// Bounds of what is searched for in pieces. A set takes 26 MiB at the most: the
// secrets themselves (maxSecretBytes), 8 MiB of slots, 2 MiB of bits and of blocks,
// and the words of the program's names.
const (
	maxPieces  = 4 << 10 // of a secret; of a longer one the rest is found as a whole only
	maxWindows = 1 << 20 // pieces of eight bytes
)

// secretSet finds texts that were found secret, and pieces of them. Every eight
// bytes of a secret are a window, in a hash table behind a bit table. Every four
// bytes of one are a block: five bytes of a text cost one look at a bit where none
// is. Encoded forms are not kept, the text
// that is searched is decoded instead. A set does not change once it is built,
// so that many may search at once.
type secretSet struct {
	secrets []string // sorted, each once
	text    string   // the secrets one after another
	ends    []int    // where in text each of them ends
	slots   []uint32 // 1 + a position in text, and flags; 0 is empty
	windows int
	bits    []uint64 // both are a power of two long
	// from a hash to its place in them
	slotShift, shift uint
	blocks           bitTable
	longest          int  // bytes of the longest secret
	spaces           bool // some secret has one
	words            *lazyWords
	full             bool      // not everything that is secret is searched for
	numbers          numbering // of the secrets
}

// Flags of a slot.
const (
	slotFirst = 1 << 31 // a secret begins with the window
	slotNamed = 1 << 30 // the window is in a name of the program: no piece of a secret
	slotAt    = slotNamed - 1
)

// lazyWords are the words of the program's names, made when they are needed:
// mostly they are not.
type lazyWords struct {
	once  sync.Once
	names map[string]kept
	words programWords
}

func (l *lazyWords) has(w string) bool {
	if isWord(w) {
		return true
	}
	if l == nil {
		return false
	}
	l.once.Do(func() {
		names := make([]string, 0, len(l.names))
		for name := range l.names {
			names = append(names, name)
		}
		slices.Sort(names) // for the bound
		l.words = programWords{}
		for _, name := range names {
			l.words.add(name)
		}
	})
	return l.words.has(w)
}

// search makes a set of the secrets. What one of the program's own names
// contains is left out unless its form says that it is a secret, and so is what
// is made of the words of those names. Those in the set have a number where that
// is wanted.
func (l *learned) search(numbered bool) *secretSet {
	l.secrets.trim()
	l.symbols.trim()
	t := &secretSet{full: l.secrets.full, words: &lazyWords{names: l.symbols.texts}}
	var list []string
	for s, k := range l.secrets.texts {
		if k.grade == gradeSure || !plainWord(s) || !common(s, k.grade, t.words.has) {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return t
	}
	t.build(list)
	named := map[string]bool{}
	for sym := range l.symbols.texts {
		t.name(sym, named)
	}
	t.secrets = slices.DeleteFunc(t.secrets, func(s string) bool { return named[s] && l.secrets.texts[s].grade != gradeSure })
	if numbered {
		t.numbers = numberSecrets(l.secrets.those(t.secrets), l.taken)
	}
	for _, s := range publicTexts() {
		t.name(s, nil)
	}
	return t
}

// publicTexts are beginnings that many credentials share: they say nothing.
func publicTexts() []string {
	list := []string{
		"sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_",
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ", "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ", "eyJhbGciOiJIUzI1NiJ9.eyJ", "eyJhbGciOiJSUzI1NiIsImtpZCI6I",
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ", "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQ", "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg",
	}
	for _, r := range providerTokens() {
		list = append(list, r.prefix)
	}
	return list
}

// build fills the set with the secrets.
func (t *secretSet) build(list []string) {
	slices.Sort(list)
	t.secrets = slices.Compact(list)
	t.text = strings.Join(t.secrets, "")
	for _, s := range t.secrets {
		end := len(s)
		if n := len(t.ends); n > 0 {
			end += t.ends[n-1]
		}
		t.ends = append(t.ends, end)
		t.longest = max(t.longest, len(s))
		t.spaces = t.spaces || strings.IndexByte(s, ' ') >= 0
	}
	// The beginning of a secret always has its place, the rest as far as there is room.
	n := max(len(t.secrets), min(len(t.text), maxWindows))
	size := bits.Len(uint(max(n, 1<<8)-1)) + 1
	t.slots, t.slotShift = make([]uint32, 1<<size), 64-uint(size)
	size = min(max(size+3, 15), 24)
	t.bits, t.shift = make([]uint64, 1<<size/64), 64-uint(size)
	t.blocks = newBitTable(8 * n)
	from := 0
	for _, end := range t.ends {
		t.put(from, slotFirst)
		from = end
	}
	from = 0
	for _, end := range t.ends {
		for at := from; at+minSpread <= min(end, from+maxPieces); at++ {
			if t.windows >= maxWindows {
				t.full = true
				return
			}
			t.put(at, 0)
		}
		from = end
	}
}

// windowOf is the first eight bytes of s as a number: of those of two texts the one
// that sorts first is the lower one.
func windowOf(s string) uint64 {
	_ = s[minSpread-1]
	return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 |
		uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
}

// hashWindow spreads the windows: its highest bits depend on all of them.
func hashWindow(h uint64) uint64 { return h * 0x9e3779b97f4a7c15 }

// put notes the window at a position of the text: for a secret the first one, and
// then all in order. Of those alike the first is kept.
func (t *secretSet) put(at int, flags uint32) {
	h := windowOf(t.text[at:])
	bit := hashWindow(h) >> t.shift
	t.bits[bit>>6] |= 1 << (bit & 63)
	slot := t.slot(h)
	if *slot == 0 {
		*slot = uint32(at) + 1
		t.windows++
	}
	*slot |= flags
	block := at
	if flags&slotFirst == 0 { // the others are those of the windows before
		block += blockStep - 1
	}
	for ; block < at+blockStep; block++ {
		t.blocks.add(blockOf(t.text[block:]))
	}
}

// blockOf is the hash of the first four bytes of s.
func blockOf(s string) uint64 { return hashWindow(uint64(load32(s))) }

// slot is the place of a window, empty when it has none.
func (t *secretSet) slot(h uint64) *uint32 {
	mask := uint64(len(t.slots) - 1)
	for i := hashWindow(h) >> t.slotShift; ; i = (i + 1) & mask {
		slot := &t.slots[i]
		if *slot == 0 || windowOf(t.text[*slot&slotAt-1:]) == h {
			return slot
		}
	}
}

// name notes what of the secrets is in a name of the program: whole ones in
// named, where it is set, and windows.
func (t *secretSet) name(sym string, named map[string]bool) {
	t.each(sym, func(start int, h uint64, slot *uint32) {
		*slot |= slotNamed
		if named == nil || *slot&slotFirst == 0 {
			return
		}
		for _, s := range t.from(h) {
			if strings.HasPrefix(sym[start:], s) {
				named[s] = true
			}
		}
	})
}

// each calls found for each eight bytes of s that are a window of a secret.
func (t *secretSet) each(s string, found func(start int, h uint64, slot *uint32)) {
	table, shift := t.bits, t.shift&63
	for i := 0; i <= len(s)-minSpread; i += blockStep {
		if !t.blocks.has(blockOf(s[i+blockStep-1:])) {
			continue
		}
		for start := i; start < min(i+blockStep, len(s)-minSpread+1); start++ {
			h := windowOf(s[start:])
			bit := hashWindow(h) >> shift
			if table[bit>>6]>>(bit&63)&1 == 0 {
				continue
			}
			if slot := t.slot(h); *slot != 0 {
				found(start, h, slot)
			}
		}
	}
}

// from returns the secrets that begin with the window, sorted.
func (t *secretSet) from(h uint64) []string {
	lo, _ := slices.BinarySearchFunc(t.secrets, h, func(s string, h uint64) int { return cmp.Compare(windowOf(s), h) })
	hi := lo
	for hi < len(t.secrets) && windowOf(t.secrets[hi]) == h {
		hi++
	}
	return t.secrets[lo:hi]
}

// longestForm is how many bytes of a text a secret takes at the most, as far as
// find sees: whole, and escaped as \UXXXXXXXX. A search of a text in parts
// that share so many bytes finds all.
func (t *secretSet) longestForm() int { return 10 * t.longest }

// holds reports whether find would find anything. Before the second pass
// nothing is found.
func (t *secretSet) holds(s string, cut bool) (found bool) {
	if t != nil {
		t.find(s, cut, func(int, int, int) { found = true })
	}
	return found
}

// hitFunc is told where a secret or a piece of one stands, and the number of the
// secret that stands there whole, 0 where it has none.
type hitFunc func(start, end, number int)

// find calls hit for each piece of s that is a secret, or enough of one to be
// told by: the first half and at least 16 bytes, or eight bytes that are neither
// words nor a number. With cut, also for the start of one at the end of s. Base64
// and hexadecimal digits are read too, and escapes of URLs, JSON, Go and HTML,
// also twice.
func (t *secretSet) find(s string, cut bool, hit hitFunc) {
	if len(t.secrets) == 0 || len(s) < minSpread {
		return
	}
	t.findPlain(s, cut, hit)
	t.findDigits(s, cut, hit)
	t.findEscaped(s, cut, hit, 2)
}

// findPlain is find without decoding.
func (t *secretSet) findPlain(s string, cut bool, hit hitFunc) {
	judged := 0 // pieces up to here are done
	t.each(s, func(start int, h uint64, slot *uint32) {
		if *slot&slotFirst != 0 {
			if n := longest(t.from(h), s[start:], cut); n > 0 {
				hit(start, start+n, t.numbers.of(s[start:start+n]))
				judged = max(judged, start+n)
				return
			}
		}
		if *slot&slotNamed != 0 || start+minSpread <= judged {
			return
		}
		at := int(*slot&slotAt) - 1
		end := t.ends[sort.SearchInts(t.ends, at+1)]
		judged = start + commonPrefix(s[start:], t.text[at:end])
		if t.tells(s, start, judged) {
			hit(start, judged, 0)
		}
	})
}

// tells reports whether a piece of a secret, s[start:end], says that it is one.
// Words and short numbers may stand anywhere.
func (t *secretSet) tells(s string, start, end int) bool {
	if !varied(s[start:end], 5) {
		return false
	}
	told := false
	eachPart(s, start, end, func(part string, k partKind) bool {
		switch k {
		case partLetters:
			told = !t.words.has(part)
		case partOther: // punctuation is everywhere, other bytes are not
			told = strings.IndexFunc(part, func(r rune) bool { return r >= 0x7f || r < ' ' && r != '\n' && r != '\t' && r != '\r' }) >= 0
		}
		return !told
	})
	return told || longestDigits(s[start:end]) >= minNumber
}

// minNumber is how many digits in a row are told from any other number.
const minNumber = 12

func longestDigits(s string) (most int) {
	n := 0
	for i := 0; i < len(s); i++ {
		if n++; s[i] < '0' || s[i] > '9' {
			n = 0
		}
		most = max(most, n)
	}
	return most
}

// varied reports whether s has so many different bytes.
func varied(s string, want int) bool {
	var seen [256]bool
	for i := 0; i < len(s) && want > 0; i++ {
		if !seen[s[i]] {
			seen[s[i]] = true
			want--
		}
	}
	return want == 0
}

// longest returns how much of s, from its start, is one of the sorted secrets
// or enough of it.
func longest(sorted []string, s string, cut bool) int {
	best, key := 0, s
	for {
		// The secrets next to where s would stand have most in common with it. One that
		// is whole the start of s may stand further in front, among those
		// that are no longer than what is common.
		at, exact := slices.BinarySearch(sorted, key)
		if exact {
			return max(best, len(key))
		}
		common := 0
		for _, k := range [2]int{at - 1, at} {
			if k < 0 || k >= len(sorted) {
				continue
			}
			n := commonPrefix(s, sorted[k])
			if n == len(sorted[k]) || n >= 16 && 2*n >= len(sorted[k]) || cut && n == len(s) {
				best = max(best, n)
			}
			if k < at {
				common = n
			}
		}
		if best >= common || common < minSpread || common >= len(key) {
			return best
		}
		key = s[:common]
	}
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
