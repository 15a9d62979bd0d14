package export

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/safedump/sdcore/report"
)

// maxPathSteps bounds what is looked at of a path, and maxKey what is shown of
// the key of a map, in runes.
const (
	maxPathSteps = 1 << 12
	maxKey       = 32
)

// pathText is a path as Go spells it, on one line of about limit runes:
//
//	main.server.sessions["u17"].buf
//	goroutine 18 main.worker: req.Body
//	main.head.next (x 9998).value
//
// Steps that follow each other again and again are counted. What is still too
// long loses its middle.
func pathText(p *report.HeapPath, limit int) string {
	head := rootText(&p.Root)
	pieces := folded(pathPieces(p.Steps))
	total := utf8.RuneCountInString(head)
	for i := range pieces {
		total += utf8.RuneCountInString(pieces[i].text)
	}
	if total <= limit {
		return head + joined(pieces)
	}
	return head + withoutMiddle(pieces, limit-utf8.RuneCountInString(head))
}

// rootText names the place that a path starts at.
func rootText(r *report.HeapRoot) string {
	text := ""
	if r.Goroutine != 0 {
		text = "goroutine " + strconv.FormatUint(r.Goroutine, 10)
	}
	if r.Function != "" {
		text = strings.TrimLeft(text+" "+shortFunc(r.Function), " ")
	}
	what := clip(plain(r.Name), 60)
	switch r.Kind {
	case "global":
		if r.Package != "" {
			what = shortFunc(r.Package + "." + r.Name)
		}
	case "local", "goroutine":
	case "":
		if what == "" && text == "" {
			return "(unknown root)"
		}
	default:
		what = strings.TrimRight("("+name(r.Kind)+") "+what, " ")
	}
	switch {
	case text == "":
		text = what
	case what != "":
		text += ": " + what
	}
	if r.Conservative {
		text = "maybe " + text
	}
	return text
}

// piece is one step or several as text; steps is how many it stands for.
type piece struct {
	text  string
	steps int64
}

func joined(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.text)
	}
	return b.String()
}

func pathPieces(steps []report.HeapStep) []piece {
	pieces := make([]piece, 0, min(len(steps), maxPathSteps))
	for i := range steps {
		if i == maxPathSteps {
			n := int64(len(steps) - i)
			return append(pieces, piece{omittedText(n), n})
		}
		s := &steps[i]
		n := max(s.Repeat, 1)
		if s.Kind == "omitted" {
			pieces = append(pieces, piece{omittedText(n), n})
			continue
		}
		if text := stepText(s); text != "" {
			pieces = append(pieces, piece{text, n})
		}
	}
	return pieces
}

func omittedText(n int64) string { return " … " + counted(int(n), "steps") + " … " }

func stepText(s *report.HeapStep) string {
	switch s.Kind {
	case "pointer": // selectors look through it
		return ""
	case "field":
		return "." + clip(plain(s.Name), 80)
	case "index":
		return "[" + strconv.FormatInt(s.Index, 10) + "]"
	case "key":
		return "[key " + keyText(s.Key) + "]"
	case "value":
		if text := keyText(s.Key); !strings.HasPrefix(text, "[") { // one that was removed has brackets
			return "[" + text + "]"
		}
		return keyText(s.Key)
	case "captured":
		return "{" + clip(plain(s.Name), 80) + "}"
	case "element":
		return "<-[" + strconv.FormatInt(s.Index, 10) + "]"
	case "dynamic":
		if s.Type == "" {
			return ".(…)"
		}
		return ".(" + shortType(s.Type) + ")"
	case "word":
		if s.Index < 0 {
			return "-0x" + strconv.FormatUint(-uint64(s.Index), 16)
		}
		return "+0x" + strconv.FormatInt(s.Index, 16)
	}
	return "." + name(s.Kind) + "?"
}

func keyText(k *report.Value) string {
	if k == nil || k.State == report.StateBudget && k.Text == "" {
		return "…"
	}
	text, _ := oneLine(k, maxKey, false)
	return clip(text, 2*maxKey)
}

// maxPeriod is how many steps may be repeated together: those of a list behind
// an interface take three.
const maxPeriod = 3

// folded counts what comes several times in a row.
func folded(pieces []piece) []piece {
	var out []piece
	for i := 0; i < len(pieces); {
		period, times := 1, repeats(pieces[i:], 1)
		for p := 2; p <= maxPeriod && times < 3; p++ {
			if n := repeats(pieces[i:], p); n >= 3 {
				period, times = p, n
			}
		}
		group := pieces[i : i+period]
		var steps int64
		for _, p := range pieces[i : i+period*times] {
			steps += p.steps
		}
		switch text := joined(group); {
		case steps <= 2*int64(period) || strings.HasPrefix(text, " … "):
			for _, p := range pieces[i : i+period*times] {
				out = append(out, spelled(p)...)
			}
		case period == 1:
			out = append(out, piece{fmt.Sprintf("%s (x %d)", text, steps), steps})
		default:
			out = append(out, piece{fmt.Sprintf(" (%s) (x %d)", text, steps/int64(period)), steps})
		}
		i += period * times
	}
	return out
}

// spelled writes a step that is repeated once as two.
func spelled(p piece) []piece {
	if p.steps == 2 && !strings.HasPrefix(p.text, " … ") {
		one := piece{p.text, 1}
		return []piece{one, one}
	}
	return []piece{p}
}

// repeats is how many times the first n pieces come in a row, 1 at least. Those
// that stand for several steps are only repeated alone.
func repeats(pieces []piece, n int) int {
	if len(pieces) < n {
		return 1
	}
	times := 1
	for i := n; i+n <= len(pieces); i += n {
		for k := range n {
			if pieces[i+k].text != pieces[k].text || n > 1 && (pieces[i+k].steps > 1 || pieces[k].steps > 1) {
				return times
			}
		}
		times++
	}
	return times
}

// withoutMiddle keeps the first and last pieces that fit, and counts the others.
func withoutMiddle(pieces []piece, room int) string {
	size := func(i int) int { return utf8.RuneCountInString(pieces[i].text) }
	room -= utf8.RuneCountInString(omittedText(100))
	from, to := 0, len(pieces)
	for from < to {
		// The end says more than the way to it: of what it holds the reader has asked.
		if room -= size(to - 1); room < 0 && to < len(pieces) {
			break
		}
		to--
		if from >= to {
			break
		}
		if room -= size(from); room < 0 {
			break
		}
		from++
	}
	var left int64
	for _, p := range pieces[from:to] {
		left += p.steps
	}
	if left == 0 {
		return joined(pieces)
	}
	return joined(pieces[:from]) + omittedText(left) + joined(pieces[to:])
}
