package fingerprint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRules: each line of rules.txt is valid, and used: its example is matched by
// it, and by no line above it in its section.
func TestRules(t *testing.T) {
	rs, err := parseRules(rulesText)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, s := range sectionsOf(rs) {
		seen := map[string]bool{}
		for i := range s.rules {
			r := &s.rules[i]
			n++
			if got := s.find(r.example); got == nil || got.line != r.line {
				t.Errorf("rules.txt:%d: of section %s, the example %q is matched by %+v", r.line, name, r.example, got)
			}
			if seen[r.pattern.String()] {
				t.Errorf("rules.txt:%d: twice", r.line)
			}
			seen[r.pattern.String()] = true
		}
	}
	if n < 60 {
		t.Errorf("%d rules", n)
	}
}

func sectionsOf(rs *ruleSet) map[string]*section {
	return map[string]*section{
		"kind": &rs.kind, "sentinel": &rs.sentinel, "irrelevant": &rs.irrelevant, "prefix": &rs.prefix, "wait": &rs.wait, "idle": &rs.idle,
	}
}

// TestRulesAreOfRealFunctions: the examples from the standard library exist in the Go
// that runs the test.
func TestRulesAreOfRealFunctions(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	rs, err := theRules()
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]map[string]bool{}
	n := 0
	for _, s := range []*section{&rs.sentinel, &rs.irrelevant, &rs.idle} {
		for _, r := range s.rules {
			name := r.example
			dot := strings.IndexByte(name[strings.LastIndexByte(name, '/')+1:], '.') + strings.LastIndexByte(name, '/') + 1
			if dot <= 0 || !isStandard(name[:dot]) || strings.HasPrefix(name, "main.") {
				continue
			}
			pkg := name[:dot]
			if declared[pkg] == nil {
				declared[pkg] = declarations(t, filepath.Join(src, filepath.FromSlash(pkg)))
			}
			if n++; !declared[pkg][name[dot+1:]] {
				t.Errorf("rules.txt:%d: there is no %s in %s", r.line, name[dot+1:], pkg)
			}
		}
	}
	if n < 15 {
		t.Errorf("%d examples are of the standard library", n)
	}
}

// declarations are the functions of a directory as their linker names have them.
func declarations(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	all := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok {
				all[linkerName(fd)] = true
			}
		}
	}
	return all
}

// linkerName is a function's name as the linker has it, without the package.
func linkerName(fd *ast.FuncDecl) string {
	if fd.Recv == nil || len(fd.Recv.List) != 1 {
		return fd.Name.Name
	}
	switch r := fd.Recv.List[0].Type.(type) {
	case *ast.Ident:
		return r.Name + "." + fd.Name.Name
	case *ast.StarExpr:
		if id, ok := r.X.(*ast.Ident); ok {
			return "(*" + id.Name + ")." + fd.Name.Name
		}
	}
	return fd.Name.Name
}

// TestBadRules: what is wrong with a line is said with its number.
func TestBadRules(t *testing.T) {
	for text, want := range map[string]string{
		"[kind]\nname\tpattern":           "rules.txt:2: 2 fields",
		"a\tb":                            "rules.txt:1: 2 fields",
		"[idle]\n(\texample":              "rules.txt:2: error parsing regexp",
		"[others]\n":                      "rules.txt:1: section others is not known",
		"[idle]\na\ta\n[idle]\nb\tb":      "rules.txt:3: section idle",
		"[idle]\na\ta\n[wait]\nx\tb\tb\n": "0 rules",
	} {
		if _, err := parseRules(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestStandardLibrary: what isStandard knows is what the Go that runs the test has.
func TestStandardLibrary(t *testing.T) {
	out, err := exec.Command("go", "list", "std").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, pkg := range strings.Fields(string(out)) {
		if n++; !isStandard(pkg) {
			t.Errorf("%s is not known", pkg)
		}
	}
	if n < 100 {
		t.Errorf("%d packages", n)
	}
}
