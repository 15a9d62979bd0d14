package redact

import (
	"net/netip"
	"strings"
)

// Personal data by its form. E-mail addresses are in urls.go, card numbers in
// cards.go.

// ibanLengths are the countries of the IBAN registry (ISO 13616, release 99)
// with the length of their numbers.
const ibanLengths = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 " +
	"ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 " +
	"LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 " +
	"RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"

// ibanRules are token rules, one for each country.
func ibanRules() []tokenRule {
	var rules []tokenRule
	for _, c := range strings.Fields(ibanLengths) {
		n := int(c[2]-'0')*10 + int(c[3]-'0')
		rules = append(rules, tokenRule{id: "iban", prefix: c[:2], chars: charsUpper, bounded: true, exact: true, check: func(s string) int { return iban(s, n) }})
	}
	return rules
}

// iban returns the length of the account number of n characters at the start of
// s, written in one piece or in groups of four, 0 for none.
func iban(s string, n int) int {
	rest, i, spaced := 0, 0, len(s) > 4 && s[4] == ' '
	var chars [34]byte
	for k := 0; k < n; i++ {
		if i >= len(s) {
			return 0
		}
		if spaced && k > 0 && k%4 == 0 && s[i] == ' ' && s[i-1] != ' ' {
			continue
		}
		if !charsUpper.has(s[i]) || (k == 2 || k == 3) && s[i] > '9' {
			return 0
		}
		chars[k] = s[i]
		k++
	}
	if i < len(s) && charsAlnum.has(s[i]) {
		return 0
	}
	for k := range n { // ISO 7064, MOD 97-10, over the number with its first four characters last
		c := chars[(k+4)%n]
		if c <= '9' {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return i
}

// americanAt reports whether the number that begins at s[i] may be a telephone
// number as far as its signs tell, which for what begins with a digit is one form:
// three, three and four digits.
func americanAt(s string, i int) bool {
	return i+12 <= len(s) && s[i+3] == s[i+7] && (s[i+3] == '-' || s[i+3] == '.')
}

// phoneAt finds the telephone number that begins at s[i], with "+", with the
// area code in brackets, or as three, three and four digits: forms that other
// numbers do not have.
func phoneAt(s string, i int) (span, bool) {
	if i > 0 && (charsWord.has(s[i-1]) || strings.IndexByte(".-+/#(=", s[i-1]) >= 0 && !(s[i] == '+' && (s[i-1] == '(' || s[i-1] == '='))) {
		return span{}, false
	}
	var digits [16]byte
	n, groups, j := 0, 0, i
	for ; j < len(s) && n < len(digits); j++ {
		switch c := s[j]; {
		case c >= '0' && c <= '9':
			digits[n] = c
			if n++; j == i || s[j-1] < '0' || s[j-1] > '9' {
				groups++
			}
			continue
		case c == '+' && j == i, c == '(' && n < 4, c == ')' && j > i && s[j-1] >= '0' && s[j-1] <= '9':
			continue
		case (c == ' ' || c == '-' || c == '.') && j > i && j+1 < len(s) && (s[j+1] >= '0' && s[j+1] <= '9' || s[j+1] == '(') && (s[j-1] >= '0' && s[j-1] <= '9' || s[j-1] == ')'):
			continue
		}
		break
	}
	if j < len(s) && (charsWord.has(s[j]) || strings.IndexByte("-.:/", s[j]) >= 0 && j+1 < len(s) && charsWord.has(s[j+1])) || !dialled(s[i:j], digits[:n], groups) {
		return span{}, false
	}
	return pattern(i, j, "phone number", gradeNone), true
}

// dialled reports whether the digits of s are a telephone number: E.164 after a
// "+", else the North American plan in its usual groups.
func dialled(s string, d []byte, groups int) bool {
	american := func(d []byte) bool { return len(d) == 10 && d[0] >= '2' && d[3] >= '2' }
	switch {
	case s[0] == '+' && len(d) > 0 && d[0] == '1':
		return american(d[1:])
	case s[0] == '+':
		return len(d) >= 8 && len(d) <= 15 && d[0] != '0' && (groups > 1 || len(d) >= 10)
	case s[0] == '(':
		return groups == 3 && american(d)
	}
	return groups == 3 && american(d) && len(s) == 12 && s[3] == s[7] && (s[3] == '-' || s[3] == '.')
}

// addressAt finds the IP address that s[i], a digit or a colon, stands in.
func addressAt(s string, i int) (span, bool) {
	const longest = 45
	part := func(c byte) bool { return charsHex.has(c) || c == ':' || c == '.' }
	start, end := i, i
	for start > 0 && i-start <= longest && part(s[start-1]) {
		start--
	}
	for end < len(s) && end-i <= longest && part(s[end]) {
		end++
	}
	if start > 0 && charsWord.has(s[start-1]) || end < len(s) && charsWord.has(s[end]) {
		return span{}, false
	}
	text := strings.TrimRight(s[start:end], ".:")
	if colon := strings.LastIndexByte(text, ':'); colon > 0 && strings.IndexByte(text[:colon], ':') < 0 {
		text = text[:colon] // and a port
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !strings.ContainsAny(text, "0123456789") /* C++ names are a::b */ || a.IsLoopback() || a.IsUnspecified() {
		return span{}, false
	}
	return pattern(start, start+len(text), "ip address", gradeNone), true
}
