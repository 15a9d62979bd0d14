package sdcore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// TestGoLiteralsCompile writes the frames of real cores as Go literals, compiles
// them with the fixture's own types, runs them, and compares the values that
// they have then with what the crashed program said.
func TestGoLiteralsCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the fixtures' cores and a compiler; run without -short (make test)")
	}
	for fixture, want := range map[string]int{"payment": 40, "kinds": 280, "stdvalues": 15} {
		t.Run(fixture, func(t *testing.T) {
			rep, err := openFixture(t, coretest.Core(t, fixture)).Report(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			policy := redact.Default()
			policy.Tier, policy.Limits = 2, generous
			res, err := redact.Apply(rep, policy)
			if err != nil {
				t.Fatal(err)
			}
			frames, source := literalProgram(t, fixture, res)
			got := runProgram(t, source)
			if n := compareLiterals(t, fixture, frames, got); n < want {
				t.Errorf("%d values compared, want at least %d", n, want)
			} else {
				t.Logf("%d values are as the program said", n)
			}
		})
	}
}

// literalProgram makes a program of the literals of all frames of the goroutine
// that crashed and the fixture's types: it prints what is in the variables.
func literalProgram(t *testing.T, fixture string, res redact.Result) (frames []*report.Frame, source string) {
	t.Helper()
	all := crashedFrames(t, res.Report())
	imports := map[string]bool{`"encoding/json"`: true, `"os"`: true, `"reflect"`: true, `"strconv"`: true}
	var body strings.Builder
	for n := range all {
		var b bytes.Buffer
		err := export.GoLiterals(&b, res, export.GoOptions{Frame: n})
		if errors.Is(err, export.ErrNoFrame) {
			t.Fatalf("frame %d of %d: %v", n, len(all), err)
		} else if err != nil {
			t.Fatal(err)
		}
		if formatted, err := format.Source(b.Bytes()); err != nil || !bytes.Equal(formatted, b.Bytes()) {
			t.Errorf("frame %d is not as gofmt has it: %v", n, err)
		}
		if all[n].Package != "main" {
			continue
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if list, ok := strings.CutPrefix(line, "// Imports: "); ok {
				for _, imp := range strings.Split(list, ", ") {
					imports[imp] = true
				}
			}
		}
		fmt.Fprintf(&body, "func frame%d() {\n%s\n", len(frames), b.String())
		for i, name := range variables(t, b.String()) {
			fmt.Fprintf(&body, "dump(%d, %q, reflect.ValueOf(&%s).Elem(), 0) // %d\n", len(frames), name, name, i)
		}
		body.WriteString("}\n")
		frames = append(frames, all[n])
	}
	var out strings.Builder
	out.WriteString("package main\n\nimport (\n")
	decls := declarations(t, fixture, imports)
	for imp := range imports {
		out.WriteString(imp + "\n")
	}
	out.WriteString(")\n" + decls + body.String() + dumper + "func main() {\n")
	for i := range frames {
		fmt.Fprintf(&out, "frame%d()\n", i)
	}
	return frames, out.String() + "}\n"
}

// crashedFrames are the frames from the crash site on.
func crashedFrames(t *testing.T, rep *report.Report) (frames []*report.Frame) {
	t.Helper()
	for i := range rep.Goroutines {
		for j := range rep.Goroutines[i].Frames {
			f := &rep.Goroutines[i].Frames[j]
			if rep.Goroutines[i].Crashed && (f.CrashSite || len(frames) > 0) {
				frames = append(frames, f)
			}
		}
	}
	if len(frames) == 0 {
		t.Fatal("no goroutine crashed")
	}
	return frames
}

// variables are the names that statements declare.
func variables(t *testing.T, statements string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {\n"+statements+"\n}", 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, statements)
	}
	for _, st := range f.Decls[0].(*ast.FuncDecl).Body.List {
		switch st := st.(type) {
		case *ast.AssignStmt:
			if id := st.Lhs[0].(*ast.Ident); st.Tok == token.DEFINE {
				names = append(names, id.Name)
			}
		case *ast.DeclStmt:
			names = append(names, st.Decl.(*ast.GenDecl).Specs[0].(*ast.ValueSpec).Names[0].Name)
		default:
			t.Errorf("statement %T", st)
		}
	}
	return names
}

// declarations are the types of a fixture, those inside of functions too, with
// the methods that make them errors and Stringers.
func declarations(t *testing.T, fixture string, imports map[string]bool) string {
	t.Helper()
	fset := token.NewFileSet()
	files, err := filepath.Glob(filepath.Join(coretest.Root(t), "fixtures", fixture, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of %s: %v", fixture, err)
	}
	var out strings.Builder
	seen := map[string]bool{}
	add := func(n ast.Node, prefix string) {
		var b bytes.Buffer
		if err := format.Node(&b, fset, n); err != nil {
			t.Fatal(err)
		}
		out.WriteString(prefix + b.String() + "\n")
		ast.Inspect(n, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"sync", "time", "fmt", "strconv"}, id.Name) {
					imports[`"`+id.Name+`"`] = true
				}
			}
			return true
		})
	}
	for _, path := range files {
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if !seen[n.Name.Name] {
					seen[n.Name.Name] = true
					add(n, "type ")
				}
			case *ast.FuncDecl:
				if n.Recv != nil && slices.Contains([]string{"Error", "String", "Unwrap"}, n.Name.Name) {
					n.Doc = nil
					add(n, "")
				}
			}
			return true
		})
	}
	return out.String()
}

// dumper prints the leaves of a variable by the paths of the truth lines.
const dumper = `
func dump(frame int, path string, v reflect.Value, depth int) {
	text := ""
	switch k := v.Kind(); {
	case depth > 12:
		return
	case k == reflect.Bool:
		text = strconv.FormatBool(v.Bool())
	case v.CanInt():
		text = strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		text = strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		text = strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case v.CanComplex():
		text = strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits())
	case k == reflect.String:
		text = strconv.Quote(v.String())
	case (k == reflect.Slice || k == reflect.Map || k == reflect.Pointer || k == reflect.Interface || k == reflect.Func || k == reflect.Chan || k == reflect.UnsafePointer) && v.IsNil():
		text = "nil"
	case k == reflect.Interface:
		tell(frame, path+".(type)", v.Elem().Type().String())
		dump(frame, path, v.Elem(), depth+1)
		return
	case k == reflect.Pointer && v.Elem().Kind() == reflect.Struct, k == reflect.Pointer && v.Elem().Kind() == reflect.Array:
		dump(frame, path, v.Elem(), depth+1)
		return
	case k == reflect.Pointer:
		dump(frame, "*"+path, v.Elem(), depth+1)
		return
	case k == reflect.Struct:
		for i := range v.NumField() {
			dump(frame, path+"."+v.Type().Field(i).Name, v.Field(i), depth+1)
		}
		return
	case k == reflect.Slice || k == reflect.Array:
		tell(frame, "len("+path+")", strconv.Itoa(v.Len()))
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			for i := range b {
				b[i] = byte(v.Index(i).Uint())
			}
			tell(frame, path, strconv.Quote(string(b)))
		}
		for i := range v.Len() {
			dump(frame, path+"["+strconv.Itoa(i)+"]", v.Index(i), depth+1)
		}
		return
	case k == reflect.Map:
		tell(frame, "len("+path+")", strconv.Itoa(v.Len()))
		for it := v.MapRange(); it.Next(); {
			key := it.Key()
			for key.Kind() == reflect.Interface {
				key = key.Elem()
			}
			switch {
			case key.Kind() == reflect.String:
				dump(frame, path+"["+strconv.Quote(key.String())+"]", it.Value(), depth+1)
			case key.CanInt():
				dump(frame, path+"["+strconv.FormatInt(key.Int(), 10)+"]", it.Value(), depth+1)
			case key.CanUint():
				dump(frame, path+"["+strconv.FormatUint(key.Uint(), 10)+"]", it.Value(), depth+1)
			}
		}
		return
	default:
		return
	}
	tell(frame, path, text)
}

func tell(frame int, path, text string) {
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"Frame": frame, "Path": path, "Text": text})
}

`

// told is one line of the dumper's.
type dumped struct {
	Frame      int
	Path, Text string
}

// runProgram compiles and runs a program and returns what it told.
func runProgram(t *testing.T, source string) map[dumped]bool {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": source, "go.mod": "module literals\n\ngo 1.25\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run: %v\n%s\n%s", err, stderrOf(err), source)
	}
	told := map[dumped]bool{}
	for line := range strings.Lines(string(out)) {
		var d dumped
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		told[d] = true
	}
	return told
}

var (
	shadowed    = regexp.MustCompile(`#(\d+)`)
	directories = regexp.MustCompile(`[\w.]+/`)
)

// compareLiterals compares what the literals hold with the truth lines, and
// returns how many could be.
func compareLiterals(t *testing.T, fixture string, frames []*report.Frame, got map[dumped]bool) (compared int) {
	t.Helper()
	byPath := map[string]map[string]string{} // function, path, text
	seen := map[string]int{}
	frame := make([]string, len(frames))
	for i, f := range frames {
		frame[i] = fmt.Sprintf("%s %d", f.Function, seen[f.Function])
		seen[f.Function]++
		byPath[frame[i]] = map[string]string{}
	}
	for d := range got {
		byPath[frame[d.Frame]][d.Path] = d.Text
	}
	crashed := map[uint64]bool{}
	excused := leftOut()
	maps.DeleteFunc(excused, func(key, _ string) bool { return !strings.HasPrefix(key, fixture+" ") })
	for _, tr := range coretest.Truths(t, fixture) {
		f, ok := byPath[fmt.Sprintf("%s %d", tr.Func, tr.Nth)]
		if !ok {
			continue
		}
		crashed[tr.G] = true
		text, ok := f[shadowed.ReplaceAllString(tr.Path, "_$1")]
		if !ok {
			continue
		}
		if strings.HasSuffix(tr.Path, ".(type)") { // reflect has no import paths
			tr.Want = directories.ReplaceAllString(tr.Want, "")
		}
		if key := fixture + " " + tr.Func + " " + tr.Path; excused[key] != "" {
			if delete(excused, key); text == tr.Want {
				t.Errorf("%s need not be excused", key)
			}
			continue
		}
		compared++
		if text != tr.Want {
			t.Errorf("%s %s: the literal has %s, the program said %s", tr.Func, tr.Path, text, tr.Want)
		}
	}
	for key := range excused {
		t.Errorf("%s was not compared", key)
	}
	if len(crashed) > 1 {
		t.Errorf("truth of several goroutines was compared: %v", slices.Collect(maps.Keys(crashed)))
	}
	return compared
}

// leftOut are the values that no literal has, which a comment in its place
// says, and what the program said otherwise.
func leftOut() map[string]string {
	return map[string]string{
		"payment main.(*Server).handle s.config.APIKey":             "redacted",
		"payment main.(*Server).handle s.config.DatabaseDSN":        "redacted",
		"payment main.(*Server).handle s.gateways[\"premium\"].URL": "partly redacted",
		"payment main.(*Server).handle req.Card.Number":             "redacted",
		"payment main.(*Server).handle req.Card.CVV":                "redacted",
		"payment main.(*Server).handle len(req.Headers)":            "one of three is redacted",
		"kinds main.structs anonymous.Key":                          "redacted",
		"kinds main.cycles len(m)":                                  "one of two is a cycle",
		"kinds main.functions list[0]":                              "a func",
		"kinds main.times now.wall":                                 "a time has no monotonic clock in a literal",
		"kinds main.times now.ext":                                  "a time has no monotonic clock in a literal",
	}
}
