package export

import (
	"fmt"
	"go/token"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// lineLiteral is how long the parts of a composite literal may be to stand on
// one line, in bytes.
const lineLiteral = 72

// shortPart is how long an element of a list may be to share a line.
const shortPart = 20

// parts collects what stands in the braces of a composite literal.
type parts struct {
	lines []string // "key: value", without the comma
	notes [][]string
	gone  []string // first reason of what is left out
	wide  bool     // it needs a line for each part
	size  int
	// rows allows several short parts on a line.
	rows bool
}

// add adds one part; key may be empty.
func (p *parts) add(key, text string, notes []string) {
	if key != "" {
		text = key + ": " + text
	}
	p.lines, p.notes = append(p.lines, text), append(p.notes, notes)
	p.size += len(text) + 2
	p.wide = p.wide || len(notes) > 0 || strings.Contains(text, "\n")
}

// leave adds a comment about a part that is left out.
func (p *parts) leave(what, why string) {
	p.note(what + ": " + why)
	p.gone = append(p.gone, why)
}

// note adds a comment in the place of a part.
func (p *parts) note(text string) {
	p.lines, p.notes = append(p.lines, ""), append(p.notes, []string{text})
	p.wide = true
}

// kept counts the parts that are written.
func (p *parts) kept() int {
	n := 0
	for _, l := range p.lines {
		if l != "" {
			n++
		}
	}
	return n
}

// braces returns the literal's braces with the parts between them.
func (p *parts) braces() string {
	if !p.wide && p.size <= lineLiteral {
		return "{" + strings.Join(p.lines, ", ") + "}"
	}
	var b strings.Builder
	b.WriteString("{\n")
	column := 0 // of the row that is not ended
	for i, l := range p.lines {
		if column > 0 && (column+len(l) > lineLiteral || len(p.notes[i]) > 0) {
			b.WriteString("\n")
			column = 0
		}
		for _, n := range p.notes[i] {
			comment(&b, n)
		}
		switch {
		case l == "":
		case p.rows && len(l) <= shortPart:
			b.WriteString(l + ", ")
			column += len(l) + 2
		case column > 0:
			b.WriteString("\n" + l + ",\n")
			column = 0
		default:
			b.WriteString(l + ",\n")
		}
	}
	if column > 0 {
		b.WriteString("\n")
	}
	b.WriteString("}")
	return b.String()
}

// composite makes a literal of a type and its parts. Where there should be
// parts and none could be rebuilt, neither can the whole.
func (g *goWriter) composite(v *report.Value, p *parts) literal {
	typ, err := g.names.typ(v.Type)
	if err != nil {
		return g.lose("%v", err)
	}
	if len(p.gone) > 0 && p.kept() == 0 {
		return g.lose("nothing of it can be rebuilt: %s", p.gone[0])
	}
	return literal{head: typ, text: p.braces()}
}

// structure writes a struct, as far as its fields can be set.
func (g *goWriter) structure(v *report.Value, depth int) literal {
	if v.Text != "" && len(v.Children) == 0 {
		return g.lose("only its summary is known: %s", clip(v.Text, 100))
	}
	var p parts
	if v.IsZero() {
		return g.composite(v, &p)
	}
	pkg := g.foreign(v.Type)
	for i := range v.Children {
		c := &v.Children[i]
		key, _, _ := strings.Cut(c.Name, "[") // an embedded generic type
		switch {
		case c.Name == "_" || idle(&c.Value):
			continue
		case !identifier(key):
			p.leave(name(c.Name), "its name can't be written")
			continue
		case pkg != "" && !token.IsExported(key):
			if !c.Value.IsZero() {
				p.leave(key, "package "+pkg+" keeps it to itself"+summaryNote(v))
			}
			continue
		}
		l := g.expr(&c.Value, false, depth+1)
		if l.lost != "" {
			p.leave(key, l.lost)
			continue
		}
		p.add(key, l.full(), l.notes)
	}
	g.partial(v, &p, "")
	return g.composite(v, &p)
}

// summaryNote tells the summary of a value whose parts are left out.
func summaryNote(v *report.Value) string {
	if v.Text == "" {
		return ""
	}
	return " (" + clip(v.Text, 80) + ")"
}

// foreign returns the package of a type that is not of the own package, "" for
// others: only its exported fields can be set.
func (g *goWriter) foreign(typ string) string {
	typ, _, _ = strings.Cut(typ, "[")
	dot := strings.LastIndexByte(typ, '.')
	if dot < 0 || strings.ContainsAny(typ, " {(") || typ[:dot] == g.names.own {
		return ""
	}
	return typ[:dot]
}

// partial notes that a composite is known in part only. What names the parts.
func (g *goWriter) partial(v *report.Value, p *parts, what string) {
	n := int64(len(v.Children))
	switch {
	case what != "" && v.Len > n:
		why := "cut by a limit"
		if v.Note != "" {
			why = v.Note
		}
		p.leave(fmt.Sprintf("%d of %d %s are left out", v.Len-n, v.Len, what), why)
	case v.State != report.StateOK && v.State != report.StateTruncated && v.State != report.StateStale:
		p.leave("not all of it is known", strings.Trim(stateWord(v), "<>"))
	case v.State == report.StateOK && v.Note != "":
		p.note(v.Note)
	}
}

// list writes an array or slice. Behind an element that is left out the others
// keep their places.
func (g *goWriter) list(v *report.Value, depth int) literal {
	p := parts{rows: true}
	if v.IsZero() && v.Kind == report.KindArray {
		return g.composite(v, &p)
	}
	gap := false
	for i := range v.Children {
		l := g.expr(&v.Children[i].Value, false, depth+1)
		if l.lost != "" {
			p.leave("["+strconv.Itoa(i)+"]", l.lost)
			gap = true
			continue
		}
		key := ""
		if gap {
			key, gap = strconv.Itoa(i), false
		}
		p.add(key, g.element(l, &v.Children[i].Value), l.notes)
	}
	g.partial(v, &p, "elements")
	return g.composite(v, &p)
}

// element leaves out the type of a composite literal in a list of such.
func (g *goWriter) element(l literal, v *report.Value) string {
	if v.Kind == report.KindPointer && !strings.HasPrefix(v.Type, "*") {
		return l.full()
	}
	if l.head == "" || strings.HasPrefix(l.head, "&") != (v.Kind == report.KindPointer) {
		return l.full()
	}
	return l.text
}

// mapping writes a map. An entry whose key is not known is left out.
func (g *goWriter) mapping(v *report.Value, depth int) literal {
	var p parts
	seen := map[string]bool{}
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key == nil {
			p.leave("an entry", "its key is not known")
			continue
		}
		k := g.expr(c.Key, false, depth+1)
		if k.lost != "" {
			p.leave("an entry", "its key can't be rebuilt: "+k.lost)
			continue
		}
		key := g.element(k, c.Key)
		if seen[key] {
			p.leave("an entry", "another one has the same key")
			continue
		}
		seen[key] = !strings.Contains(key, "NaN()") // which is equal to no other
		l := g.expr(&c.Value, false, depth+1)
		if l.lost != "" {
			p.leave(clip(plain(key), 60), l.lost)
			continue
		}
		p.add(key, g.element(l, &c.Value), append(k.notes, l.notes...))
	}
	g.partial(v, &p, "entries")
	return g.composite(v, &p)
}

// bytesLine is how many bytes of a list stand on one line.
const bytesLine = 16

// bytes writes bytes as text where they are text, as numbers otherwise.
func (g *goWriter) bytes(v *report.Value, bare bool, depth int) literal {
	if len(v.Children) > 0 {
		return g.list(v, depth)
	}
	s, ok := v.Contents()
	if !ok || int64(len(s)) < v.Len {
		return g.lose("its text is not whole")
	}
	typ, err := g.names.typ(v.Type)
	if err != nil {
		return g.lose("%v", err)
	}
	array := strings.HasPrefix(typ, "[") && !strings.HasPrefix(typ, "[]")
	if s != "" && !array && legible(s) {
		text := "[]byte(" + quoteGo(s) + ")"
		switch {
		case strings.HasPrefix(typ, "[]"):
			return literal{text: typ + "(" + quoteGo(s) + ")"}
		case standardScalar(v.Type):
			return g.typed(v.Type, quoteGo(s))
		case bare:
			return g.typed(v.Type, text)
		}
		return literal{text: text}
	}
	if array && v.IsZero() {
		return literal{head: typ, text: "{}"}
	}
	var b strings.Builder
	b.WriteString("{")
	for i := range len(s) {
		switch {
		case i > 0 && i%bytesLine == 0, i == 0 && len(s) > bytesLine:
			b.WriteString("\n")
		case i > 0:
			b.WriteString(" ")
		}
		b.WriteString(byteText(s[i], len(s)))
		if i < len(s)-1 || len(s) > bytesLine {
			b.WriteString(",")
		}
	}
	if len(s) > bytesLine {
		b.WriteString("\n")
	}
	return literal{head: typ, text: b.String() + "}"}
}
