package redact

import "strings"

// userinfoAt finds the password of a URL whose "://" is at s[i]. Passwords are
// often not escaped, so the user information is taken to end at the last "@"
// before a space or a quote, unless what looks like a password is a port.
func (u *run) userinfoAt(s string, i int) (span, bool) {
	if !strings.HasPrefix(s[i:], "://") || i == 0 || !charsAlnum.has(s[i-1]) {
		return span{}, false
	}
	from := i + 3
	end := from
	for end < len(s) && strings.IndexByte(" \t\r\n\"'`<>\x00", s[end]) < 0 {
		end++
	}
	u.effort += end - from
	area := s[from:end]
	if q := strings.IndexAny(area, "?#"); q >= 0 && strings.IndexByte(area[:q], '@') >= 0 {
		area = area[:q]
	}
	at := strings.LastIndexByte(area, '@')
	if at <= 0 {
		return span{}, false
	}
	authority := area[:at]
	colon := strings.IndexByte(authority, ':')
	slash := strings.IndexByte(authority, '/')
	switch {
	case colon < 0 && slash >= 0, colon >= 0 && slash >= 0 && slash < colon:
		return span{}, false // the "@" belongs to the path
	case colon >= 0 && slash >= 0 && digitsOnly(authority[colon+1:slash]):
		return span{}, false // a port, then a path
	case colon < 0:
		if len(authority) < 16 || plainWord(authority) || authority == Placeholder {
			return span{}, false
		}
		return pattern(from, from+at, "url userinfo", gradeStrict), true
	}
	secret := authority[colon+1:]
	if trivialValue(secret) {
		return span{}, false
	}
	return pattern(from+colon+1, from+at, "url password", gradeLoose), true
}

// atSign finds what stands before an "@" at s[i]: the password of a DSN
// without a scheme (user:password@tcp(host)/db, user:password@host:port), or
// an e-mail address. At "+" and "(" a phone number may begin.
func atSign(s string, i int, m mode) (span, bool) {
	if s[i] != '@' {
		if m&modeEmail == 0 {
			return span{}, false
		}
		return phoneAt(s, i)
	}
	if m&modeURL != 0 {
		if sp, ok := dsnPassword(s, i); ok {
			return sp, true
		}
	}
	if m&modeEmail != 0 {
		return email(s, i)
	}
	return span{}, false
}

func dsnPassword(s string, i int) (span, bool) {
	rest := s[i+1:]
	network := false
	for _, p := range [...]string{"tcp(", "tcp6(", "unix(", "udp(", "(", "//"} {
		network = network || strings.HasPrefix(rest, p)
	}
	if !network && !hostPort(rest) {
		return span{}, false
	}
	start := i
	for start > 0 && i-start < 512 && strings.IndexByte(" \t\r\n\"'`<>\x00", s[start-1]) < 0 {
		start--
	}
	left := s[start:i]
	if strings.Contains(left, "://") { // userinfoAt has seen it
		return span{}, false
	}
	colon := strings.IndexByte(left, ':')
	if strings.HasPrefix(rest, "//") { // Oracle: user/password@//host:1521/service
		colon = strings.IndexByte(left, '/')
	}
	if colon <= 0 || trivialValue(left[colon+1:]) {
		return span{}, false
	}
	return pattern(start+colon+1, i, "dsn password", gradeLoose), true
}

// hostPort reports whether s begins with a host and a numeric port.
func hostPort(s string) bool {
	n := charsDotted.run(s)
	if n == 0 || n+1 >= len(s) || s[n] != ':' {
		return false
	}
	return s[n+1] >= '0' && s[n+1] <= '9'
}

// email finds the address around the "@" at s[i].
func email(s string, i int) (span, bool) {
	start := i
	for start > 0 && i-start < 64 && (charsDotted.has(s[start-1]) || s[start-1] == '+' || s[start-1] == '%') {
		start--
	}
	n := charsDotted.run(s[i+1:])
	domain := strings.TrimRight(s[i+1:i+1+n], ".-_")
	dot := strings.LastIndexByte(domain, '.')
	if start == i || dot <= 0 || len(domain)-dot < 3 || len(domain) > 253 {
		return span{}, false
	}
	for k := dot + 1; k < len(domain); k++ {
		if c := domain[k] | 0x20; c < 'a' || c > 'z' {
			return span{}, false
		}
	}
	if domain[0] == 'v' && domain[1] >= '0' && domain[1] <= '9' { // module@v1.2.3-beta.rc
		return span{}, false
	}
	return pattern(start, i+1+len(domain), "e-mail address", gradeNone), true
}
