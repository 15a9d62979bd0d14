package report

import "fmt"

// Found is the value that a path leads to, and where it is.
type Found struct {
	// Name is the path as it was understood.
	Name  string
	Value *Value
	// Goroutine and Frame are set for a variable, Global for a global.
	Goroutine *Goroutine
	Frame     *Frame
	Global    *Global
}

// Find looks for the value of a path (see [ParsePath]) in the report. The path
// starts with a global's full name, with a function's full name followed by a
// variable, or with a variable. A function is looked for in the goroutine with
// the given ID; for ID 0 in the one that crashed, then in the others. A bare
// variable is looked for in the frames of that one goroutine, from the crash
// site outwards. Errors match ErrPath.
func (r *Report) Find(path string, goroutine uint64) (Found, error) {
	p, err := ParsePath(path)
	if err != nil {
		return Found{}, err
	}
	stacks := r.stacks(goroutine)
	if goroutine != 0 && len(stacks) == 0 {
		return Found{}, fmt.Errorf("%w: there is no goroutine %d in the report", ErrPath, goroutine)
	}
	functions, globals := map[string]bool{}, map[string]*Global{}
	for _, g := range stacks {
		for i := range g.Frames {
			functions[g.Frames[i].Function] = true
		}
	}
	for i := range r.Globals {
		globals[r.Globals[i].Package+"."+r.Globals[i].Name] = &r.Globals[i]
	}
	name, rest, ok := p.Resolve(func(s string) bool { return functions[s] || globals[s] != nil })
	switch {
	case ok && functions[name]:
		f, err := inFunction(stacks, name, rest)
		f.Name = p.String()
		return f, err
	case ok:
		v, err := globals[name].Value.At(rest)
		return Found{Name: p.String(), Value: v, Global: globals[name]}, err
	case len(stacks) == 0 || len(p.Steps) == 0:
		return Found{}, fmt.Errorf("%w: %s is not in the report", ErrPath, p)
	}
	return inFrames(stacks[0], p)
}

// stacks returns the goroutines in which a variable is looked for, the most
// likely first.
func (r *Report) stacks(id uint64) []*Goroutine {
	var first, others []*Goroutine
	for i := range r.Goroutines {
		g := &r.Goroutines[i]
		switch {
		case id != 0 && g.ID != id:
		case g.Crashed:
			first = append(first, g)
		default:
			others = append(others, g)
		}
	}
	return append(first, others...)
}

// inFunction looks for a variable in the innermost call of a function.
func inFunction(stacks []*Goroutine, function string, p Path) (Found, error) {
	var firstErr error
	for _, g := range stacks {
		for i := range g.Frames {
			if g.Frames[i].Function != function {
				continue
			}
			v, err := g.Frames[i].At(p)
			if err == nil {
				return Found{Value: v, Goroutine: g, Frame: &g.Frames[i]}, nil
			}
			if firstErr == nil {
				firstErr = err
			}
		}
	}
	return Found{}, firstErr
}

// inFrames looks for the innermost variable of a name, from the crash site on.
func inFrames(g *Goroutine, p Path) (Found, error) {
	first := 0
	for i := range g.Frames {
		if g.Frames[i].CrashSite {
			first = i
		}
	}
	name := p.Steps[0].Name
	for i := first; i < len(g.Frames); i++ {
		f := &g.Frames[i]
		for j := range f.Vars {
			if f.Vars[j].Name == name {
				v, err := f.At(p)
				return Found{Name: p.String(), Value: v, Goroutine: g, Frame: f}, err
			}
		}
	}
	return Found{}, fmt.Errorf("%w: no function, global or variable of goroutine %d starts %q", ErrPath, g.ID, p.String())
}
