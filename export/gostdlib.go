package export

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/report"
)

// special writes types of the standard library whose fields can't be set by
// what makes them; ok is false for all others.
func (g *goWriter) special(v *report.Value, depth int) (l literal, ok bool) {
	switch v.Type {
	case "time.Time":
		return g.time(v), true
	case "math/big.Int":
		if l = g.bigInt(v); l.lost == "" {
			l.text = "*" + l.text
		}
		return l, true
	case "*math/big.Int":
		if len(v.Children) == 1 && reason(&v.Children[0].Value) == "" {
			return g.bigInt(&v.Children[0].Value), true
		}
	case "net/netip.Addr", "net/netip.AddrPort", "net/netip.Prefix":
		return g.addr(v), true
	case "net.IP":
		return g.ip(v)
	case "*errors.errorString", "*fmt.wrapError", "*errors.joinError":
		if len(v.Children) == 1 && reason(&v.Children[0].Value) == "" {
			return g.err(v, depth), true
		}
	case "context.backgroundCtx":
		return literal{text: g.names.pkg("context") + ".Background()"}, true
	case "context.todoCtx":
		return literal{text: g.names.pkg("context") + ".TODO()"}, true
	}
	switch {
	case !lock(v.Type) || v.Kind != report.KindStruct:
		return l, false
	case idle(v):
		return g.composite(v, &parts{}), true
	case v.Text == "":
		return g.lose("it is in use, which a literal can't be"), true
	}
	return g.lose("%s, which a literal can't be", v.Text), true
}

// lock reports whether a type must not be copied: its values are made by using
// them.
func lock(typ string) bool {
	return strings.HasPrefix(typ, "sync.") || strings.HasPrefix(typ, "sync/atomic.") || strings.HasPrefix(typ, "internal/sync.")
}

// idle reports whether v is a lock or counter that nobody has used: the zero
// value, which needs no literal.
func idle(v *report.Value) bool {
	if v.Kind != report.KindStruct || !lock(v.Type) || v.State != report.StateOK {
		return false
	}
	if len(v.Children) > 0 {
		return v.IsZero()
	}
	switch v.Text {
	case "unlocked", "not done", "counter 0", "0":
		return true
	}
	return v.Text == "false"
}

// time writes a time.Time in UTC: its location and its monotonic clock reading
// are not kept.
func (g *goWriter) time(v *report.Value) literal {
	t, err := time.Parse(time.RFC3339Nano, v.Text)
	if err != nil {
		return g.lose("its time is not known")
	}
	pkg := g.names.pkg("time")
	if t = t.UTC(); t.IsZero() {
		return literal{head: pkg + ".Time", text: "{}"}
	}
	return literal{text: fmt.Sprintf("%s.Date(%d, %s.%s, %d, %d, %d, %d, %d, %s.UTC)", pkg, t.Year(), pkg, t.Month(), t.Day(),
		t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), pkg)}
}

// maxBigText bounds the digits of a number that is parsed.
const maxBigText = 1 << 12

// bigInt writes a pointer to a new big.Int.
func (g *goWriter) bigInt(v *report.Value) literal {
	if v.Kind != report.KindStruct || len(v.Text) > maxBigText || strings.HasPrefix(v.Text, "+") {
		return g.lose("its number is not known")
	}
	n, ok := new(big.Int).SetString(v.Text, 10)
	if !ok {
		return g.lose("its number is not known")
	}
	pkg := g.names.pkg("math/big")
	if n.IsInt64() {
		return literal{text: pkg + ".NewInt(" + n.String() + ")"}
	}
	return literal{text: "func() *" + pkg + ".Int { v, _ := new(" + pkg + `.Int).SetString("` + n.String() + `", 10); return v }()`}
}

// addr writes a netip.Addr, AddrPort or Prefix.
func (g *goWriter) addr(v *report.Value) literal {
	pkg, typ := g.names.pkg("net/netip"), strings.TrimPrefix(v.Type, "net/netip.")
	if v.IsZero() || typ == "Addr" && v.Text == "invalid IP" {
		return literal{head: pkg + "." + typ, text: "{}"}
	}
	var err error
	switch typ {
	case "Addr":
		_, err = netip.ParseAddr(v.Text)
	case "AddrPort":
		_, err = netip.ParseAddrPort(v.Text)
	default:
		_, err = netip.ParsePrefix(v.Text)
	}
	if err != nil {
		return g.lose("its address is not known")
	}
	return literal{text: pkg + ".MustParse" + typ + "(" + strconv.Quote(v.Text) + ")"}
}

// ip writes a net.IP of 4 or 16 bytes that its text makes again.
func (g *goWriter) ip(v *report.Value) (literal, bool) {
	a, err := netip.ParseAddr(v.Text)
	if err != nil || v.State != report.StateOK || a.Zone() != "" {
		return literal{}, false
	}
	text := g.names.pkg("net") + ".ParseIP(" + strconv.Quote(v.Text) + ")"
	switch {
	case v.Len == 16:
		return literal{text: text}, true
	case v.Len == 4 && a.Is4():
		return literal{text: text + ".To4()"}, true
	}
	return literal{}, false
}

// err writes the errors that errors and fmt make. A wrapped error is rebuilt
// only where its message is the end of the text around it.
func (g *goWriter) err(v *report.Value, depth int) literal {
	s := &v.Children[0].Value
	unknown := "what the error says is not known"
	part := func(name string) *report.Value {
		for i := range s.Children {
			if c := &s.Children[i]; c.Name == name {
				if why := reason(&c.Value); why != "" {
					unknown = "its " + name + ": " + why
					return nil
				}
				return &c.Value
			}
		}
		return nil
	}
	switch v.Type {
	case "*errors.errorString":
		if text, ok := contents(part("s")); ok {
			return literal{text: g.names.pkg("errors") + ".New(" + quoteGo(text) + ")"}
		}
	case "*fmt.wrapError":
		text, ok := contents(part("msg"))
		inner := part("err")
		if !ok || inner == nil {
			break
		}
		l := g.expr(inner, true, depth+1)
		wrapped, known := errorText(inner)
		if start, found := strings.CutSuffix(text, wrapped); found && known && l.lost == "" {
			return literal{text: g.names.pkg("fmt") + ".Errorf(" + quoteGo(strings.ReplaceAll(start, "%", "%%")+"%w") + ", " + l.full() + ")", notes: l.notes}
		}
		return g.lose("the error %s wraps one that can't be rebuilt", clip(strconv.Quote(text), 100))
	case "*errors.joinError":
		if errs := part("errs"); errs != nil {
			return g.joined(errs, depth)
		}
	}
	return g.lose("%s", unknown)
}

// joined writes errors.Join.
func (g *goWriter) joined(errs *report.Value, depth int) literal {
	if int64(len(errs.Children)) != errs.Len || errs.Len == 0 {
		return g.lose("not all errors in it are known")
	}
	var list, notes []string
	for i := range errs.Children {
		l := g.expr(&errs.Children[i].Value, true, depth+1)
		if l.lost != "" {
			return g.lose("an error in it can't be rebuilt: %s", l.lost)
		}
		list, notes = append(list, l.full()), append(notes, l.notes...)
	}
	return literal{text: g.names.pkg("errors") + ".Join(" + strings.Join(list, ", ") + ")", notes: notes}
}

// contents is the whole text of a string.
func contents(v *report.Value) (string, bool) {
	if v == nil || v.Kind != report.KindString {
		return "", false
	}
	s, ok := v.Contents()
	return s, ok && int64(len(s)) >= v.Len
}

// errorText is the message of an error that errors or fmt made.
func errorText(v *report.Value) (string, bool) {
	for range maxValueDepth {
		if reason(v) != "" {
			return "", false
		}
		switch v.Kind {
		case report.KindInterface, report.KindPointer:
			if len(v.Children) != 1 {
				return "", false
			}
			v = &v.Children[0].Value
			continue
		case report.KindStruct:
			field := map[string]string{"errors.errorString": "s", "fmt.wrapError": "msg"}[v.Type]
			for i := range v.Children {
				if c := &v.Children[i]; field != "" && c.Name == field && reason(&c.Value) == "" {
					return contents(&c.Value)
				}
			}
		}
		break
	}
	return "", false
}
