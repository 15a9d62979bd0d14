package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// secretSearch finds pieces of many secrets in a text at once: eight bytes, of
// a secret of hexadecimal digits alone twelve, because addresses are such digits
// too; plain, in hex, base64 (of any alignment and either alphabet), escaped for
// URLs and JSON.
type secretSearch struct {
	known  []uint64 // a bit for each hash of the first eight bytes of a piece
	pieces map[uint64][]secretPiece
}

type secretPiece struct {
	secret int
	form   string
	rest   string // after the first eight bytes
}

const searchBits = 22

func searchHash(w uint64) uint64 { return w * 0x9e3779b97f4a7c15 >> (64 - searchBits) }

func newSecretSearch(planted []plantedSecret) *secretSearch {
	s := &secretSearch{known: make([]uint64, 1<<searchBits/64), pieces: map[uint64][]secretPiece{}}
	for i, p := range planted {
		s.add(i, p.Secret)
	}
	return s
}

func (s *secretSearch) add(i int, secret string) {
	size := 8
	if strings.Trim(strings.ToLower(secret), "0123456789abcdef") == "" {
		size = 12
	}
	s.windows(i, "plain", secret, size)
	s.windows(i, "hex", hex.EncodeToString([]byte(secret)), 2*size)
	s.windows(i, "HEX", strings.ToUpper(hex.EncodeToString([]byte(secret))), 2*size)
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}
	for form, text := range map[string]string{"JSON": string(quoted[1 : len(quoted)-1]), "URL": url.QueryEscape(secret), "URL path": url.PathEscape(secret)} {
		if text != secret {
			s.windows(i, form, text, size)
		}
	}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			text := e.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
			first := (shift*8 + 5) / 6 // the digits before hold other bytes too
			last := (shift + len(secret)) * 8 / 6
			s.windows(i, "base64", text[first:last], size*4/3)
		}
	}
}

func (s *secretSearch) windows(i int, form, text string, size int) {
	for at := 0; at+size <= len(text); at++ {
		w := binary.LittleEndian.Uint64([]byte(text[at : at+8]))
		h := searchHash(w)
		s.known[h/64] |= 1 << (h % 64)
		s.pieces[w] = append(s.pieces[w], secretPiece{i, form, text[at+8 : at+size]})
	}
}

// find returns the secrets of which a piece is in b, with the form of one.
func (s *secretSearch) find(b []byte) map[int]string {
	found := map[int]string{}
	for at := 0; at+8 <= len(b); at++ {
		w := binary.LittleEndian.Uint64(b[at:])
		if h := searchHash(w); s.known[h/64]>>(h%64)&1 == 0 {
			continue
		}
		for _, p := range s.pieces[w] {
			if rest := b[at+8:]; len(rest) >= len(p.rest) && string(rest[:len(p.rest)]) == p.rest {
				found[p.secret] = p.form
			}
		}
	}
	return found
}

func TestSecretSearch(t *testing.T) {
	const secret = "vT8q&Zk2\"mR5x/Wb9+Ld"
	s := newSecretSearch([]plantedSecret{{Secret: "0123456789abcdef0123"}, {Secret: secret}})
	quoted, err := json.Marshal(map[string]string{"a": secret})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"": -1, "vT8q&Zk": -1, "..vT8q&Zk2..": 1, "x/Wb9+Ld": 1, "0123456789a": -1, "0123456789ab": 0,
		string(quoted):                                                    1,
		url.QueryEscape(secret):                                           1,
		hex.EncodeToString([]byte("k2\"mR5x/")):                           1,
		hex.EncodeToString([]byte("k2\"mR5x")):                            -1,
		base64.StdEncoding.EncodeToString([]byte("user:" + secret)):       1,
		base64.URLEncoding.EncodeToString([]byte("a:" + secret[:12])):     1,
		base64.StdEncoding.EncodeToString([]byte("some other text here")): -1,
	} {
		found := s.find([]byte(text))
		if _, ok := found[want]; len(found) > 0 != (want >= 0) || want >= 0 && !ok {
			t.Errorf("in %q: found %v, want %d", text, found, want)
		}
	}
}
