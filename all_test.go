// The rules that hold for the whole repository, as tests: who may import whom,
// what a library must not do, and what the nested modules may require.
package sdcore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/safedump/sdcore"

// delveDWARF are delve's DWARF parsers: pure functions over bytes, allowed
// where debug information is read. pkg/proc is fenced into two packages.
const delveDWARF = "github.com/go-delve/delve/pkg/dwarf"

// importTable is docs/architecture.md's table: for each package what it may
// import besides the standard library. "." is the root package; an entry that
// ends in "/..." covers what is below. Tests may import more.
var importTable = map[string][]string{
	"report":             {},
	"redact":             {"report"},
	"redact/policyfile":  {"report", "redact", "go.yaml.in/yaml/v3"},
	"export":             {"report", "redact", "triage/fingerprint", "github.com/olekukonko/tablewriter/...", "github.com/google/pprof/profile"},
	"corefile":           {"report", "corefile/inflate", "golang.org/x/sys/unix", "github.com/klauspost/compress/...", "github.com/pierrec/lz4/v4"},
	"corefile/inflate":   {},
	"corefile/die":       {},
	"corefile/pclntab":   {"report", "corefile"},
	"corefile/gotype":    {"report", "corefile", "corefile/die", delveDWARF + "/..."},
	"corefile/goscope":   {"report", "corefile", "corefile/die", "corefile/gotype", "corefile/pclntab", delveDWARF + "/..."},
	"corefile/goruntime": {"report", "corefile", "corefile/gotype", "corefile/goscope", "corefile/pclntab", delveDWARF + "/...", "golang.org/x/arch/x86/x86asm"},
	"corefile/gounwind":  {"report", "corefile", "corefile/goscope", "corefile/goruntime", "corefile/pclntab"},
	"corefile/delvecore": {"report", "corefile", "corefile/gotype", "corefile/goruntime", "github.com/go-delve/delve/..."},
	"vars":               {"report", "corefile", "corefile/gotype", "corefile/goscope", "corefile/goruntime"},
	"heapwalk":           {"report", "corefile", "corefile/gotype", "corefile/goscope", "corefile/goruntime", "corefile/pclntab", "heapwalk/dominator", "heapwalk/shape"},
	"heapwalk/dominator": {},
	"heapwalk/shape":     {"report", "corefile", "corefile/gotype", "corefile/goscope", "corefile/goruntime", "corefile/pclntab"},
	"waits":              {"report", "corefile", "corefile/gotype", "corefile/goscope", "corefile/goruntime"},
	"crashtext":          {"report"},
	"sidecar":            {"report"},
	"triage/index":       {"golang.org/x/mod/semver", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/jackc/pgx/v5/stdlib"},
	"triage/batch": {".", "report", "redact", "export", "corefile", "triage/discover", "triage/fingerprint", "triage/index",
		"golang.org/x/sys/unix"},
	"triage/night":    {"triage/batch", "triage/index"},
	"serve":           {"report", "redact", "export", "triage/index"},
	"triage/discover": {"corefile", "crashtext", "sidecar"},
	"crash":           {"report", "corefile", "corefile/gotype", "corefile/goscope", "corefile/goruntime", "vars"},
	".": {"report", "redact", "corefile", "corefile/gotype", "corefile/goscope", "corefile/goruntime",
		"corefile/gounwind", "corefile/delvecore", "vars", "crash", "heapwalk", "waits", "crashtext", "sidecar"},
	"triage/fingerprint":  {"report", "redact"},
	"tracker":             {"report", "redact", "export", "triage/fingerprint", "golang.org/x/mod/semver"},
	"scripts/compare":     {"golang.org/x/sys/unix"},
	"scripts/providers":   {},
	"scripts/openapi":     {},
	"scripts/helperbench": {},
	"scripts/httpload":    {},
	"scripts/delvelocals": {"github.com/go-delve/delve/..."},
	"capture":             {"github.com/go-delve/delve/...", "golang.org/x/sys/unix"},
	"hostcheck":           {"golang.org/x/sys/unix"},
	"crashrun":            {"corefile", "hostcheck", "golang.org/x/sys/unix"},
	"cmd/sdcore":          {".", "report", "redact", "redact/policyfile", "export", "corefile", "crashtext", "sidecar", "capture", "hostcheck", "crashrun", "tracker", "triage/batch", "triage/discover", "triage/index", "triage/night", "serve", "github.com/spf13/cobra/...", "golang.org/x/term", "golang.org/x/sys/unix"},
}

// testOnly are packages that only tests may import.
var testOnly = []string{"internal/browsertest", "internal/coretest"}

// TestBinaryHasNoTestSupport checks that what only tests need is not linked
// into the binary, by whatever way.
func TestBinaryHasNoTestSupport(t *testing.T) {
	deps := func(args ...string) string {
		out, err := exec.Command("go", append([]string{"list", "-deps"}, args...)...).Output()
		if err != nil {
			t.Fatalf("go list -deps %v: %v\n%s", args, err, stderrOf(err))
		}
		return string(out)
	}
	of := []string{modulePath + "/internal/", "github.com/chromedp/", "github.com/rogpeppe/", "github.com/santhosh-tekuri/", "github.com/yuin/", "\ntesting\n"}
	binary, support := deps("./cmd/sdcore"), deps("-test", "./internal/...", "./cmd/sdcore", "./export")
	for _, path := range of {
		if strings.Contains(binary, path) {
			t.Errorf("cmd/sdcore links %q", path)
		}
		if !strings.Contains(support, path) {
			t.Errorf("no test uses %q: this looks for nothing", path)
		}
	}
}

type goPackage struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	Imports    []string
	Standard   bool
	Doc        string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,Imports,Doc", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderrOf(err))
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func stderrOf(err error) string {
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		return string(ee.Stderr)
	}
	return ""
}

// room turns an import path of ours into its name in the table.
func room(path string) string {
	if path == modulePath {
		return "."
	}
	return strings.TrimPrefix(path, modulePath+"/")
}

func ours(path string) bool {
	return path == modulePath || strings.HasPrefix(path, modulePath+"/")
}

func TestImportTable(t *testing.T) {
	for _, p := range listPackages(t) {
		name := room(p.ImportPath)
		if slices.Contains(testOnly, name) {
			continue
		}
		allowed, known := importTable[name]
		if !known {
			if len(p.GoFiles) > 0 {
				t.Errorf("package %s is not in the import table: add its row here and in docs/architecture.md, with the reason", name)
			}
			continue
		}
		for _, imp := range p.Imports {
			if standardLibrary(imp) || matches(allowed, imp) {
				continue
			}
			t.Errorf("%s imports %s: its row in the import table does not allow that", name, imp)
		}
	}
}

func standardLibrary(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func matches(allowed []string, imp string) bool {
	if ours(imp) {
		return slices.Contains(allowed, room(imp))
	}
	for _, a := range allowed {
		if a == imp {
			return true
		}
		if dir, ok := strings.CutSuffix(a, "/..."); ok && (imp == dir || strings.HasPrefix(imp, dir+"/")) {
			return true
		}
	}
	return false
}

// TestPureModel checks that what everything else stands on drags in nothing.
func TestPureModel(t *testing.T) {
	for _, pkg := range []string{"./report", "./redact"} {
		out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		for _, dep := range strings.Fields(string(out)) {
			if !ours(dep) {
				t.Errorf("%s depends on %s: only our own packages and the standard library are allowed", pkg, dep)
			}
		}
	}
}

// TestOffline checks that what reads cores and binaries can neither open a
// socket nor run a program.
func TestOffline(t *testing.T) {
	for _, pkg := range []string{"", "/inflate", "/die", "/pclntab", "/gotype", "/goscope", "/goruntime", "/gounwind"} {
		out, err := exec.Command("go", "list", "-deps", "./corefile"+pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps ./corefile%s: %v\n%s", pkg, err, stderrOf(err))
		}
		for _, dep := range strings.Fields(string(out)) {
			if dep == "net" || dep == "os/exec" || dep == "plugin" {
				t.Errorf("corefile%s depends on %s", pkg, dep)
			}
		}
	}
}

// TestPackageDocs wants a doc.go in every library and a package comment
// everywhere.
func TestPackageDocs(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if p.Name != "main" && p.ImportPath != modulePath && !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go", p.ImportPath)
		}
	}
}

// forbidden are calls that a library must not make: it never prints, exits,
// or reads flags or the environment.
var forbidden = map[string][]string{
	"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"log":  {"*"},
	"flag": {"*"},
	"os":   {"Exit", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args", "Stdout", "Stderr", "Stdin", "Setenv"},
}

func TestLibrariesStayQuiet(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.Name == "main" || slices.Contains(testOnly, room(p.ImportPath)) {
			continue
		}
		for _, f := range p.GoFiles {
			for _, bad := range loudCalls(t, filepath.Join(p.Dir, f)) {
				t.Errorf("%s: libraries never print, exit or read flags or environment", bad)
			}
		}
	}
}

// loudCalls lists the uses of forbidden identifiers in a file, and mutable
// state that init functions would set up.
func loudCalls(t *testing.T, path string) []string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imported := map[string]string{} // local name -> path
	for _, imp := range f.Imports {
		p, _ := strconv.Unquote(imp.Path.Value)
		name := p[strings.LastIndex(p, "/")+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		imported[name] = p
	}
	var found []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			names := forbidden[imported[id.Name]]
			if slices.Contains(names, n.Sel.Name) || slices.Contains(names, "*") {
				found = append(found, fset.Position(n.Pos()).String()+": "+id.Name+"."+n.Sel.Name)
			}
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				found = append(found, fset.Position(n.Pos()).String()+": func init")
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "print" || id.Name == "println") {
				found = append(found, fset.Position(n.Pos()).String()+": "+id.Name)
			}
		}
		return true
	})
	return found
}

// TestLoudCallsAreFound makes sure that the check above can fail.
func TestLoudCallsAreFound(t *testing.T) {
	src := "package x\nimport (\"fmt\"; o \"os\")\nfunc init() {}\nfunc f() { fmt.Println(); o.Exit(1); println() }\n"
	path := filepath.Join(t.TempDir(), "x.go")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := loudCalls(t, path); len(got) != 4 {
		t.Errorf("found %d of 4 planted calls: %q", len(got), got)
	}
}

// delveLoader are the names through which delve's variable loader is reached.
// It dies on self-referential types and turns missing pieces into zeros: vars
// decodes every value itself. The peer of the benchmarks is made to call it.
var delveLoader = []string{"LoadConfig", "LocalVariables", "FunctionArguments", "PackageVariables", "EvalExpression", "EvalVariable", "LoadValue", "Labels"}

func TestDelvesLoaderIsNeverCalled(t *testing.T) {
	checked := 0
	for _, p := range listPackages(t) {
		if room(p.ImportPath) == "scripts/delvelocals" ||
			!slices.ContainsFunc(p.Imports, func(imp string) bool { return strings.HasPrefix(imp, "github.com/go-delve/delve/pkg/proc") }) {
			continue
		}
		for _, name := range p.GoFiles {
			checked++
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(delveLoader, sel.Sel.Name) {
					t.Errorf("%s: %s: delve's variable loader is never called", fset.Position(n.Pos()), sel.Sel.Name)
				}
				return true
			})
		}
	}
	if checked == 0 {
		t.Error("no package imports delve's pkg/proc: this test checks nothing")
	}
}

type goMod struct {
	Module  struct{ Path string }
	Go      string
	Require []struct{ Path string }
	Replace []struct{ Old, New struct{ Path string } }
}

func readMod(t *testing.T, path string) goMod {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", path).Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", path, err, stderrOf(err))
	}
	var m goMod
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestModules pins what the three modules promise: `go install` of the main
// one works because it has no replace, and a service that imports the helper
// gets nothing but the helper.
func TestModules(t *testing.T) {
	root := readMod(t, "go.mod")
	if root.Module.Path != modulePath || len(root.Replace) > 0 {
		t.Errorf("go.mod: module %q with %d replaces, want %q without any", root.Module.Path, len(root.Replace), modulePath)
	}
	for _, r := range root.Require {
		if ours(r.Path) {
			t.Errorf("go.mod requires %s: the main module never imports a nested one", r.Path)
		}
	}
	helper := readMod(t, "safedump/go.mod")
	if len(helper.Require) > 0 || len(helper.Replace) > 0 {
		t.Errorf("safedump/go.mod requires %d and replaces %d modules, want none: services import it", len(helper.Require), len(helper.Replace))
	}
	if helper.Go != "1.21" {
		t.Errorf("safedump/go.mod says go %s, want 1.21: that is the oldest Go a service may have", helper.Go)
	}
	fixtures := readMod(t, "fixtures/go.mod")
	for _, r := range fixtures.Replace {
		if r.Old.Path != modulePath+"/safedump" || r.New.Path != "../safedump" {
			t.Errorf("fixtures/go.mod replaces %s by %s: only ../safedump is allowed", r.Old.Path, r.New.Path)
		}
	}
	if _, err := os.Stat("go.work"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("go.work exists: it hides missing requires")
	}
}

// TestFeatureTable reads the table of features in docs/helper.md: every test
// that it names exists, as a function or as a script, and every feature has
// one, points to a part of the page, or says that it can't be done.
func TestFeatureTable(t *testing.T) {
	doc, err := os.ReadFile("docs/helper.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "<!-- features -->")
	if !ok {
		t.Fatal("docs/helper.md has no table of features")
	}
	tests := testNames(t)
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "/"), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "feature" {
			continue
		}
		rows++
		proof := strings.TrimSpace(cells[3])
		switch {
		case proof == "-":
			if !strings.Contains(cells[2], "can't") {
				t.Errorf("%s: no test, and no reason", cells[1])
			}
		default:
			for _, name := range strings.Split(proof, ", ") {
				if !tests[name] {
					t.Errorf("%s: there is no test %q", cells[1], name)
				}
			}
		}
	}
	if rows < 40 {
		t.Errorf("%d rows: the table is not read", rows)
	}
}

// testNames are the names of all tests of all modules, and of the scripts of
// cmd/sdcore.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "fixtures/cores" || d.Name() == ".git" && d.IsDir() {
			return fs.SkipDir
		}
		switch {
		case strings.HasSuffix(path, "_test.go"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(b)) {
				if rest, ok := strings.CutPrefix(line, "func Test"); ok {
					name, _, _ := strings.Cut(rest, "(")
					names["Test"+name] = true
				}
			}
		case strings.HasPrefix(path, "cmd/sdcore/testdata/script/"):
			names["TestScripts/"+strings.TrimSuffix(d.Name(), ".txtar")] = true
		case strings.HasPrefix(path, "cmd/sdcore/testdata/cores/"):
			names["TestCoreScripts/"+strings.TrimSuffix(d.Name(), ".txtar")] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestHelperIsStandardLibraryOnly follows the helper's imports to their end.
func TestHelperIsStandardLibraryOnly(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./...")
	cmd.Dir = "safedump"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list in safedump: %v\n%s", err, stderrOf(err))
	}
	for _, dep := range strings.Fields(string(out)) {
		if !ours(dep) {
			t.Errorf("safedump depends on %s", dep)
		}
	}
}

// TestSQLiteAndItsLibc: modernc.org/sqlite is C translated for one version of
// modernc.org/libc, and breaks with others in ways that no compiler sees.
func TestSQLiteAndItsLibc(t *testing.T) {
	version := func(m string) string {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.GoMod}}", m).Output()
		if err != nil {
			t.Fatalf("go list -m %s: %v\n%s", m, err, stderrOf(err))
		}
		return strings.TrimSpace(string(out))
	}
	_, file, _ := strings.Cut(version("modernc.org/sqlite"), " ")
	have, _, _ := strings.Cut(version("modernc.org/libc"), " ")
	mod, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "modernc.org/libc "+have+"\n") {
		t.Errorf("modernc.org/libc is %s, which is not the one in %s", have, file)
	}
}
