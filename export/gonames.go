package export

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// typeNamer writes type names as they are written in the source of one package.
type typeNamer struct {
	own     string            // import path
	imports map[string]string // local name to import path
	known   map[string]string // type to source
}

func newTypeNamer(own string) typeNamer {
	return typeNamer{own: own, imports: map[string]string{}, known: map[string]string{}}
}

// typ returns a type name of the report as Go source; an error where it can't
// be written in the package.
func (n *typeNamer) typ(name string) (string, error) {
	if s, ok := n.known[name]; ok {
		return s, nil
	}
	if strings.Contains(name, "[REDACTED") {
		return "", errors.New("the name of its type is redacted")
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == '"':
			q, err := strconv.QuotedPrefix(name[i:])
			if err != nil {
				return "", errors.New("its type can't be written")
			}
			b.WriteString(q)
			size = len(q)
		case r == '_' || unicode.IsLetter(r):
			size = qualifiedLen(name[i:])
			s, err := n.qualified(name[i : i+size])
			if err != nil {
				return "", err
			}
			b.WriteString(s)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	s := strings.ReplaceAll(strings.ReplaceAll(b.String(), "interface {}", "any"), "[]uint8", "[]byte")
	if e, err := parser.ParseExpr(s); err != nil || !isType(e) {
		return "", errors.New("its type can't be written")
	}
	n.known[name] = s
	return s, nil
}

// isType reports whether an expression is a type and nothing else: the names of
// types come from the binary, and what is pasted is compiled and run.
func isType(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.StarExpr:
		return isType(e.X)
	case *ast.BasicLit, *ast.UnaryExpr, *ast.BinaryExpr, *ast.Ellipsis:
		return false
	}
	ok := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case nil, *ast.Ident, *ast.SelectorExpr, *ast.StarExpr, *ast.MapType, *ast.ChanType, *ast.FuncType, *ast.StructType, *ast.InterfaceType,
			*ast.IndexExpr, *ast.IndexListExpr, *ast.Field, *ast.FieldList, *ast.Ellipsis, *ast.BasicLit:
		case *ast.ArrayType:
			if _, lit := n.Len.(*ast.BasicLit); n.Len != nil && !lit {
				ok = false
			}
		default:
			ok = false
		}
		return ok
	})
	return ok
}

// qualifiedLen is the length of the name at the start of s, with the import
// path before it.
func qualifiedLen(s string) int {
	for i, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_/.-~%+@", r) {
			return i
		}
	}
	return len(s)
}

// qualified writes one name, its import path replaced by the local name of the
// package.
func (n *typeNamer) qualified(s string) (string, error) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return s, nil
	}
	path, name := s[:dot], s[dot+1:]
	switch {
	case !identifier(name):
		return "", errors.New("its type can't be written")
	case path == n.own:
		return name, nil
	case strings.HasPrefix(s, "go.shape."):
		return "", errors.New("its type is that of a generic function's shape")
	case !token.IsExported(name):
		return "", fmt.Errorf("package %s does not export %s", path, name)
	case path == "main" || strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "vendor/") || strings.Contains(path, "/internal/") && !n.inside(path):
		return "", fmt.Errorf("package %s can't be imported", path)
	}
	return n.pkg(path) + "." + name, nil
}

// inside reports whether an internal package lies below a directory that is
// also above the own package.
func (n *typeNamer) inside(path string) bool {
	parent, _, _ := strings.Cut(path, "/internal/")
	return n.own == parent || strings.HasPrefix(n.own, parent+"/")
}

// pkg is the local name of a package.
func (n *typeNamer) pkg(path string) string {
	base := importName(path)
	name := base
	for i := 2; ; i++ {
		if p, taken := n.imports[name]; !taken || p == path {
			break
		}
		name = base + strconv.Itoa(i)
	}
	n.imports[name] = path
	return name
}

// importName guesses a package's name from its path; where the guess could be
// wrong the import names it.
func importName(path string) string {
	elems := strings.Split(path, "/")
	base := elems[len(elems)-1]
	if len(elems) > 1 && len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = elems[len(elems)-2]
	}
	base, _, _ = strings.Cut(base, ".")
	base = goName(strings.ReplaceAll(base, "-", ""))
	if token.IsKeyword(base) || predeclared(base) {
		base += "pkg"
	}
	return base
}

// predeclared reports whether the literals use a name as Go declares it.
func predeclared(s string) bool {
	switch s {
	case "nil", "true", "false", "new", "any", "error", "string", "bool", "byte", "rune", "uintptr", "complex", "float32", "float64", "complex64", "complex128",
		"int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64":
		return true
	}
	return false
}

// identifier reports whether s is a Go identifier that can be used.
func identifier(s string) bool { return token.IsIdentifier(s) && s != "_" }

// goName makes an identifier of a variable's name: "x#2" becomes x_2, "~r0"
// becomes r0.
func goName(s string) string {
	var b strings.Builder
	for _, r := range strings.TrimLeft(s, "~.&*") {
		if r != '_' && !unicode.IsLetter(r) && (b.Len() == 0 || !unicode.IsDigit(r)) {
			r = '_'
		}
		b.WriteRune(r)
		if b.Len() > 64 {
			break
		}
	}
	if name := b.String(); identifier(name) {
		return name
	}
	return "v" + b.String()
}

// usedNames are the names that the statements of a frame use.
type usedNames struct {
	imports map[string]string
	used    map[string]bool
}

// nameStatements gives each statement a name of its own that hides nothing
// which the statements behind it use, and the imports that are used.
func nameStatements(sts []statement, imports map[string]string) (usedNames, error) {
	u := usedNames{imports: imports, used: map[string]bool{}}
	taken := map[string]bool{}
	for i := len(sts) - 1; i >= 0; i-- {
		st := &sts[i]
		for taken[st.name] || u.used[st.name] || imports[st.name] != "" {
			st.name += "_"
		}
		taken[st.name] = true
		if st.lost != "" {
			continue
		}
		for _, text := range []string{st.typ, st.text} {
			if err := u.add(text); err != nil {
				return u, err
			}
		}
	}
	return u, nil
}

// add collects the names in an expression.
func (u *usedNames) add(text string) error {
	if text == "" {
		return nil
	}
	e, err := parser.ParseExpr(text)
	if err != nil {
		return fmt.Errorf("export: a literal is no Go source: %w", err)
	}
	ast.Inspect(e, u.visit)
	return nil
}

// visit notes names but those of fields, and v, which the literals declare
// where they need it.
func (u *usedNames) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Ident:
		if n.Name != "v" {
			u.used[n.Name] = true
		}
	case *ast.SelectorExpr:
		ast.Inspect(n.X, u.visit)
		return false
	case *ast.KeyValueExpr:
		if _, field := n.Key.(*ast.Ident); !field {
			ast.Inspect(n.Key, u.visit)
		}
		ast.Inspect(n.Value, u.visit)
		return false
	case *ast.Field:
		ast.Inspect(n.Type, u.visit)
		return false
	}
	return true
}

// importList names the packages that are used.
func (u *usedNames) importList() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(u.imports)) {
		path := u.imports[name]
		if !u.used[name] {
			continue
		}
		if strings.HasSuffix("/"+path, "/"+name) {
			list = append(list, strconv.Quote(path))
		} else {
			list = append(list, name+" "+strconv.Quote(path))
		}
	}
	return strings.Join(list, ", ")
}
