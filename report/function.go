package report

import (
	"strconv"
	"strings"
)

// PackageOf is the import path in a function's name: up to the first dot
// behind the last slash, type arguments aside. The linker escapes dots in the
// last element of a path as %2e (cmd/internal/objabi/path.go, PathToPrefix).
func PackageOf(function string) string {
	n := packagePrefix(function)
	if n == 0 {
		return ""
	}
	return unescape(function[:n-1])
}

// LiteralIn is what is left of a function literal's name without what numbers it
// (.func1, .1, .gowrap1, .deferwrap1, -range1, however often): main.f of
// main.f.func1.2. Where the compiler inlined around it, until Go 1.26, that begins with
// what it was inlined into: main.main.f. It is "" for a declared function,
// main.init.0 included, and for the literals of package variables, main.init.func1.
func LiteralIn(function string) string {
	pkg := packagePrefix(function)
	local := function[pkg:]
	for {
		if at := strings.LastIndex(local, "-range"); at > 0 && isNumber(local[at+len("-range"):]) {
			local = local[:at]
			continue
		}
		dot := strings.LastIndexByte(local, '.')
		if dot <= 0 || !isLiteralNumber(local[dot+1:]) || local[:dot] == "init" && isNumber(local[dot+1:]) || strings.HasSuffix(local[:dot], ")") {
			break
		}
		local = local[:dot]
	}
	if pkg+len(local) == len(function) || local == "init" || strings.HasSuffix(local, ".") {
		return ""
	}
	return function[:pkg+len(local)]
}

// packagePrefix is the length of the import path in a function's name with the dot
// behind it, 0 where there is none.
func packagePrefix(function string) int {
	name, _, _ := strings.Cut(function, "[")
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return 0
	}
	return slash + dot + 1
}

// isLiteralNumber reports whether a part of a name numbers a function literal,
// or a wrapper around a call of a go or defer statement.
func isLiteralNumber(s string) bool {
	for _, word := range [...]string{"func", "gowrap", "deferwrap"} {
		if rest, ok := strings.CutPrefix(s, word); ok {
			return isNumber(rest)
		}
	}
	return isNumber(s)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// unescape undoes the linker's %xx.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// IsRuntime reports whether a package is part of the Go runtime itself.
func IsRuntime(pkg string) bool {
	return pkg == "runtime" || strings.HasPrefix(pkg, "runtime/internal/") || strings.HasPrefix(pkg, "internal/runtime/") ||
		pkg == "internal/abi" || pkg == "internal/bytealg" || pkg == "internal/cpu" || pkg == "internal/chacha8rand"
}
