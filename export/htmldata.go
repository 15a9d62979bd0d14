package export

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// htmlData is what the script of a page shows on request: every goroutine and
// every group, as JSON. Texts stand in one table and are referred to by number,
// because equal stacks have equal names, and most of their values are equal, too.
//
//	s  the texts; 0 is the empty one
//	g  groups: [id, count, state, at, creator, ids, place of its first frame in
//	   f, number of frames, how many of them lie above the program's own]
//	f  frames of groups: function, place, function, place, ...
//	r  goroutines: [id, group, creator's goroutine, labels, place of its first
//	   frame in f and number of frames, both 0 where they are its group's, then
//	   for each variable frame, name, type, value]
//
// A goroutine for whose variables the page has no room has none.
type htmlData struct {
	names   paths
	texts   []string
	number  map[string]int
	stacks  map[int][]report.FrameRef // of groups, as far as they are in frames
	groups  bytes.Buffer
	frames  bytes.Buffer
	inF     int // numbers that frames holds
	rows    bytes.Buffer
	room    int  // bytes
	dropped bool // something found no room
}

func newHTMLData(names paths) *htmlData {
	return &htmlData{names: names, texts: []string{""}, number: map[string]int{"": 0}, stacks: map[int][]report.FrameRef{}, room: htmlDataSize}
}

// text returns the number of a text.
func (d *htmlData) text(s string) int {
	if n, ok := d.number[s]; ok {
		return n
	}
	n := len(d.texts)
	d.texts, d.number[s] = append(d.texts, s), n
	d.room -= len(s) + 3
	return n
}

// list writes numbers as an array, behind a comma where it is not the first.
func (d *htmlData) list(to *bytes.Buffer, numbers ...uint64) {
	if to.Len() > 0 {
		to.WriteByte(',')
	}
	to.WriteByte('[')
	d.numbers(to, numbers...)
	to.WriteByte(']')
}

func (d *htmlData) numbers(to *bytes.Buffer, numbers ...uint64) {
	before := to.Len()
	for i, n := range numbers {
		if i > 0 {
			to.WriteByte(',')
		}
		to.Write(strconv.AppendUint(to.AvailableBuffer(), n, 10))
	}
	d.room -= to.Len() - before
}

// frame adds a call to the table of calls.
func (d *htmlData) frame(function, file string, line int) {
	if d.frames.Len() > 0 {
		d.frames.WriteByte(',')
	}
	d.numbers(&d.frames, uint64(d.text(name(function))), uint64(d.text(place(d.names.short(file), line))))
	d.inF += 2
}

// group adds a group, the first frames of which are not the program's own.
func (d *htmlData) group(g *report.Group, x *htmlGroup, above int) {
	frames := g.Frames
	if d.room <= 0 {
		frames, d.dropped = nil, d.dropped || len(frames) > 0
	}
	first := d.inF
	for i := range frames {
		d.frame(frames[i].Function, frames[i].File, frames[i].Line)
	}
	d.stacks[g.ID] = frames
	d.list(&d.groups, uint64(max(g.ID, 0)), uint64(max(g.Count, 0)), uint64(d.text(x.State)), uint64(d.text(x.At)), uint64(d.text(x.Creator)),
		uint64(d.text(x.IDs)), uint64(first), uint64(len(frames)), uint64(min(above, len(frames))))
}

// goroutine adds a goroutine.
func (d *htmlData) goroutine(g *report.Goroutine) {
	numbers := []uint64{g.ID, uint64(max(g.Group, 0)), 0, 0, 0, 0}
	if g.Creator != nil {
		numbers[2] = g.Creator.Goroutine
	}
	switch {
	case d.room > 0:
		numbers[3] = uint64(d.text(labelsText(g.Labels)))
		numbers = d.vars(numbers, g.Frames)
	case len(g.Frames) > 0:
		d.dropped = true
	}
	if len(g.Frames) > 0 && d.room > 0 && !sameStack(g.Frames, d.stacks[g.Group]) {
		// Frames were left out of it, or it stands at other lines.
		numbers[4], numbers[5] = uint64(d.inF), uint64(len(g.Frames))
		for i := range g.Frames {
			d.frame(g.Frames[i].Function, g.Frames[i].File, g.Frames[i].Line)
		}
	}
	d.list(&d.rows, numbers...)
}

// vars appends the variables of a stack, each on one line.
func (d *htmlData) vars(to []uint64, frames []report.Frame) []uint64 {
	for i := range frames {
		for j := range frames[i].Vars {
			v := &frames[i].Vars[j]
			text, _ := oneLine(&v.Value, htmlValue, false)
			to = append(to, uint64(i), uint64(d.text(name(v.Name))), uint64(d.text(name(v.Value.Type))), uint64(d.text(text)))
		}
	}
	return to
}

// sameStack reports whether the calls are those of a group, one by one.
func sameStack(frames []report.Frame, group []report.FrameRef) bool {
	if len(frames) != len(group) {
		return false
	}
	for i := range frames {
		if frames[i].Function != group[i].Function || frames[i].File != group[i].File || frames[i].Line != group[i].Line {
			return false
		}
	}
	return true
}

// json is the whole.
func (d *htmlData) json() ([]byte, error) {
	texts, err := json.Marshal(d.texts) // it escapes what would end a script
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{
		[]byte(`{"s":`), texts, []byte(`,"g":[`), d.groups.Bytes(), []byte(`],"f":[`), d.frames.Bytes(), []byte(`],"r":[`), d.rows.Bytes(), []byte(`]}`)}, nil), nil
}

// labelsText are labels as `goroutines` shows them.
func labelsText(labels []report.Label) string {
	parts := make([]string, 0, len(labels))
	for _, l := range labels {
		parts = append(parts, name(l.Key)+"="+name(l.Value))
	}
	return strings.Join(parts, "  ")
}
