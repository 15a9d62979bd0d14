package export

import (
	"fmt"
	"io"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// WaitsDot writes who waits for whom as a graph in the language of Graphviz:
// goroutines are ellipses, what they wait for are boxes. Solid arrows lead from
// who waits to what for: they are certain. Dashed and dotted ones lead from there
// to who may hold it, by strong and by weak evidence. Goroutines of deadlocks are red,
// those that nobody can wake dashed.
func WaitsDot(w io.Writer, res redact.Result) error {
	return scanned(w, res, "dot", func(p *paper, r *report.Report) error { return writeWaitsDot(p, r) })
}

func writeWaitsDot(w io.Writer, r *report.Report) error {
	var b strings.Builder
	b.WriteString("digraph waits {\n  rankdir=LR;\n  node [fontname=\"monospace\"];\n")
	waits := completedWaits(r.Waits)
	bad := map[uint64]bool{}  // goroutines of circles
	gone := map[uint64]bool{} // and those that nobody can wake
	for i := range waits.Findings {
		switch f := &waits.Findings[i]; {
		case f.Kind == report.FindDeadlock, f.Kind == report.FindSelf:
			for _, st := range f.Steps {
				bad[st.Goroutine] = true
			}
		case f.Grade == report.WaitProven:
			for _, id := range f.Goroutines {
				gone[id] = true
			}
		}
	}
	shown := map[uint64]bool{}
	goroutine := func(id uint64, function string) {
		if shown[id] {
			return
		}
		shown[id] = true
		color := ""
		switch {
		case bad[id]:
			color = ", color=red"
		case gone[id]:
			color = ", color=orange, style=dashed"
		}
		fmt.Fprintf(&b, "  g%d [label=%s%s];\n", id, dotString(fmt.Sprintf("goroutine %d\n%s", id, function)), color)
	}
	for i := range waits.Objects {
		o := &waits.Objects[i]
		fmt.Fprintf(&b, "  o%d [shape=box, label=%s];\n", o.ID, dotString(objectText(o)+"\n"+strings.Join(o.State, ", ")))
		for j := range o.Waiters {
			x := &o.Waiters[j]
			goroutine(x.Goroutine, x.Function)
			fmt.Fprintf(&b, "  g%d -> o%d [label=%s];\n", x.Goroutine, o.ID, dotString(x.Op))
		}
		for j := range o.Holders {
			h := &o.Holders[j]
			goroutine(h.Goroutine, h.Function)
			style := "dotted"
			if h.Grade == report.WaitStrong {
				style = "dashed"
			}
			fmt.Fprintf(&b, "  o%d -> g%d [style=%s, label=%s];\n", o.ID, h.Goroutine, style, dotString(h.Evidence))
		}
	}
	b.WriteString("}\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// dotString quotes a text for Graphviz. Nothing in it can end the string or be taken
// for an escape sequence.
func dotString(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name(lines[i]))
	}
	return `"` + strings.TrimSuffix(strings.Join(lines, `\n`), `\n`) + `"`
}
