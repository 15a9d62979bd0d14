package export

import (
	"strconv"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// partly reports whether a value in a state other than ok still has contents
// worth showing before its state.
func partly(v *report.Value) bool {
	switch v.State {
	case report.StateUnreadable, report.StateAbsent, report.StateBudget:
		return len(v.Children) > 0 || v.Text != ""
	}
	return false
}

// stateWord returns what stands in the place of a value that is not known, ""
// for one that is.
func stateWord(v *report.Value) string {
	switch v.State {
	case report.StateOK, report.StateTruncated, report.StateStale:
		return ""
	case report.StateOptimizedOut:
		return noted("optimized out", v.Note)
	case report.StateUnreadable:
		return noted("unreadable", v.Note)
	case report.StateAbsent:
		return noted("not in core", v.Note)
	case report.StateCycle:
		return "<cycle>"
	case report.StateBudget:
		return noted("limit reached", v.Note)
	case report.StateRedacted:
		return redact.PlaceholderOf(int(v.Secret))
	}
	return "<unknown state>"
}

func noted(word, note string) string {
	if note == "" {
		return "<" + word + ">"
	}
	return "<" + word + ": " + name(note) + ">"
}

// structure renders a struct, by its summary where it has one.
func (p *printer) structure(v *report.Value, typed bool, depth int) {
	if v.Text != "" {
		p.convert(v.Type, typed, func() { p.clipped(plain(v.Text)) })
		return
	}
	if typed {
		p.text(name(v.Type))
	}
	p.fields(v, depth)
}

// fields renders named children in braces.
func (p *printer) fields(v *report.Value, depth int) {
	p.text("{")
	if p.closed(v) {
		p.text("}")
		return
	}
	defer p.leave()
	first := true
	for i := range v.Children {
		c := &v.Children[i]
		if c.Name == "_" { // padding and marks, which no program can name
			continue
		}
		if p.full(int64(len(v.Children)-i), first) {
			break
		}
		if !first {
			p.text(", ")
		}
		first = false
		if c.Name != "" {
			p.text(name(c.Name) + ": ")
		}
		p.value(&c.Value, false, depth+1)
	}
	p.text("}")
}

// list renders elements, in braces behind their type where that is wanted, or
// the summary of all.
func (p *printer) list(v *report.Value, typed bool, depth int) {
	if v.Text != "" && v.Kind != report.KindBytes && v.Kind != report.KindChan { // net.IP
		p.convert(v.Type, typed, func() { p.clipped(plain(v.Text)) })
		return
	}
	opening, closing := "[", "]"
	if typed {
		opening, closing = name(v.Type)+"{", "}"
	}
	p.open(opening, !typed && len(v.Children) > 0 && bare(&v.Children[0].Value))
	if p.closed(v) {
		p.text(closing)
		return
	}
	defer p.leave()
	for i := range v.Children {
		if p.full(max(v.Len, int64(len(v.Children)))-int64(i), i == 0) {
			p.text(closing)
			return
		}
		if i > 0 {
			p.text(", ")
		}
		p.value(&v.Children[i].Value, false, depth+1)
	}
	if v.Kind != report.KindChan || v.State == report.StateTruncated {
		p.more(v.Len-int64(len(v.Children)), len(v.Children) == 0)
	}
	p.text(closing)
}

// mapping renders a map in the order that it has in the report.
func (p *printer) mapping(v *report.Value, typed bool, depth int) {
	opening, closing := "map[", "]"
	if typed {
		opening, closing = name(v.Type)+"{", "}"
	}
	p.open(opening, !typed && len(v.Children) > 0 && v.Children[0].Key != nil && bare(v.Children[0].Key))
	if p.closed(v) {
		p.text(closing)
		return
	}
	defer p.leave()
	for i := range v.Children {
		if p.full(max(v.Len, int64(len(v.Children)))-int64(i), i == 0) {
			p.text(closing)
			return
		}
		if i > 0 {
			p.text(", ")
		}
		c := &v.Children[i]
		if c.Key != nil {
			p.value(c.Key, false, depth+1)
			p.text(": ")
		}
		p.value(&c.Value, false, depth+1)
	}
	p.more(v.Len-int64(len(v.Children)), len(v.Children) == 0)
	p.text(closing)
}

// closed reports whether the parts of a composite are not shown because it
// lies too deep, and writes what stands for them. Where it returns false the
// caller has to call leave behind the parts.
func (p *printer) closed(v *report.Value) bool {
	if p.nest == 0 || p.opened < p.nest || len(v.Children) == 0 {
		p.opened++
		return false
	}
	p.folded = true
	word := "…"
	if v.Kind != report.KindStruct && v.Kind != report.KindFunc {
		word += strconv.FormatInt(max(v.Len, int64(len(v.Children))), 10)
	}
	p.grey(word)
	return true
}

func (p *printer) leave() { p.opened-- }

// full ends a list past the limit: n is how many elements are still to come.
func (p *printer) full(n int64, first bool) bool {
	if p.room() > 0 {
		return false
	}
	p.cut = true
	p.more(n, first)
	return true
}

// open writes an opening bracket.
func (p *printer) open(bracket string, bareword bool) {
	p.text(bracket)
	if p.markup && bareword {
		p.text(" ")
	}
}

// bare reports whether the rendering of v could start with a letter, which
// after a bracket makes a tag of console markup.
func bare(v *report.Value) bool {
	switch v.Kind {
	case report.KindString, report.KindInt, report.KindUint:
		return v.State != report.StateOK && v.State != report.StateTruncated
	}
	return true
}

// pointer renders what a pointer points to, or its address.
func (p *printer) pointer(v *report.Value, typed bool, depth int) {
	if len(v.Children) == 0 {
		p.text("(" + name(v.Type) + ")(" + addrOr(v) + ")")
		return
	}
	c := &v.Children[0].Value
	if word := stateWord(c); word != "" && !partly(c) && c.State != report.StateRedacted {
		p.text("(" + name(v.Type) + ")(" + addrOr(v) + ") ")
		p.grey(word)
		return
	}
	p.text("&")
	if composite(c) {
		p.value(c, typed, depth+1)
		return
	}
	p.convert(c.Type, typed, func() { p.value(c, false, depth+1) })
}

// composite reports whether the rendering of v has brackets around parts.
func composite(v *report.Value) bool {
	switch v.Kind {
	case report.KindStruct, report.KindArray, report.KindSlice, report.KindMap:
		return true
	}
	return false
}

// blockPrinter renders values over several lines where they do not fit on one.
// Every line but the first starts with indent.
type blockPrinter struct {
	width int
	ink   ink
	out   []byte
}

// block returns v over as many lines as it needs; column is where the first
// line starts.
func block(v *report.Value, indent string, column, width int, k ink) string {
	b := &blockPrinter{width: width, ink: k}
	b.value(v, indent, column, false, 0)
	return string(b.out)
}

func (b *blockPrinter) value(v *report.Value, indent string, column int, typed bool, depth int) {
	p := printer{limit: max(b.width-column, 24), ink: b.ink}
	p.value(v, typed, depth)
	if inner, prefix := split(v); p.cut || p.n > max(b.width-column, 24) {
		if inner != nil && depth < maxValueDepth && len(indent) < b.width/2 {
			b.lines(v, inner, prefix, indent, typed, depth)
			return
		}
		p = printer{ink: b.ink}
		p.value(v, typed, depth)
	}
	b.out = append(b.out, p.b.String()...)
}

// split returns the composite that v is or leads to, with the "&" of the
// pointers on the way; nil where v has nothing to be put on lines.
func split(v *report.Value) (inner *report.Value, prefix string) {
	for range maxValueDepth {
		if v.Nil || v.State != report.StateOK && v.State != report.StateTruncated && !partly(v) && v.State != report.StateStale {
			return nil, ""
		}
		switch {
		case composite(v) && len(v.Children) > 0 && v.Text == "",
			v.Kind == report.KindFunc && len(v.Children) > 0, v.Kind == report.KindChan && len(v.Children) > 0:
			return v, prefix
		case v.Kind == report.KindPointer && len(v.Children) > 0:
			prefix += "&"
		case v.Kind == report.KindInterface && len(v.Children) > 0:
		default:
			return nil, ""
		}
		v = &v.Children[0].Value
	}
	return nil, ""
}

// lines writes the children of inner on lines of their own.
func (b *blockPrinter) lines(v, inner *report.Value, prefix, indent string, typed bool, depth int) {
	opening, closing := "{", "}"
	switch inner.Kind {
	case report.KindArray, report.KindSlice, report.KindChan:
		opening, closing = "[", "]"
	case report.KindMap:
		opening, closing = "map[", "]"
	}
	switch {
	case inner.Kind == report.KindFunc:
		opening = name(inner.Text) + " {"
	case inner.Kind == report.KindChan:
		opening = chanHead(inner) + " ["
	case typed || v.Kind == report.KindInterface:
		opening, closing = name(inner.Type)+"{", "}"
	}
	b.out = append(b.out, prefix+opening+"\n"...)
	deeper := indent + "  "
	for i := range inner.Children {
		c := &inner.Children[i]
		if c.Name == "_" {
			continue
		}
		label := ""
		switch {
		case c.Key != nil:
			label, _ = oneLine(c.Key, b.width, false)
			label += ": "
		case c.Name != "":
			label = name(c.Name) + ": "
		}
		b.out = append(b.out, deeper+label...)
		b.value(&c.Value, deeper, len(deeper)+len(label), false, depth+1)
		b.out = append(b.out, ",\n"...)
	}
	if rest := inner.Len - int64(len(inner.Children)); rest > 0 && inner.State != report.StateOK {
		b.out = append(b.out, deeper+b.ink.grey("… +"+strconv.FormatInt(rest, 10)+" more")+"\n"...)
	}
	b.out = append(b.out, indent+closing...)
	if word := stateWord(inner); word != "" {
		b.out = append(b.out, " "+b.ink.grey(word)...)
	}
}
