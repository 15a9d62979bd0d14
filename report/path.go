package report

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a path's text and of its steps.
const (
	maxPathBytes = 4096
	maxPathSteps = 256
)

// StepOp is what one step of a [Path] does.
type StepOp int

// The operations of a path.
const (
	StepName  StepOp = iota + 1 // a variable, field or captured variable by name
	StepIndex                   // an element, or a map entry by its key
	StepDeref                   // what a pointer points to
	StepLen                     // the length
	StepCap                     // the capacity
	StepType                    // the name of the dynamic type
)

// Step is one operation on the value that the steps before it reached.
type Step struct {
	Op StepOp
	// Name is the name of a StepName.
	Name string
	// Key is the literal of a StepIndex: a number, true, false, nil, or the
	// contents of a string where KeyIsString.
	Key         string
	KeyIsString bool
}

// Path leads from a frame or a value to a part of it. The zero Path leads
// nowhere further: to the value itself.
type Path struct{ Steps []Step }

// ErrPath is matched by every error about a path: its syntax, or that it
// leads nowhere in a value.
var ErrPath = errors.New("path")

// ParsePath parses the syntax of `sdcore print`, which is Go's:
//
//	req.User.Tier   fields; pointers and interfaces on the way are followed
//	ids[3]          elements of arrays, slices, chan buffers and strings
//	m["key"] m[7]   entries of maps, by string, number, true, false or nil
//	*p  (*p).x      what a pointer points to
//	len(x)  cap(x)  length and capacity
//	x.(type)        the name of the dynamic type
//	main.handle.req a name may follow its function, and a function its package
//	main.(*Server).handle.req, example.com/pay/gate.cache["basic"]
//
// Paths are bounded to 4096 bytes and 256 steps.
func ParsePath(s string) (Path, error) {
	if len(s) > maxPathBytes {
		return Path{}, fmt.Errorf("%w: longer than %d bytes", ErrPath, maxPathBytes)
	}
	p := pathParser{rest: s, size: len(s)}
	if err := p.expression(0); err != nil {
		return Path{}, err
	}
	if p.rest != "" {
		return Path{}, p.errorf("unexpected text")
	}
	return Path{p.steps}, nil
}

// pathParser is a parser by recursive descent.
type pathParser struct {
	rest  string
	size  int
	steps []Step
}

func (p *pathParser) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrPath, p.size-len(p.rest), fmt.Sprintf(format, args...))
}

// accept consumes a token, after spaces.
func (p *pathParser) accept(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *pathParser) add(s Step) error {
	if len(p.steps) >= maxPathSteps {
		return p.errorf("more than %d steps", maxPathSteps)
	}
	p.steps = append(p.steps, s)
	return nil
}

// expression parses a prefix operator or an operand with what follows it.
func (p *pathParser) expression(depth int) error {
	if depth > maxPathSteps {
		return p.errorf("nested more than %d deep", maxPathSteps)
	}
	if p.accept("*") {
		if err := p.expression(depth + 1); err != nil {
			return err
		}
		return p.add(Step{Op: StepDeref})
	}
	for call, op := range map[string]StepOp{"len(": StepLen, "cap(": StepCap} {
		if !p.accept(call) {
			continue
		}
		if err := p.closed(depth); err != nil {
			return err
		}
		return p.add(Step{Op: op})
	}
	if p.accept("(") {
		if err := p.closed(depth); err != nil {
			return err
		}
		return p.postfix()
	}
	p.packagePath()
	if err := p.name(); err != nil {
		return err
	}
	return p.postfix()
}

// closed parses an expression and the parenthesis behind it.
func (p *pathParser) closed(depth int) error {
	if err := p.expression(depth + 1); err != nil {
		return err
	}
	if !p.accept(")") {
		return p.errorf("missing )")
	}
	return nil
}

// packagePath consumes the directories of an import path, up to the last
// slash: they hold dots that are no steps. They become part of the next name.
func (p *pathParser) packagePath() {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexAny(p.rest, "[]()\"`' ")
	if end < 0 {
		end = len(p.rest)
	}
	slash := strings.LastIndexByte(p.rest[:end], '/')
	if slash < 0 {
		return
	}
	p.steps = append(p.steps, Step{Op: StepName, Name: p.rest[:slash+1]})
	p.rest = p.rest[slash+1:]
}

// name parses a name and adds it, joined to the directories before it.
func (p *pathParser) name() error {
	p.rest = strings.TrimLeft(p.rest, " ")
	n := 0
	for i, r := range p.rest {
		if r == utf8.RuneError || !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_~#·", r) || i > 0 && r == '-') {
			break
		}
		n = i + utf8.RuneLen(r)
	}
	if n == 0 {
		return p.errorf("missing name")
	}
	name := p.rest[:n]
	p.rest = p.rest[n:]
	if rest, ok := strings.CutPrefix(p.rest, "[...]"); ok { // a generic function or method
		name, p.rest = name+"[...]", rest
	}
	if len(p.steps) == 1 && strings.HasSuffix(p.steps[0].Name, "/") {
		p.steps[0].Name += name
		return nil
	}
	return p.add(Step{Op: StepName, Name: name})
}

// postfix parses selectors and indexes.
func (p *pathParser) postfix() error {
	for {
		var err error
		switch {
		case p.accept(".(type)"):
			err = p.add(Step{Op: StepType})
		case p.accept(".(*"):
			err = p.receiver()
		case p.accept(".."): // compiler's names: "glob..func1"
			if err = p.name(); err == nil {
				p.steps[len(p.steps)-1].Name = "." + p.steps[len(p.steps)-1].Name
			}
		case p.accept("."):
			err = p.name()
		case p.accept("["):
			err = p.index()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// receiver parses the rest of "(*Server)" in a method's name.
func (p *pathParser) receiver() error {
	if err := p.name(); err != nil {
		return err
	}
	if !p.accept(")") {
		return p.errorf("missing )")
	}
	last := &p.steps[len(p.steps)-1]
	last.Name = "(*" + last.Name + ")"
	return nil
}

// index parses the key of an index and the bracket behind it.
func (p *pathParser) index() error {
	p.rest = strings.TrimLeft(p.rest, " ")
	step := Step{Op: StepIndex}
	if q, err := strconv.QuotedPrefix(p.rest); err == nil {
		key, err := strconv.Unquote(q)
		if err != nil {
			return p.errorf("invalid string")
		}
		step.Key, step.KeyIsString = key, true
		if q[0] == '\'' { // a rune is a number
			r, _ := utf8.DecodeRuneInString(key)
			step.Key, step.KeyIsString = strconv.Itoa(int(r)), false
		}
		p.rest = p.rest[len(q):]
	} else {
		end := strings.IndexByte(p.rest, ']')
		if end <= 0 {
			return p.errorf("missing key or ]")
		}
		step.Key = strings.TrimRight(p.rest[:end], " ")
		if strings.ContainsAny(step.Key, "[\"'`") || step.Key == "" {
			return p.errorf("invalid key")
		}
		p.rest = p.rest[end:]
	}
	if !p.accept("]") {
		return p.errorf("missing ]")
	}
	return p.add(step)
}

// String returns the path in the syntax that ParsePath reads.
func (p Path) String() string {
	text := ""
	for i, s := range p.Steps {
		switch s.Op {
		case StepName:
			if i > 0 && !strings.HasPrefix(s.Name, "..") {
				text += "."
			}
			text += s.Name
		case StepIndex:
			if s.KeyIsString {
				text += "[" + strconv.Quote(s.Key) + "]"
			} else {
				text += "[" + s.Key + "]"
			}
		case StepDeref:
			text = "(*" + text + ")"
		case StepLen:
			text = "len(" + text + ")"
		case StepCap:
			text = "cap(" + text + ")"
		case StepType:
			text += ".(type)"
		}
	}
	return text
}
