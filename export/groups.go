package export

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/safedump/sdcore/report"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// goroutineTable shows the groups of goroutines with equal stacks; system adds
// those of the runtime, which are otherwise only counted.
func (s *screen) goroutineTable(system bool) {
	if len(s.r.Goroutines) == 0 && len(s.r.Groups) == 0 {
		return
	}
	groups := sortedGroups(s.r.Groups)
	limit := s.o.Groups
	if limit == 0 {
		limit = defaultGroups
	}
	total := 0
	for i := range s.r.Groups {
		total += s.r.Groups[i].Count
	}
	s.gap()
	s.line(s.bold(fmt.Sprintf("goroutines: %d in %s of equal stacks", max(total, len(s.r.Goroutines)), counted(len(groups), "groups"))))
	shown := groups
	if own := slices.IndexFunc(groups, func(g *report.Group) bool { return g.System }); own >= 0 && !system {
		shown = groups[:own]
	}
	if limit >= 0 && len(shown) > limit {
		shown = shown[:limit]
	}
	s.groupTable(shown)
	s.restOfGroups(groups[len(shown):])
}

// restOfGroups counts the groups that are not in the table.
func (s *screen) restOfGroups(rest []*report.Group) {
	groups, goroutines, system := 0, 0, 0
	for _, g := range rest {
		if g.System {
			system += g.Count
			continue
		}
		groups++
		goroutines += g.Count
	}
	if groups > 0 {
		s.line("  ", s.grey("… +"+counted(groups, "groups")+" with "+counted(goroutines, "goroutines")))
	}
	if system > 0 {
		s.line("  ", s.grey(fmt.Sprintf("… +%d of the runtime", system)))
	}
}

// sortedGroups puts the program's own before the runtime's, large before
// small.
func sortedGroups(groups []report.Group) []*report.Group {
	out := make([]*report.Group, len(groups))
	for i := range groups {
		out[i] = &groups[i]
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.System != b.System {
			return b.System
		}
		return a.Count > b.Count
	})
	return out
}

// groupTable writes one row per group.
func (s *screen) groupTable(groups []*report.Group) {
	rows := make([][]string, 0, len(groups))
	crashed := s.crashedGroup()
	for _, g := range groups {
		top := s.topFrame(g.Frames)
		state := name(stateText(g.Status, g.WaitReason))
		if g.System {
			state += " (system)"
		}
		if crashed != 0 && g.ID == crashed {
			state += ", " + s.fate()
		}
		created := ""
		if g.Creator != nil {
			created = shortFunc(g.Creator.Function)
		}
		rows = append(rows, []string{fmt.Sprint(g.Count), state, top, created, idList(g)})
	}
	header := []string{"count", "state", "at", "created by", "goroutines"}
	const at, by = 2, 3
	if over := tableWidth(header, rows) - s.wide; over > 0 { // the stacks below say who created them
		header = slices.Delete(header, by, by+1)
		for i := range rows {
			rows[i] = slices.Delete(rows[i], by, by+1)
		}
	}
	if over := tableWidth(header, rows) - s.wide; over > 0 {
		longest := 0
		for _, row := range rows {
			longest = max(longest, utf8.RuneCountInString(row[at]))
		}
		for _, row := range rows {
			row[at] = clipFront(row[at], max(longest-over, 24))
		}
	}
	s.table(header, rows)
}

// tableWidth is how many columns of the screen a table takes.
func tableWidth(header []string, rows [][]string) int {
	total := 0
	for i, title := range header {
		wide := utf8.RuneCountInString(title)
		for _, row := range rows {
			wide = max(wide, utf8.RuneCountInString(row[i]))
		}
		total += 2 + wide
	}
	return total
}

// clipFront shortens s to n runes from its beginning: what a place ends in tells it
// from others.
func clipFront(s string, n int) string {
	if over := utf8.RuneCountInString(s) - n; over > 0 {
		return "…" + string([]rune(s)[over+1:])
	}
	return s
}

// crashedGroup is the group of the goroutine that crashed, 0 for none. Where
// goroutines are not listed, their groups name them.
func (s *screen) crashedGroup() int {
	if i := crashedGoroutine(s.r); i >= 0 {
		return s.r.Goroutines[i].Group
	}
	if id := s.r.Crash.Goroutine; id != 0 {
		for i := range s.r.Groups {
			if slices.Contains(s.r.Groups[i].IDs, id) {
				return s.r.Groups[i].ID
			}
		}
	}
	return 0
}

// idList names the first goroutines of a group.
func idList(g *report.Group) string {
	var ids []string
	for i, id := range g.IDs {
		if i == 3 {
			break
		}
		ids = append(ids, fmt.Sprint(id))
	}
	text := strings.Join(ids, " ")
	if g.Count > len(ids) {
		text += " …"
	}
	return text
}

// topFrame is the innermost frame that is not of the standard library, where
// goroutines wait for the program's own reasons; else the innermost of all.
func (s *screen) topFrame(frames []report.FrameRef) string {
	for i := range frames {
		if !s.standard(frames[i].Function) {
			return refText(&frames[i])
		}
	}
	if len(frames) > 0 {
		return refText(&frames[0])
	}
	return ""
}

// standard reports whether a function is of the standard library: its import
// path is not main's, not of the main module, and starts without a domain.
func (s *screen) standard(fn string) bool {
	pkg := packageOf(fn)
	if pkg == "main" || pkg == "" {
		return false
	}
	if m := s.r.Identity.Main.Path; m != "" && (pkg == m || strings.HasPrefix(pkg, m+"/")) {
		return false
	}
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".")
}

// packageOf returns the import path in a function's name, "" where it has
// none, as C functions.
func packageOf(fn string) string {
	end := strings.IndexAny(fn, "([")
	if end < 0 {
		end = len(fn)
	}
	slash := strings.LastIndexByte(fn[:end], '/') + 1
	dot := strings.IndexByte(fn[slash:], '.')
	if dot < 0 {
		return ""
	}
	return fn[:slash+dot]
}

// refText is a frame as function and file:line without directories.
func refText(f *report.FrameRef) string {
	file := f.File
	if i := strings.LastIndexByte(file, '/'); i >= 0 {
		file = file[i+1:]
	}
	return shortFunc(f.Function) + " " + place(file, f.Line)
}

// shortFunc drops the directories of the import path.
func shortFunc(fn string) string {
	end := strings.IndexAny(fn, "([")
	if end < 0 {
		end = len(fn)
	}
	if i := strings.LastIndexByte(fn[:end], '/'); i >= 0 {
		fn = fn[i+1:]
	}
	return clip(plain(fn), 60)
}

// table writes rows in columns, without lines, indented by two spaces.
func (s *screen) table(header []string, rows [][]string) { s.columns(header, rows, 0) }

// columns is table with so many columns of numbers first, which are aligned to
// the right.
func (s *screen) columns(header []string, rows [][]string, numbers int) {
	var b strings.Builder
	if err := writeTable(&b, header, rows, numbers); err != nil {
		// A table that can't be laid out is still shown, cell by cell.
		for _, row := range rows {
			b.WriteString(strings.Join(row, "  ") + "\n")
		}
	}
	for i, l := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		l = strings.TrimRight(l, " ")
		if i == 0 {
			l = s.grey(l)
		}
		s.line("  ", l)
	}
}

// writeTable lays out a table by tablewriter. Cells are plain text already.
func writeTable(w io.Writer, header []string, rows [][]string, numbers int) error {
	align := make([]tw.Align, len(header))
	for i := range align {
		align[i] = tw.AlignLeft
		if i < numbers {
			align[i] = tw.AlignRight
		}
	}
	t := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Settings: tw.Settings{
				Lines:      tw.LinesNone,
				Separators: tw.Separators{ShowHeader: tw.Off, ShowFooter: tw.Off, BetweenRows: tw.Off, BetweenColumns: tw.Off},
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.Padding{Left: tw.Empty, Right: "  ", Overwrite: true}),
	)
	t.Header(header)
	for _, row := range rows {
		if err := t.Append(row); err != nil {
			return fmt.Errorf("table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return nil
}

// fate is the word for the goroutine that a report is about: in a process that
// was captured while it ran none has crashed.
func (s *screen) fate() string {
	if s.r.Crash.Kind == report.KindSnapshot {
		return "first thread's"
	}
	return "crashed"
}
