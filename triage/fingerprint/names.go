package fingerprint

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// maxName bounds a name that is looked at: those of generic functions can be long.
const maxName = 1024

// clean makes a text of a report fit for comparing: without the numbers of
// secrets, which differ from core to core, without control characters, bounded.
func clean(s string, limit int) string {
	s = redact.Unnumbered(cut(s, 4*limit))
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "?")
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return cut(s, limit)
}

// cut shortens s to at most limit bytes, between characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	s = s[:limit]
	for s != "" {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

// normal is a function's name without what builds and versions make of it: type
// arguments, major versions in the import path, vendor directories. within is the
// declared function if it is a literal: literals are not numbered, their
// lines tell them apart.
func normal(function, within string) string {
	if within != "" {
		return plain(within) + ".func"
	}
	return plain(function)
}

func plain(name string) string {
	name = withoutTypeArgs(clean(name, maxName))
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return name
	}
	dot += slash
	return versionless(strings.ReplaceAll(name[:dot], "%2e", ".")) + name[dot:]
}

// withoutTypeArgs drops everything in brackets.
func withoutTypeArgs(name string) string {
	if !strings.Contains(name, "[") {
		return name
	}
	var b strings.Builder
	depth := 0
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// versionless drops /v2 and .v2 of an import path, and what is before vendor/.
func versionless(pkg string) string {
	if i := strings.LastIndex("/"+pkg, "/vendor/"); i >= 0 {
		pkg = pkg[i+len("vendor/"):]
	}
	parts := strings.Split(pkg, "/")
	out := parts[:0]
	for i, p := range parts {
		if i > 0 && isVersion(p) {
			continue
		}
		if at := strings.LastIndex(p, ".v"); at > 0 && isVersion(p[at+1:]) {
			p = p[:at]
		}
		out = append(out, p)
	}
	return strings.Join(out, "/")
}

// isVersion reports whether s is "v2" and the like.
func isVersion(s string) bool {
	return len(s) > 1 && s[0] == 'v' && strings.Trim(s[1:], "0123456789") == ""
}

// writtenIn is the last part of the name of the declared function that a function
// literal is written in: "f" of main.f.func1.2, "(*T).m" of main.main.(*T).m.func3,
// which is inlined into main.main. What stands before it depends on the build. It
// is "" for a declared function, and for the literals of package variables:
// those are told apart by their numbers.
func writtenIn(function, within string) string {
	base := within
	if base == "" {
		base = report.LiteralIn(withoutTypeArgs(clean(function, maxName)))
	}
	base = plain(base)
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 {
		return ""
	}
	if receiver := strings.LastIndex(base[:dot], ".("); receiver >= 0 && strings.HasSuffix(base[:dot], ")") {
		return base[receiver+1:]
	}
	return base[dot+1:]
}

// short is a name for people: with the last element of the import path only.
func short(name string) string {
	name = name[strings.LastIndexByte(name, ' ')+1:]
	if _, literal, ok := strings.Cut(name, ":"); ok {
		name = literal
	}
	head, args, _ := strings.Cut(name, "(")
	if i := strings.LastIndexByte(head, '/'); i >= 0 {
		head = head[i+1:]
	}
	if args != "" {
		head += "(" + args
	}
	return head
}

// modules tells the program's own packages from the others, by the binary's build information.
type modules struct {
	main  string   // import path of package main, "" when not known
	known bool     // whether there is build information
	own   []string // paths of the main module, and of those that were replaced
	other []string
}

func modulesOf(r *report.Report) *modules {
	m := &modules{main: versionless(clean(r.Identity.MainPackage, maxName))}
	if m.main == "command-line-arguments" {
		m.main = ""
	}
	if p := r.Identity.Main.Path; p != "" && p != "command-line-arguments" {
		m.known, m.own = true, append(m.own, p)
	}
	for i := range r.Identity.Deps {
		d := &r.Identity.Deps[i]
		if d.Path == "" {
			continue
		}
		m.known = true
		if d.Replaced != "" {
			m.own = append(m.own, d.Path)
		} else {
			m.other = append(m.other, d.Path)
		}
	}
	return m
}

// inApp reports whether a package is the program's own. Without build information, as
// in a crash text, everything is that is neither of the standard library nor in a
// module cache or vendor directory.
func (m *modules) inApp(pkg, file string) bool {
	pkg = strings.TrimSuffix(pkg, "_test")
	switch {
	case pkg == "":
		return false
	case pkg == "main" || pkg == "command-line-arguments":
		return true
	case m.known && len(m.own) > 0:
		return longest(m.own, pkg) > longest(m.other, pkg)
	}
	if longest(m.other, pkg) > 0 || isStandard(pkg) {
		return false
	}
	return !strings.Contains(file, "/pkg/mod/") && !strings.Contains(file, "/vendor/") && !strings.Contains(path.Dir(file), "@v")
}

// longest is the length of the longest module path that holds pkg, 0 for none.
func longest(paths []string, pkg string) int {
	n := 0
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(pkg, p); ok && (rest == "" || rest[0] == '/') {
			n = max(n, len(p))
		}
	}
	return n
}

// isStandard reports whether the first element of an import path is one of the
// standard library's (go list std, Go 1.25 to 1.27).
func isStandard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	switch first {
	case "archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug", "embed", "encoding",
		"errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter", "log", "maps", "math",
		"mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "simd", "slices", "sort", "strconv", "strings", "structs",
		"sync", "syscall", "testing", "text", "time", "unicode", "unique", "unsafe", "uuid", "vendor", "weak":
		return true
	}
	return false
}
