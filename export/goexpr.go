package export

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// goWriter writes values as Go expressions in the source of one package.
type goWriter struct {
	names   typeNamer
	imports map[string]string // of names
}

func newGoWriter(own string) *goWriter {
	n := newTypeNamer(own)
	return &goWriter{names: n, imports: n.imports}
}

// literal is a value as Go source, or why there is none.
type literal struct {
	// head is the type of a composite literal, with the & of a pointer to one:
	// what can be left out inside a list of that type. text is the rest.
	head, text string
	lost       string   // why it can't be rebuilt; text is empty then
	notes      []string // to be said beside it
}

func (l literal) full() string { return l.head + l.text }

func (g *goWriter) lose(format string, args ...any) literal {
	return literal{lost: fmt.Sprintf(format, args...)}
}

// reason says why a value is not known; "" for one that is. A text that is not
// whole is not the value.
func reason(v *report.Value) string {
	switch v.State {
	case report.StateOK, report.StateStale:
		if v.State == report.StateOK && strings.Contains(v.Note, "partly redacted") {
			s, _ := v.Contents()
			return "partly redacted: " + clip(strconv.Quote(s), 100)
		}
		return ""
	case report.StateTruncated:
		if v.Kind == report.KindString || v.Kind == report.KindBytes && len(v.Children) == 0 {
			s, _ := v.Contents()
			return fmt.Sprintf("cut: the first %d of %d bytes are known, %s", len(s), v.Len, clip(strconv.Quote(s), 60))
		}
		return ""
	case report.StateCycle:
		return "it leads back to a value around it"
	case report.StateRedacted:
		if v.Secret != 0 {
			return "redacted, " + redact.PlaceholderOf(int(v.Secret))
		}
		return "redacted"
	}
	if len(v.Children) > 0 && (v.Kind == report.KindStruct || v.Kind == report.KindArray || v.Kind == report.KindSlice || v.Kind == report.KindMap) {
		return ""
	}
	return strings.Trim(stateWord(v), "<>")
}

// expr writes a value. Bare is true where nothing around it says its type, as
// in an interface.
func (g *goWriter) expr(v *report.Value, bare bool, depth int) literal {
	if depth > maxValueDepth {
		return g.lose("it is nested too deeply")
	}
	if why := reason(v); why != "" {
		return g.lose("%s", why)
	}
	l := g.known(v, bare, depth)
	if l.lost == "" && v.State == report.StateStale {
		l.notes = append([]string{noted("stale", v.Note)}, l.notes...)
	}
	return l
}

func (g *goWriter) known(v *report.Value, bare bool, depth int) literal {
	if v.Nil {
		return g.null(v, bare)
	}
	if l, ok := g.special(v, depth); ok {
		return l
	}
	switch v.Kind {
	case report.KindBool, report.KindInt, report.KindUint, report.KindFloat, report.KindComplex:
		return g.scalar(v, bare)
	case report.KindString:
		return g.str(v, bare)
	case report.KindBytes:
		return g.bytes(v, bare, depth)
	case report.KindStruct:
		return g.structure(v, depth)
	case report.KindArray, report.KindSlice:
		return g.list(v, depth)
	case report.KindMap:
		return g.mapping(v, depth)
	case report.KindPointer:
		return g.pointer(v, bare, depth)
	case report.KindInterface:
		if len(v.Children) == 0 {
			return g.lose("what it holds is not in the report")
		}
		l := g.expr(&v.Children[0].Value, true, depth+1)
		l.head, l.text = "", l.full()
		return l
	case report.KindFunc:
		return g.lose("%s can't be rebuilt", strings.TrimSpace("func "+name(v.Text)))
	case report.KindChan:
		return g.lose("a chan (len %d, cap %d) can't be rebuilt", v.Len, v.Cap)
	case report.KindUnsafePointer:
		return g.lose("an address can't be rebuilt")
	case report.KindText:
		return g.lose("only its rendering is known: %s", clip(v.Text, 100))
	}
	return g.lose("it is not known")
}

// null is a nil, with its type where that is not known.
func (g *goWriter) null(v *report.Value, bare bool) literal {
	if !bare || v.Kind == report.KindInterface {
		return literal{text: "nil"}
	}
	return g.typed(v.Type, "nil")
}

// typed gives an expression its type. A name of the binary's is never called
// like a function, because it could be that of one: what is pasted is run.
func (g *goWriter) typed(typ, expr string) literal {
	s, err := g.names.typ(typ)
	switch {
	case err != nil:
		return g.lose("%v", err)
	case strings.HasPrefix(s, "*"), strings.HasPrefix(s, "<-"), strings.HasPrefix(s, "func("), strings.HasPrefix(s, "chan "):
		return literal{text: "(" + s + ")(" + expr + ")"}
	case plainType(typ):
		return literal{text: s + "(" + expr + ")"}
	}
	return literal{text: "func() (v " + s + ") { v = " + expr + "; return }()"}
}

// standardScalar reports whether a type of the standard library is known to be
// one.
func standardScalar(typ string) bool {
	switch typ {
	case "time.Duration", "time.Month", "time.Weekday", "syscall.Errno", "syscall.Signal", "io/fs.FileMode", "encoding/json.Number", "encoding/json.RawMessage":
		return true
	}
	return false
}

// convert adds the conversion that a bare constant needs.
func (g *goWriter) convert(v *report.Value, bare bool, own, expr string) literal {
	if !bare || v.Type == own {
		return literal{text: expr}
	}
	return g.typed(v.Type, expr)
}

// scalar writes a number or truth value.
func (g *goWriter) scalar(v *report.Value, bare bool) literal {
	text, ok := v.Scalar()
	if !ok {
		return g.lose("its number is not in the report")
	}
	switch v.Kind {
	case report.KindBool:
		return g.convert(v, bare, "bool", text)
	case report.KindInt:
		n, _ := strconv.ParseInt(text, 10, 64)
		if v.Type == "time.Duration" {
			return g.duration(v, n, bare)
		}
		return g.convert(v, bare, "int", strconv.FormatInt(n, 10))
	case report.KindUint:
		n, _ := strconv.ParseUint(text, 10, 64)
		return g.convert(v, bare, "", strconv.FormatUint(n, 10))
	case report.KindFloat:
		x, _ := strconv.ParseFloat(text, 64)
		expr, constant := g.float(x)
		if !constant {
			return g.noConstant(v, "float64", expr)
		}
		return g.convert(v, bare, "float64", expr)
	}
	c, _ := strconv.ParseComplex(text, 128)
	re, constRe := g.float(real(c))
	im, constIm := g.float(imag(c))
	if constRe && constIm {
		return g.convert(v, bare, "complex128", strconv.FormatComplex(c, 'g', -1, 128))
	}
	return g.noConstant(v, "complex128", "complex("+re+", "+im+")")
}

// noConstant writes a number that needs a call and so has a type of its own.
func (g *goWriter) noConstant(v *report.Value, own, expr string) literal {
	if !predeclared(v.Type) {
		return g.lose("%s as %s has no literal", v.Text, name(v.Type))
	}
	return g.convert(v, true, own, expr)
}

// float writes a floating point number. NaN, infinities and the negative zero
// are no constants in Go.
func (g *goWriter) float(x float64) (expr string, constant bool) {
	text := strconv.FormatFloat(x, 'g', -1, 64)
	switch {
	case math.IsNaN(x):
		return g.names.pkg("math") + ".NaN()", false
	case math.IsInf(x, 1):
		return g.names.pkg("math") + ".Inf(1)", false
	case math.IsInf(x, -1):
		return g.names.pkg("math") + ".Inf(-1)", false
	case x == 0 && math.Signbit(x):
		return g.names.pkg("math") + ".Copysign(0, -1)", false
	case !strings.ContainsAny(text, ".e"):
		return text + ".0", true
	}
	return text, true
}

// duration writes a time.Duration in the largest unit that divides it.
func (g *goWriter) duration(v *report.Value, n int64, bare bool) literal {
	for _, u := range []struct {
		d    time.Duration
		name string
	}{{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"}, {time.Millisecond, "Millisecond"}, {time.Microsecond, "Microsecond"}} {
		switch k := n / int64(u.d); {
		case n == 0 || n%int64(u.d) != 0:
		case k == 1:
			return literal{text: g.names.pkg("time") + "." + u.name}
		default:
			return literal{text: strconv.FormatInt(k, 10) + " * " + g.names.pkg("time") + "." + u.name}
		}
	}
	return g.convert(v, bare, "", strconv.FormatInt(n, 10))
}

// str writes a string.
func (g *goWriter) str(v *report.Value, bare bool) literal {
	s, ok := v.Contents()
	if !ok || int64(len(s)) < v.Len {
		return g.lose("its text is not whole")
	}
	return g.convert(v, bare, "string", quoteGo(s))
}

// quoteGo quotes a string, in backquotes where it reads better that way.
func quoteGo(s string) string {
	if strings.ContainsAny(s, `"\`) && strconv.CanBackquote(s) && allPrintable(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// pointer writes a pointer to a composite literal, or a call that makes a
// variable: new(3) needs Go 1.26.
func (g *goWriter) pointer(v *report.Value, bare bool, depth int) literal {
	if len(v.Children) == 0 {
		return g.lose("%s", strings.TrimSuffix("what it points to is not in the report: "+v.Note, ": "))
	}
	c := &v.Children[0].Value
	plain := c.Kind != report.KindInterface && plainType(c.Type)
	inner := g.expr(c, plain, depth+1)
	if inner.lost != "" {
		return inner
	}
	l := literal{notes: inner.notes}
	if inner.head != "" && inner.head[0] != '&' {
		l.head, l.text = "&"+inner.head, inner.text
	} else {
		typ, err := g.names.typ(c.Type)
		switch {
		case err != nil:
			return g.lose("%v", err)
		case c.Nil:
			l.text = "new(" + typ + ")"
		case !plain:
			l.text = "func() *" + typ + " { var v " + typ + " = " + inner.full() + "; return &v }()"
		default:
			l.text = "func() *" + typ + " { v := " + inner.full() + "; return &v }()"
		}
	}
	if bare && !strings.HasPrefix(v.Type, "*") { // a pointer type with a name
		return g.typed(v.Type, l.full())
	}
	return l
}

// plainType reports whether a bare expression of the type says what it is
// without a call.
func plainType(typ string) bool {
	return predeclared(typ) || standardScalar(typ) || strings.HasPrefix(typ, "*") || strings.HasPrefix(typ, "[") || strings.HasPrefix(typ, "map[") ||
		strings.HasPrefix(typ, "struct ")
}
