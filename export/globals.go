package export

import (
	"io"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// GlobalOptions are for the package variables of a report.
type GlobalOptions struct {
	TextOptions
	// Select chooses variables; nil means all of them.
	Select func(*report.Global) bool
}

func selectedGlobals(r *report.Report, choose func(*report.Global) bool) []report.Global {
	out := []report.Global{}
	for i := range r.Globals {
		if choose == nil || choose(&r.Globals[i]) {
			out = append(out, r.Globals[i])
		}
	}
	return out
}

// GlobalsText writes package variables, a heading for each package.
func GlobalsText(w io.Writer, res redact.Result, o GlobalOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error {
		s := newScreen(r, o.TextOptions)
		s.globals(selectedGlobals(r, o.Select))
		return s.flush(p)
	})
}

func (s *screen) globals(list []report.Global) {
	if len(list) == 0 {
		s.line(s.grey("no package variables"))
	}
	for start := 0; start < len(list); {
		end := start
		var vars []report.Variable
		for end < len(list) && list[end].Package == list[start].Package {
			vars = append(vars, report.Variable{Name: list[end].Name, Value: list[end].Value})
			end++
		}
		if start > 0 {
			s.line()
		}
		s.line(s.bold(name(list[start].Package)))
		s.vars(vars, len(vars))
		start = end
	}
}

// GlobalsJSON writes the same as a JSON array, in the shape of a saved report.
func GlobalsJSON(w io.Writer, res redact.Result, o GlobalOptions) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error {
		part := completed(&report.Report{Globals: selectedGlobals(r, o.Select)})
		return writeIndented(p, part.Globals)
	})
}

// ValueOptions name one value of a report.
type ValueOptions struct {
	TextOptions
	// Path is what to show, in the syntax of [report.ParsePath].
	Path string
	// Goroutine is where a function or variable is looked for; 0 means the
	// one that crashed, then the others.
	Goroutine uint64
}

// ValueText writes one value: its type, where it is, and all of its contents
// that the report has. Errors about the path match [report.ErrPath].
func ValueText(w io.Writer, res redact.Result, o ValueOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writeValue(p, r, o) })
}

func writeValue(p *paper, r *report.Report, o ValueOptions) error {
	f, err := r.Find(o.Path, o.Goroutine)
	if err != nil {
		return err
	}
	s := newScreen(r, o.TextOptions)
	path := name(asked(p.out.scan, f.Name))
	head := path + " "
	s.line(s.bold(path), " ", s.grey(name(f.Value.Type)), " = ", block(f.Value, "", len(head)+len(f.Value.Type)+3, s.wide, s.ink))
	if f.Frame != nil {
		s.line(s.grey("  in " + name(f.Frame.Function) + "  " + s.place(f.Frame.File, f.Frame.Line) + threadOf(f.Goroutine)))
	}
	if f.Value.Addr != 0 {
		s.line(s.grey("  at " + f.Value.Addr.String()))
	}
	return s.flush(p)
}

func threadOf(g *report.Goroutine) string {
	if g == nil {
		return ""
	}
	return "  " + docThread(g, g.Crashed).Name
}

// ValueJSON writes the value with its name and place as one JSON object.
func ValueJSON(w io.Writer, res redact.Result, o ValueOptions) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error {
		f, err := r.Find(o.Path, o.Goroutine)
		if err != nil {
			return err
		}
		return writeIndented(p, newPlaced(asked(p.out.scan, f.Name), f.Goroutine, f.Frame, f.Value))
	})
}

// placed is one value with its name and place, in the shape of a saved report.
type placed struct {
	Path      string       `json:"path"`
	Goroutine uint64       `json:"goroutine,omitempty"`
	Function  string       `json:"function,omitempty"`
	Value     report.Value `json:"value"`
}

// newPlaced describes a value; g and fr are nil for a package variable.
func newPlaced(path string, g *report.Goroutine, fr *report.Frame, v *report.Value) placed {
	p := placed{Path: path, Value: shallow(*v, 0)}
	if fr != nil {
		p.Goroutine, p.Function = g.ID, fr.Function
	}
	return p
}
