package redact

import "strings"

// digitRun measures the number that begins at s[i]: digits, in groups that one
// space or dash divides. card tells whether it is a payment card's number.
func digitRun(s string, i int) (end int, card bool) {
	if i > 0 && (charsWord.has(s[i-1]) || s[i-1] == '.' || s[i-1] == '-') {
		return i + charsAlnum.run(s[i:]), false
	}
	var digits [20]byte
	n, j := 0, i
	for j < len(s) && n <= len(digits) {
		c := s[j]
		if c >= '0' && c <= '9' {
			if n < len(digits) {
				digits[n] = c - '0'
			}
			n++
			j++
			continue
		}
		if (c == ' ' || c == '-') && j+1 < len(s) && s[j+1] >= '0' && s[j+1] <= '9' && s[j-1] >= '0' && s[j-1] <= '9' {
			j++
			continue
		}
		break
	}
	if n < 13 || n > 19 || j < len(s) && (charsWord.has(s[j]) || s[j] == '.' && j+1 < len(s) && charsAlnum.has(s[j+1])) {
		return j, false
	}
	return j, issuer(digits[:n]) && luhn(digits[:n]) && grouped(s[i:j])
}

// lastDigits returns the index from which the scan goes on after the number at
// s[i:end]: its last digit of the first group, so that nothing that begins
// behind it is missed.
func lastDigits(s string, i, end int) int {
	j := i
	for j < end && s[j] >= '0' && s[j] <= '9' {
		j++
	}
	return j - 1
}

// grouped reports whether the groups of a number are as long as on cards: one
// group, or groups of four to seven digits but for a shorter last one.
func grouped(s string) bool {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '-' })
	for k, p := range parts {
		if len(parts) > 1 && (len(p) > 7 || len(p) < 4 && k < len(parts)-1) {
			return false
		}
	}
	return true
}

// issuer reports whether a payment network issues such numbers. Source:
// ISO/IEC 7812 ranges as the networks publish them.
func issuer(d []byte) bool {
	two := int(d[0])*10 + int(d[1])
	four := two*100 + int(d[2])*10 + int(d[3])
	n := len(d)
	switch {
	case d[0] == 4:
		return n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return n == 16
	case two == 34 || two == 37:
		return n == 15
	case two == 36 || two == 38 || two == 39, four >= 3000 && four <= 3059:
		return n >= 14
	case two == 60 || two == 62 || two == 64 || two == 65, four >= 3528 && four <= 3589:
		return n >= 16
	case two == 50 || two == 56 || two == 57 || two == 58 || two == 63 || two == 67:
		return n >= 15
	}
	return false
}

// luhn is the check of ISO/IEC 7812-1 over the digits.
func luhn(d []byte) bool {
	sum, same := 0, true
	for i := range d {
		v := int(d[len(d)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
		same = same && d[i] == d[0]
	}
	return sum%10 == 0 && !same
}
