package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// formIndex holds texts by their first eight bytes, behind a bit table: what
// begins with none of them costs one look at a bit.
type formIndex struct {
	forms   map[uint64][]string // sorted, each once
	begun   bitTable            // by the first eight bytes
	longest int                 // in bytes
}

// newFormIndex indexes secrets as they are and encoded.
func newFormIndex(secrets []string) *formIndex {
	x := &formIndex{forms: make(map[uint64][]string, 8*len(secrets))}
	for _, s := range secrets {
		for _, form := range formsOf(s) {
			if len(form) >= minSpread {
				h := load64(form)
				x.forms[h] = append(x.forms[h], form)
				x.longest = max(x.longest, len(form))
			}
		}
	}
	x.begun = newBitTable(8 * len(x.forms))
	for h, list := range x.forms {
		x.begun.add(hashWindow(h))
		if len(list) > 1 {
			slices.Sort(list)
			x.forms[h] = slices.Compact(list)
		}
	}
	return x
}

// at returns the forms that begin as s does, which has eight bytes or more.
func (x *formIndex) at(s string) []string {
	h := load64(s)
	if !x.begun.has(hashWindow(h)) {
		return nil
	}
	return x.forms[h]
}

// bitTable is a set of hashes of 64 bits, of which the highest count.
type bitTable struct {
	bits  []uint64 // a power of two
	shift uint
}

// newBitTable makes room for about as many hashes.
func newBitTable(n int) bitTable {
	size := uint(15)
	for size < 24 && 1<<size < n {
		size++
	}
	return bitTable{make([]uint64, 1<<size/64), 64 - size}
}

func (t *bitTable) add(hash uint64) {
	bit := hash >> (t.shift & 63)
	t.bits[bit>>6] |= 1 << (bit & 63)
}

func (t *bitTable) has(hash uint64) bool {
	bit := hash >> (t.shift & 63)
	return t.bits[bit>>6]>>(bit&63)&1 != 0
}

// base64Alphabets turns the digits of base64 into those for URLs.
var base64Alphabets = strings.NewReplacer("+", "-", "/", "_")

// formsOf are a secret and the forms in which an output may hold it: base64 of
// both alphabets at the three alignments, hex, URL escapes, and the escapes of Go
// and JSON literals, each once.
func formsOf(s string) []string {
	forms := []string{s}
	add := func(form string) {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	raw := []byte("\x00\x00" + s)
	lower := hex.EncodeToString(raw[2:])
	add(lower)
	add(strings.ToUpper(lower))
	for shift := range 3 {
		// Characters that also depend on the neighbours are left away.
		text := base64.RawStdEncoding.EncodeToString(raw[2-shift:])
		text = text[[3]int{0, 2, 3}[shift]:]
		if (len(s)+shift)%3 != 0 {
			text = text[:len(text)-1]
		}
		add(text)
		if strings.ContainsAny(text, "+/") {
			add(base64Alphabets.Replace(text))
		}
	}
	if charsURL.run(s) == len(s) {
		return forms // nothing has to be escaped
	}
	add(url.QueryEscape(s))
	add(url.PathEscape(s))
	quoted, ascii := strconv.Quote(s), strconv.QuoteToASCII(s)
	add(quoted[1 : len(quoted)-1])
	add(ascii[1 : len(ascii)-1])
	if js, err := json.Marshal(s); err == nil {
		add(string(js[1 : len(js)-1]))
	}
	return forms
}
