package redact

// keywordTable finds many keywords in one pass over a text, whatever their
// case: the automaton of Aho and Corasick, with all transitions written out, so
// that a byte costs one look-up. A state is a row of 64 columns, one for each
// byte that some keyword holds; all other bytes share the first. Where none
// begins, as its first three bytes tell, no step is made at all.
type keywordTable struct {
	column [256]uint8
	next   []uint16 // by state and column; with keywordEnds where a keyword ends
	// word is 1 + the keyword that ends in a state, 0 for none, and shorter the
	// next state down whose keyword ends there too.
	word, shorter []uint16
	lengths       []int
	begun         [1 << keywordBegins / 64]uint64 // by begins
}

const (
	keywordColumns = 6 // as a power of two
	keywordEnds    = 1 << 15
	keywordBegins  = 15 // bits of what begins says
)

// begins mixes the columns of the three bytes of which c is the last one, h being
// that of the three before it.
func begins(h uint, c uint8) uint { return (h<<5 ^ uint(c)) & (1<<keywordBegins - 1) }

// newKeywordTable makes the automaton. It holds as many keywords as 32767
// states and 63 different bytes allow; those that do not fit are reported.
func newKeywordTable(words []string) (t *keywordTable, complete bool) {
	t = &keywordTable{lengths: make([]int, len(words))}
	states, columns := 1, uint8(0)
	for _, w := range words {
		states += len(w)
	}
	if states > keywordEnds-1 {
		return t, false
	}
	t.next = make([]uint16, states<<keywordColumns)
	t.word, t.shorter = make([]uint16, states), make([]uint16, states)
	states = 1
	for k, w := range words {
		t.lengths[k] = len(w)
		at := 0
		for i := 0; i < len(w); i++ {
			c := lowerByte(w[i])
			if t.column[c] == 0 {
				if columns++; columns == 1<<keywordColumns {
					return t, false
				}
				t.column[c] = columns
			}
			slot := &t.next[at<<keywordColumns|int(t.column[c])]
			if *slot == 0 {
				*slot = uint16(states)
				states++
			}
			at = int(*slot)
		}
		t.word[at] = uint16(k) + 1
	}
	t.next, t.word, t.shorter = t.next[:states<<keywordColumns], t.word[:states], t.shorter[:states]
	for _, w := range words {
		t.begin(w)
	}
	t.link(int(columns))
	for c := byte('A'); c <= 'Z'; c++ {
		t.column[c] = t.column[lowerByte(c)]
	}
	return t, true
}

// begin notes how a keyword begins. Of a short one that is whatever comes behind it.
func (t *keywordTable) begin(w string) {
	heads := []uint{0}
	for i := range 3 {
		var longer []uint
		for _, h := range heads {
			if i < len(w) {
				longer = append(longer, begins(h, t.column[lowerByte(w[i])]))
				continue
			}
			for c := range uint8(1 << keywordColumns) {
				longer = append(longer, begins(h, c))
			}
		}
		heads = longer
	}
	for _, h := range heads {
		t.begun[h>>6] |= 1 << (h & 63)
	}
}

// link fills in where to go on when no keyword goes on: from the longest end of
// what was read that begins one. States are visited by their depth.
func (t *keywordTable) link(columns int) {
	fail := make([]uint16, len(t.word))
	queue := make([]uint16, 0, len(t.word))
	for c := 1; c <= columns; c++ {
		if s := t.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for k := 0; k < len(queue); k++ {
		at := queue[k]
		row, back := int(at)<<keywordColumns, int(fail[at])<<keywordColumns
		for c := 1; c <= columns; c++ {
			to := t.next[row|c]
			if to == 0 {
				t.next[row|c] = t.next[back|c]
				continue
			}
			f := t.next[back|c]
			fail[to] = f
			if t.word[f] != 0 {
				t.shorter[to] = f
			} else {
				t.shorter[to] = t.shorter[f]
			}
			queue = append(queue, to)
		}
	}
	for i, to := range t.next {
		if t.word[to] != 0 || t.shorter[to] != 0 {
			t.next[i] |= keywordEnds
		}
	}
}

// skip returns the next place in s where a keyword may begin. Of the last two
// bytes it does not tell.
func (t *keywordTable) skip(s string, i int) int {
	if i+2 >= len(s) {
		return i
	}
	for h := begins(begins(0, t.column[s[i]]), t.column[s[i+1]]); i+2 < len(s); i++ {
		h = begins(h, t.column[s[i+2]])
		if t.begun[h>>6]>>(h&63)&1 != 0 {
			break
		}
	}
	return i
}

// each calls found with every keyword in s and where it begins.
func (t *keywordTable) each(s string, found func(word, start int)) {
	state := uint16(0)
	for i := 0; i < len(s); i++ {
		if state == 0 {
			i = t.skip(s, i)
		}
		state = t.next[int(state)<<keywordColumns|int(t.column[s[i]])]
		if state&keywordEnds == 0 {
			continue
		}
		state &^= keywordEnds
		for at := state; at != 0; at = t.shorter[at] {
			if w := t.word[at]; w != 0 {
				found(int(w)-1, i+1-t.lengths[w-1])
			}
		}
	}
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
