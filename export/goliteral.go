package export

import (
	"errors"
	"fmt"
	"go/format"
	"io"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// GoOptions are for [GoLiterals]. The zero value is the frame where it crashed.
type GoOptions struct {
	// Frame counts outwards from the crash site: 1 is its caller.
	Frame int
	// All writes the program's own frames of the crashing goroutine, those of the
	// standard library left out, each in a block; Frame is the first one then.
	All bool
}

// ErrNoFrame is returned by [GoLiterals] where the report has no such frame: in
// a deadlock no goroutine crashed.
var ErrNoFrame = errors.New("export: no goroutine crashed, or its stack has no such frame")

// GoLiterals writes the arguments, results and locals of the frame that crashed
// as Go statements, to be pasted into a regression test of the frame's own
// package:
//
//	user := &User{ID: 41, Tier: "premium_plus", Tags: []string{"beta"}}
//
// It is gofmt's own output and compiles with Go 1.25, as far as the types can be
// named from outside of a function. Package qualifiers of the frame's package
// are dropped; imports that are needed stand in a comment. What can't be
// rebuilt - a func, a chan, an address, a cycle, a lock that is held, a field
// that another package keeps to itself, what is redacted, cut or not known - is
// left out and a comment in its place says so: a zero that is written was
// read. Only blank fields and locks that nobody holds are left out silently.
// Two pointers to one object become two objects; a comment says so for
// variables. Stale values are written with a comment.
func GoLiterals(w io.Writer, res redact.Result, o GoOptions) error {
	return scanned(w, res, "go", func(p *paper, r *report.Report) error { return writeGo(p, r, o) })
}

func writeGo(w io.Writer, r *report.Report, o GoOptions) error {
	g := crashedGoroutine(r)
	frames := crashFrames(r, g)
	if len(frames) == 0 || o.Frame < 0 || o.Frame >= len(frames)-crashSite(frames) {
		return ErrNoFrame
	}
	frames = frames[crashSite(frames)+o.Frame:]
	if !o.All {
		frames = frames[:1]
	}
	s := newScreen(r, TextOptions{})
	where := fmt.Sprintf("thread %d", r.Crash.Thread)
	if g >= 0 {
		where = fmt.Sprintf("goroutine %d", r.Goroutines[g].ID)
	}
	var out strings.Builder
	comment(&out, "Values of "+where+" when it died: "+deathText(&r.Crash))
	if r.Generator.Backend == report.BackendText {
		out.WriteString("\n")
		comment(&out, "There are none: the report was made of a crash text, which has stacks but no values. A core has them.")
		frames = nil
	}
	for i := range frames {
		f := &frames[i]
		if o.All && (f.Runtime || s.standard(f.Function)) {
			continue
		}
		if err := goFrame(&out, f, o.All); err != nil {
			return err
		}
	}
	return writeFormatted(w, out.String())
}

// goFrame writes the variables of one frame.
func goFrame(out *strings.Builder, f *report.Frame, block bool) error {
	g := newGoWriter(f.Package)
	sts := make([]statement, 0, len(f.Vars))
	for i := range f.Vars {
		sts = append(sts, g.variable(&f.Vars[i]))
	}
	g.sameObjects(f.Vars, sts)
	names, err := nameStatements(sts, g.imports)
	if err != nil {
		return err
	}
	out.WriteString("\n")
	if f.Package == "" {
		comment(out, "In "+f.Function+", "+place(f.File, f.Line)+", which is not a function of Go.")
		return nil
	}
	comment(out, "In "+f.Function+", "+place(f.File, f.Line)+". For a test of package "+f.Package+".")
	if list := names.importList(); list != "" {
		comment(out, "Imports: "+list)
	}
	if call := callText(f, sts); call != "" {
		comment(out, "Called as: "+call)
	}
	if block {
		out.WriteString("{\n")
	}
	var known []string
	for i := range sts {
		sts[i].write(out)
		if sts[i].lost == "" {
			known = append(known, sts[i].name)
		}
	}
	if len(known) > 0 {
		comment(out, "So that it compiles before they are used:")
		out.WriteString(strings.Repeat("_, ", len(known)-1) + "_ = " + strings.Join(known, ", ") + "\n")
	}
	if block {
		out.WriteString("}\n")
	}
	return nil
}

// callText is how the frame's function was called, where its name tells.
func callText(f *report.Frame, sts []statement) string {
	fn := strings.TrimPrefix(f.Function, f.Package+".")
	var args []string
	for i := range sts {
		if f.Vars[i].Role == report.RoleArg {
			args = append(args, sts[i].name)
		}
	}
	typ, method, isMethod := strings.Cut(strings.TrimPrefix(fn, "("), ").")
	if isMethod && strings.HasPrefix(fn, "(*") && identifier(strings.TrimPrefix(typ, "*")) && identifier(method) && len(args) > 0 {
		return args[0] + "." + method + "(" + strings.Join(args[1:], ", ") + ")"
	}
	if !identifier(fn) || fn == f.Function {
		return ""
	}
	return fn + "(" + strings.Join(args, ", ") + ")"
}

// writeFormatted writes statements as gofmt has them.
func writeFormatted(w io.Writer, source string) error {
	text, err := format.Source([]byte(source))
	if err != nil {
		return fmt.Errorf("export: the literals are no Go source: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write literals: %w", err)
	}
	return nil
}

// maxComment bounds one comment, in runes.
const maxComment = 200

// comment writes a line of comment; the text can be hostile.
func comment(out *strings.Builder, text string) {
	out.WriteString("// " + clip(plain(text), maxComment) + "\n")
}

// statement is a variable as Go source.
type statement struct {
	as    string // its name in the report
	name  string
	typ   string // of a var statement, "" for a short declaration
	text  string // "" where a var statement has no value: it is nil
	lost  string // why there is no statement
	notes []string
}

func (s *statement) write(out *strings.Builder) {
	for _, n := range s.notes {
		comment(out, n)
	}
	switch {
	case s.lost != "":
		comment(out, s.as+" "+s.lost)
	case s.typ == "":
		out.WriteString(s.name + " := " + s.text + "\n")
	case s.text == "":
		out.WriteString("var " + s.name + " " + s.typ + " // nil\n")
	default:
		out.WriteString("var " + s.name + " " + s.typ + " = " + s.text + "\n")
	}
}

// variable makes the statement of a variable, without its final name.
func (g *goWriter) variable(v *report.Variable) statement {
	st := statement{as: v.Name, name: goName(v.Name)}
	if strings.Contains(v.Name, "#") && v.DeclLine > 0 {
		st.notes = append(st.notes, fmt.Sprintf("%s, declared in line %d", v.Name, v.DeclLine))
	}
	x := &v.Value
	role := ""
	if v.Role == report.RoleResult {
		role = " (result)"
	}
	// Where a type is named, not in a conversion: see typed.
	named := x.Nil || x.Kind == report.KindInterface
	switch x.Kind {
	case report.KindStruct, report.KindArray, report.KindSlice, report.KindMap:
	default:
		named = named || !plainType(x.Type)
	}
	l := g.expr(x, !named, 0)
	if l.lost == "" && named {
		typ, err := g.names.typ(x.Type)
		if err != nil {
			l = g.lose("%v", err)
		}
		st.typ = typ
	}
	if l.lost != "" {
		st.lost = name(x.Type) + role + ": " + l.lost
		return st
	}
	st.notes = append(st.notes, l.notes...)
	if !x.Nil {
		st.text = l.full()
	}
	return st
}

// sameObjects notes pointers that lead to what an earlier variable leads to
// as well: as literals they become two objects.
func (g *goWriter) sameObjects(vars []report.Variable, sts []statement) {
	seen := map[objectKey]string{}
	for i := range vars {
		v := &vars[i].Value
		key := objectKey{v.Target, v.Type}
		if first := seen[key]; first != "" && v.Kind == report.KindPointer && v.Target != 0 && sts[i].lost == "" {
			sts[i].notes = append(sts[i].notes, "the same object as "+first)
		}
		remember(seen, v, vars[i].Name, 0)
	}
}

// objectKey is an object of the process: a struct and its first field share an
// address.
type objectKey struct {
	addr report.Addr
	typ  string
}

// remember notes where the pointers in a value lead. Entries of maps have no
// place that could be named without their keys.
func remember(seen map[objectKey]string, v *report.Value, path string, depth int) {
	if depth > maxValueDepth {
		return
	}
	if v.Kind == report.KindPointer && v.Target != 0 {
		if key := (objectKey{v.Target, v.Type}); seen[key] == "" {
			seen[key] = path
		}
	}
	for i := range v.Children {
		c := &v.Children[i]
		switch {
		case c.Key != nil:
		case c.Name != "":
			remember(seen, &c.Value, path+"."+c.Name, depth+1)
		case v.Kind == report.KindPointer || v.Kind == report.KindInterface:
			remember(seen, &c.Value, path, depth+1)
		default:
			remember(seen, &c.Value, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	}
}

// PrintedGo writes the value that was asked for as a Go statement, as
// [GoLiterals] does. The variable has the last name in the path.
func PrintedGo(w io.Writer, res redact.Result, o PrintedOptions) error {
	o.Path = asked(res.LastScan(), o.Path)
	return scanned(w, res, "go", func(p *paper, r *report.Report) error { return writePrintedGo(p, r, o) })
}

func writePrintedGo(w io.Writer, r *report.Report, o PrintedOptions) error {
	p, err := findPrinted(r, o.Depth)
	if err != nil {
		return err
	}
	pkg := "main"
	switch {
	case p.frame != nil:
		pkg = packageOf(p.frame.Function)
	case len(r.Globals) == 1:
		pkg = r.Globals[0].Package
	}
	v := report.Variable{Name: lastName(o.Path), Value: *p.value}
	g := newGoWriter(pkg)
	sts := []statement{g.variable(&v)}
	names, err := nameStatements(sts, g.imports)
	if err != nil {
		return err
	}
	var out strings.Builder
	comment(&out, o.Path+", for package "+pkg)
	if list := names.importList(); list != "" {
		comment(&out, "Imports: "+list)
	}
	sts[0].write(&out)
	return writeFormatted(w, out.String())
}

// lastName is the last name in a path.
func lastName(path string) string {
	name := "value"
	if p, err := report.ParsePath(path); err == nil {
		for _, s := range p.Steps {
			if s.Op == report.StepName {
				name = s.Name
			}
		}
	}
	return name
}
