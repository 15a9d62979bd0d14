package gotype

import (
	"bytes"
	"strings"
)

// GoName turns the linker's name of a type or symbol into Go's: escapes of package
// paths are undone ("gopkg.in/yaml%2ev3.Node"), the number behind the name of a
// type that is declared in a function goes ("main.T·1"), and so do the package
// of unexported fields ("struct { main.n int }") and the mark of types without
// hash functions ("noalg.map.group[...]").
func GoName(s string) string {
	s = strings.TrimPrefix(s, "noalg.")
	if strings.Contains(s, "%") || strings.Contains(s, "·") {
		s = unescape(s)
	}
	if strings.Contains(s, "struct {") {
		s = unqualify(s)
	}
	return s
}

// isGoName reports whether a name has nothing that GoName changes.
func isGoName(name []byte) bool {
	return !bytes.HasPrefix(name, []byte("noalg.")) && bytes.IndexByte(name, '%') < 0 &&
		!bytes.Contains(name, []byte("·")) && !bytes.Contains(name, []byte("struct {"))
}

// unescape undoes escapes and removes the numbers of local types, but not in
// the quoted tags of fields.
func unescape(s string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(s):
			b.WriteByte(c)
			i++
		case c == '%' && !quoted && i+2 < len(s):
			if v, ok := hexByte(s[i+1], s[i+2]); ok {
				b.WriteByte(v)
				i += 2
				continue
			}
		case !quoted && strings.HasPrefix(s[i:], "·"):
			j := i + len("·")
			for j < len(s) && '0' <= s[j] && s[j] <= '9' {
				j++
			}
			if j > i+len("·") {
				i = j - 1
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unqualify removes the package from the names of unexported fields of structs
// without a name. Embedded fields are types and keep theirs.
func unqualify(s string) string {
	var b strings.Builder
	var nest []bool // for each open brace: is it a struct's
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == '"':
			i = quotedEnd(s, i)
		case strings.HasPrefix(s[i:], "struct {"):
			nest = append(nest, true)
			i += len("struct {")
		case c == '{':
			nest = append(nest, false)
			i++
		case c == '}':
			nest = nest[:max(len(nest)-1, 0)]
			i++
		default:
			i++
		}
		b.WriteString(s[start:i])
		inside := len(nest) > 0 && nest[len(nest)-1]
		if inside && (strings.HasSuffix(s[start:i], "struct {") || s[start] == ';') && i < len(s) && s[i] == ' ' {
			b.WriteByte(' ')
			i++
			i += qualifier(s[i:])
		}
	}
	return b.String()
}

// qualifier is the length of the package and dot before a field's name at the
// start of s; 0 when it has none or s starts with an embedded type.
func qualifier(s string) int {
	end := strings.IndexAny(s, " ;{([*\"")
	if end < 0 || s[end] != ' ' || end+1 == len(s) || s[end+1] == '}' || s[end+1] == '"' {
		return 0
	}
	return strings.LastIndexByte(s[:end], '.') + 1
}

// quotedEnd returns the end of the quoted string that starts at i.
func quotedEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

func hexByte(hi, lo byte) (byte, bool) {
	h, ok1 := hexDigit(hi)
	l, ok2 := hexDigit(lo)
	return h<<4 | l, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// packageOf returns the import path of a named type, "" for others.
func packageOf(name string) string {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '*' || c == '[' || c == '(' || c == ' ' || c == '{' || c == '<' {
			name = name[:i]
			break
		}
	}
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	// A dot in the last element of a path ("gopkg.in/yaml.v3.Node") is part of it.
	return name[:strings.LastIndexByte(name, '.')]
}
