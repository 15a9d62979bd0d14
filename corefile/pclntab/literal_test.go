package pclntab_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestDeclaredIn asks the source: each function literal of package main, inlined ones
// too, is written in the declared function that the table says, at that line.
func TestDeclaredIn(t *testing.T) {
	for _, name := range []string{"payment", "payment.noopt", "waiters", "deadlock", "shapes", "defers", "secrets"} {
		t.Run(name, func(t *testing.T) {
			table, _ := open(t, name)
			sources := map[string]*source{}
			seen := map[string]bool{}
			found, lost := 0, 0
			for i := range table.Len() {
				f, ok := table.At(i)
				if !ok || !strings.HasPrefix(f.Name(), "main.") {
					continue
				}
				for pc := f.Entry(); pc < f.End(); pc++ {
					for _, c := range f.Calls(pc) {
						if report.LiteralIn(c.Function) == "" || seen[f.Name()+c.Function] || strings.Contains(c.Function, "wrap") {
							continue
						}
						seen[f.Name()+c.Function] = true
						d, ok := f.DeclaredIn(&c)
						if !ok {
							lost++
							t.Logf("%s at line %d: its function is not found", c.Function, c.StartLine)
							continue
						}
						found++
						if sources[c.File] == nil {
							sources[c.File] = readSource(t, c.File)
						}
						if want := sources[c.File].around(c.StartLine); want.name != "" && (want.line != d.Line || !strings.HasSuffix(withoutTypes(d.Function), "."+want.name)) {
							t.Errorf("%s at line %d: in %s at line %d, want %s at line %d", c.Function, c.StartLine, d.Function, d.Line, want.name, want.line)
						}
					}
				}
			}
			t.Logf("%d literals are in the function that the source says, of %d it is not found", found, lost)
			if lost > found {
				t.Errorf("%d found, %d lost", found, lost)
			}
		})
	}
}

// withoutTypes is a name without type arguments.
func withoutTypes(name string) string {
	if a, z := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']'); a >= 0 && z > a {
		return name[:a] + name[z+1:]
	}
	return name
}

// source has the functions that a file of fixtures declares.
type source struct{ funcs []declaration }

type declaration struct {
	name      string
	line, end int
}

// readSource reads a file of fixtures, wherever the program was built; of other
// files nothing is known.
func readSource(t *testing.T, path string) *source {
	t.Helper()
	s := &source{}
	_, rest, ok := strings.Cut(path, "/fixtures/")
	path = filepath.Join(coretest.Root(t), "fixtures", rest)
	if _, err := os.Stat(path); !ok || err != nil {
		return s
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok {
			s.funcs = append(s.funcs, declaration{fd.Name.Name, fset.Position(fd.Type.Func).Line, fset.Position(fd.End()).Line})
		}
	}
	return s
}

func (s *source) around(line int) declaration {
	for _, d := range s.funcs {
		if d.line <= line && line <= d.end {
			return d
		}
	}
	return declaration{}
}
