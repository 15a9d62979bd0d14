package export

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/safedump/sdcore/report"
)

// vars shows variables in columns: name, type, value.
func (s *screen) vars(vars []report.Variable, limit int) {
	var gone []string
	if s.o.Full {
		limit = len(vars)
	} else {
		vars, gone = withValues(vars)
	}
	nameCol, typeCol := 0, 0
	shared := shadowing(vars)
	for i := range vars[:min(len(vars), limit)] {
		nameCol = max(nameCol, min(utf8.RuneCountInString(name(vars[i].Name)), 16))
		typeCol = max(typeCol, min(utf8.RuneCountInString(name(vars[i].Value.Type)), 24))
	}
	for i := range vars {
		if i >= limit {
			s.line("      ", s.grey(fmt.Sprintf("… +%d variables", len(vars)-i)))
			break
		}
		v := &vars[i]
		label := pad(name(v.Name), nameCol)
		typ := pad(name(v.Value.Type), typeCol)
		column := 6 + utf8.RuneCountInString(label) + 2 + utf8.RuneCountInString(typ) + 2
		text := s.fold(&v.Value, column)
		s.line("      ", s.bold(label), "  ", s.grey(typ), "  ", text, s.grey(roleWord(v.Role)+declared(v, shared)))
	}
	if len(gone) > 0 {
		s.line("      ", s.grey("optimized out: "+clip(strings.Join(gone, ", "), max(s.wide-21, 24))))
	}
}

// withValues are the variables that have a value where the program is, and the names of
// those that the compiler keeps nowhere at that point.
func withValues(vars []report.Variable) (kept []report.Variable, gone []string) {
	for i := range vars {
		v := &vars[i]
		if v.Value.State == report.StateOptimizedOut && len(v.Value.Children) == 0 && v.Value.Text == "" {
			gone = append(gone, name(v.Name))
			continue
		}
		kept = append(kept, *v)
	}
	return kept, gone
}

// fold renders a value within the rest of the line, or whole where asked for.
func (s *screen) fold(v *report.Value, column int) string {
	if s.o.Full {
		return block(v, "      ", column, s.wide, s.ink)
	}
	room := max(s.wide-column, 32)
	if !s.site {
		text, _ := oneLine(v, room, s.ink)
		return text
	}
	text, _ := oneLine(v, 2*room-room/4, s.ink)
	return hang(text, room, column)
}

// hang breaks a value that is longer than a line between two of its parts; what follows
// is indented to the column of the value.
func hang(text string, room, column int) string {
	var b strings.Builder
	line, from, last := 0, 0, -1 // runes of the line; its start; where it may be broken
	quoted, inner := false, 0    // between quotes, in parentheses
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\x1b': // a colour of our own
			n += strings.IndexByte(text[i+1:], 'm') + 1
			line--
		case r == '\\' && quoted && i+1 < len(text):
			n++
			line++
		case r == '"':
			quoted = !quoted
		case r == '(' && !quoted:
			inner++
		case r == ')' && !quoted:
			inner--
		case r == ' ' && !quoted && inner <= 0 && i > 0 && text[i-1] == ',':
			last = i
		}
		if line++; line > room && last > from {
			b.WriteString(text[from:last] + "\n" + strings.Repeat(" ", column))
			from = last + 1
			line = shownColumns(text[from : i+n])
		}
		i += n
	}
	return b.String() + text[from:]
}

// shownColumns counts the runes of text that take a column.
func shownColumns(text string) int {
	n := 0
	for text != "" {
		before, after, ok := strings.Cut(text, "\x1b[")
		n += utf8.RuneCountInString(before)
		if !ok {
			break
		}
		_, text, _ = strings.Cut(after, "m")
	}
	return n
}

// shadowing returns the names that several variables share.
func shadowing(vars []report.Variable) map[string]bool {
	var shared map[string]bool
	for i := range vars {
		if plain, _, ok := strings.Cut(vars[i].Name, "#"); ok {
			if shared == nil {
				shared = map[string]bool{}
			}
			shared[plain] = true
		}
	}
	return shared
}

// declared tells variables of one name apart by where they are declared.
func declared(v *report.Variable, shared map[string]bool) string {
	plain, _, _ := strings.Cut(v.Name, "#")
	if !shared[plain] || v.DeclLine <= 0 {
		return ""
	}
	return fmt.Sprintf("  (line %d)", v.DeclLine)
}

// roleWord tells results and captured variables from arguments and locals.
func roleWord(r report.Role) string {
	switch r {
	case report.RoleResult:
		return "  (result)"
	case report.RoleCaptured:
		return "  (captured)"
	}
	return ""
}

// pad fills s with spaces to n columns.
func pad(s string, n int) string {
	if d := n - utf8.RuneCountInString(s); d > 0 {
		return s + strings.Repeat(" ", d)
	}
	return s
}
