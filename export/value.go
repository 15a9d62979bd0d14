package export

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// maxValueDepth bounds the recursion over values, whatever the report holds.
const maxValueDepth = report.MaxValueDepth + 8

// printer renders values as Go syntax on one line. Its limit is soft: past it
// every open bracket is closed and tells how much is missing.
type printer struct {
	b     strings.Builder
	n     int  // visible runes written
	limit int  // of n; 0 for none
	cut   bool // something was left out because of limit
	ink   ink
	// nest is how many composites are opened inside each other, 0 for all;
	// deeper ones are shown by their size only. open counts those that are.
	nest, opened int
	folded       bool // a composite was shown by its size only
	// markup keeps brackets from being read as console markup by Safedump's
	// viewer: a space after a structural one, an escape inside quotes.
	markup bool
}

// oneLine renders v within about limit runes. What does not fit whole is shown
// in breadth first: all fields of a struct say more than the inner parts of
// its first one. cut tells that something was left out.
func oneLine(v *report.Value, limit int, k ink) (text string, cut bool) {
	for _, nest := range []int{0, 4, 3, 2} {
		p := printer{limit: limit, ink: k, nest: nest}
		p.value(v, false, 0)
		if !p.cut && p.n <= limit {
			return p.b.String(), p.folded
		}
	}
	// What the last element is too long by is taken off, until it fits or next to
	// nothing is left.
	for room := limit; ; {
		p := printer{limit: room, ink: k, nest: 1}
		p.value(v, false, 0)
		if p.n <= limit || room <= limit/2 {
			return p.b.String(), p.cut || p.folded
		}
		room -= max(p.n-limit, limit/8)
	}
}

func (p *printer) text(s string) {
	p.b.WriteString(s)
	p.n += utf8.RuneCountInString(s)
}

func (p *printer) grey(s string) {
	p.b.WriteString(p.ink.grey(s))
	p.n += utf8.RuneCountInString(s)
}

// room returns how many runes are left, a large number without a limit.
func (p *printer) room() int {
	if p.limit <= 0 {
		return 1 << 30
	}
	return p.limit - p.n
}

// more tells what is missing at the end of a list.
func (p *printer) more(n int64, first bool) {
	if n <= 0 {
		return
	}
	if !first {
		p.text(", ")
	}
	p.grey("… +" + strconv.FormatInt(n, 10) + " more")
}

// value renders v. Typed adds the type where the surroundings don't tell it:
// inside of an interface.
func (p *printer) value(v *report.Value, typed bool, depth int) {
	if depth > maxValueDepth {
		p.grey("<nested too deeply>")
		p.cut = true
		return
	}
	if word := stateWord(v); word != "" && !partly(v) {
		p.grey(word)
		return
	}
	if v.Nil {
		p.null(v, typed)
		return
	}
	p.contents(v, typed, depth)
	switch {
	case v.State == report.StateStale:
		p.grey(" " + noted("stale", v.Note))
	case v.State == report.StateOK && v.Note != "" && isNumber(v.Kind):
		p.grey(" " + noted("shared", v.Note))
	case v.State != report.StateOK && v.State != report.StateTruncated:
		p.grey(" " + stateWord(v))
	}
	if v.Retained > 0 && !p.markup { // in a file it has a place of its own
		p.grey(" (retains " + sizeText(v.Retained) + ")")
	}
}

// isNumber reports whether a note on a value without a doubtful state says
// something about its truth: that of a number in a shared place does.
func isNumber(k report.Kind) bool {
	switch k {
	case report.KindInt, report.KindUint, report.KindFloat, report.KindComplex:
		return true
	}
	return false
}

// contents renders what is known of a value that is not nil.
func (p *printer) contents(v *report.Value, typed bool, depth int) {
	switch v.Kind {
	case report.KindString, report.KindBytes:
		if v.Kind == report.KindBytes && len(v.Children) > 0 {
			p.list(v, typed, depth)
			return
		}
		if v.Kind == report.KindBytes && binary(v) {
			p.dump(v, typed)
			return
		}
		p.convert(v.Type, typed && v.Type != "string", func() { p.quote(v) })
	case report.KindBool, report.KindInt, report.KindUint, report.KindFloat, report.KindComplex:
		p.convert(v.Type, typed && !ownLiteral(v.Type), func() { p.text(name(orUnknown(v.Text))) })
	case report.KindStruct:
		p.structure(v, typed, depth)
	case report.KindArray, report.KindSlice:
		p.list(v, typed, depth)
	case report.KindMap:
		p.mapping(v, typed, depth)
	case report.KindPointer:
		p.pointer(v, typed, depth)
	case report.KindInterface:
		if len(v.Children) == 0 {
			p.text(name(v.Type))
			p.grey(" <not shown>")
			return
		}
		p.value(&v.Children[0].Value, true, depth+1)
	case report.KindFunc:
		p.function(v, depth)
	case report.KindChan:
		p.channel(v, depth)
	case report.KindUnsafePointer:
		p.convert(v.Type, typed, func() { p.text(addrOr(v)) })
	case report.KindText:
		p.clipped(plain(v.Text))
		if v.State == report.StateTruncated {
			p.grey("…")
		}
	default:
		p.grey("<unknown>")
	}
}

// null renders a nil as Go has it: with its type inside an interface.
func (p *printer) null(v *report.Value, typed bool) {
	if !typed || v.Kind == report.KindInterface {
		p.text("nil")
		return
	}
	if strings.ContainsAny(v.Type, "*( ") {
		p.text("(" + name(v.Type) + ")(nil)")
		return
	}
	p.text(name(v.Type) + "(nil)")
}

// convert renders a value as a conversion to its type where that is wanted.
func (p *printer) convert(typ string, wanted bool, inner func()) {
	if !wanted {
		inner()
		return
	}
	if strings.ContainsAny(typ, "*( ") {
		typ = "(" + typ + ")"
	}
	p.text(name(typ) + "(")
	inner()
	p.text(")")
}

// ownLiteral reports whether a literal of its own already says the type.
func ownLiteral(typ string) bool {
	switch typ {
	case "bool", "int", "float64", "complex128", "string":
		return true
	}
	return false
}

// quote renders the contents of a string or byte slice.
func (p *printer) quote(v *report.Value) {
	s, ok := v.Contents()
	if !ok {
		p.grey("<unreadable text>")
		return
	}
	s = p.unnumbered(s)
	shown, whole := s, int64(len(s))
	if v.State == report.StateTruncated || partly(v) {
		whole = max(whole, v.Len)
	}
	if room := max(p.room(), 16); len(s) > room {
		shown = s[:room]
		for i := 0; i < utf8.UTFMax && len(shown) > 0 && !utf8.ValidString(shown[max(0, len(shown)-utf8.UTFMax):]) && utf8.ValidString(s); i++ {
			shown = shown[:len(shown)-1]
		}
		p.cut = true
	}
	q := strconv.Quote(shown)
	switch {
	case p.markup:
		q = strings.ReplaceAll(q, "[/", `[\x2f`)
	case v.Type == "encoding/json.RawMessage":
		q = quoteGo(shown)
	}
	p.text(q)
	if rest := whole - int64(len(shown)); rest > 0 {
		p.grey("… +" + strconv.FormatInt(rest, 10) + " bytes")
	}
}

// binary reports whether bytes are no text. What redact has cut holes into, and
// a character that was cut at the end, is text.
func binary(v *report.Value) bool {
	s, ok := v.Contents()
	if v.State == report.StateTruncated || int64(len(s)) < v.Len {
		for i := 1; i < utf8.UTFMax && i <= len(s); i++ {
			if utf8.RuneStart(s[len(s)-i]) && !utf8.FullRuneInString(s[len(s)-i:]) {
				s = s[:len(s)-i]
				break
			}
		}
	}
	return ok && !legible(s) && !strings.Contains(v.Note, "partly redacted")
}

// maxDump bounds the bytes that are shown as numbers. JSON has all of them.
const maxDump = 64

// dump renders bytes that are no text as numbers.
func (p *printer) dump(v *report.Value, typed bool) {
	s, _ := v.Contents()
	opening, closing := "[", "]"
	if typed {
		opening, closing = name(v.Type)+"{", "}"
	}
	whole := max(v.Len, int64(len(s)))
	p.text(opening)
	all := len(s)
	s = s[:min(all, maxDump)]
	for i := range len(s) {
		if p.full(whole-int64(i), i == 0) {
			p.text(closing)
			return
		}
		if i > 0 {
			p.text(", ")
		}
		p.text(byteText(s[i], all))
	}
	p.more(whole-int64(len(s)), len(s) == 0)
	p.text(closing)
}

// unnumbered takes the numbers of secrets out of what Safedump's viewer shows,
// before anything is cut.
func (p *printer) unnumbered(s string) string {
	if p.markup {
		return redact.Unnumbered(s)
	}
	return s
}

// clipped writes text as far as there is room.
func (p *printer) clipped(s string) {
	s = p.unnumbered(s)
	if room := max(p.room(), 16); utf8.RuneCountInString(s) > room {
		s = clip(s, room)
		p.cut = true
	}
	p.text(s)
}

// function renders a func by name with what a closure captured.
func (p *printer) function(v *report.Value, depth int) {
	if v.Text == "" {
		p.text(name(v.Type) + " " + addrOr(v))
	} else {
		p.text(name(v.Text))
	}
	if len(v.Children) > 0 {
		p.text(" ")
		p.fields(v, depth)
	}
}

// channel renders a chan: its type, fill and buffer.
func (p *printer) channel(v *report.Value, depth int) {
	p.text(chanHead(v))
	if len(v.Children) > 0 {
		p.text(" ")
		p.list(v, false, depth)
	}
}

// chanHead is a chan without its elements.
func chanHead(v *report.Value) string {
	state := ""
	if v.Text == "closed" {
		state = ", closed"
	}
	return name(v.Type) + " (len " + strconv.FormatInt(v.Len, 10) + ", cap " + strconv.FormatInt(v.Cap, 10) + state + ")"
}

// addrOr returns the address that v points to, or what stands for it.
func addrOr(v *report.Value) string {
	switch {
	case v.Target != 0:
		return v.Target.String()
	case v.Text != "":
		return name(v.Text)
	}
	return "…"
}

func orUnknown(s string) string {
	if s == "" {
		return "<unknown>"
	}
	return s
}
