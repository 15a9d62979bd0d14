package crashtext

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNoTraceback is wrapped when a text has neither a line about a crash nor a
// stack of Go's.
var ErrNoTraceback = errors.New("no traceback of a Go program")

// bounds limit what is kept of a text.
type bounds struct {
	bytes      int64 // read
	line       int   // of one line
	crash      int   // lines about a crash
	goroutines int
	frames     int // of one goroutine; Go itself prints 100
	kept       int // frames of all different stacks together
	names      int // bytes of all different functions and files together
}

func defaultBounds() bounds {
	return bounds{bytes: 4 << 30, line: 64 << 10, crash: 1000, goroutines: 1 << 20, frames: 10000, kept: 1 << 20, names: 64 << 20}
}

// Read reads a traceback out of a text. Of several crashes it takes the last
// one with a stack.
func Read(r io.Reader) (*Text, error) { return read(r, defaultBounds()) }

func read(r io.Reader, lim bounds) (*Text, error) {
	p := newParser(lim)
	limited := &io.LimitedReader{R: r, N: lim.bytes}
	in := bufio.NewReaderSize(limited, lim.line)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case err == nil:
			p.line(text(line[:len(line)-1]))
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			p.line(text(line))
			if err = skipLine(in); err == nil {
				continue
			}
			line = nil
		}
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
		p.end(text(line))
		if limited.N <= 0 {
			p.t.drop("everything behind the first %d bytes", lim.bytes)
		}
		return p.result()
	}
}

// text makes a line a string that every format can hold.
func text(line []byte) string {
	return strings.TrimSuffix(strings.ToValidUTF8(string(line), "\ufffd"), "\r")
}

// skipLine reads to the end of a line that is too long.
func skipLine(in *bufio.Reader) error {
	for {
		_, err := in.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// parser is the state between two lines.
type parser struct {
	lim  bounds
	t    *Text
	last *Text // the crash before t
	seen map[uint64]int
	names
	stacks map[string]int // number of a stack by the key of its frames
	frames [][]Frame      // by number
	kept   int

	cur      *Goroutine // whose stack is being read
	system   bool       // it is that of "runtime stack:"
	fn       string     // function that waits for its place
	fnGo     bool       // and is one of Go's
	inlined  bool
	created  bool // the next place belongs to "created by"
	ancestor bool // what follows is the stack of the goroutine that created this one
	inCrash  bool
	ruled    bool // a line of dashes: the dump of a thread's own stack follows
	thread   bool // it has begun
}

func newParser(lim bounds) *parser {
	p := &parser{lim: lim}
	p.reset()
	return p
}

func (p *parser) reset() {
	p.t = &Text{}
	p.seen = map[uint64]int{}
	p.names = names{id: map[string]int{}}
	p.stacks, p.frames, p.kept = map[string]int{}, nil, 0
	p.inCrash, p.thread, p.ruled = false, false, false
}

func (t *Text) drop(format string, args ...any) {
	if t.Dropped == "" {
		t.Dropped = fmt.Sprintf(format, args...)
	}
}

func (t *Text) hasStack() bool { return len(t.Goroutines) > 0 || len(t.System) > 0 }

func (p *parser) line(s string) {
	if g, ok := header(s); ok {
		p.flush()
		g.Thread, g.Status = p.thread, p.intern(g.Status)
		p.cur = &g
		return
	}
	if s == "runtime stack:" {
		p.flush()
		p.cur, p.system = &Goroutine{}, true
		return
	}
	if s == "-----" {
		p.flush()
		p.ruled = true
		return
	}
	begins := beginsCrash(s)
	if p.cur != nil && !begins {
		p.stackLine(s)
		return
	}
	p.flush()
	switch {
	case s == "":
		p.inCrash = false
	case p.inCrash:
		p.crashLine(s)
	case begins && p.ruled:
		p.ruled, p.thread = false, true
	case begins:
		if p.t.hasStack() {
			p.next()
		}
		p.inCrash = true
		p.t.Crash = nil // of one that had no stack
		p.crashLine(s)
	}
}

func (p *parser) crashLine(s string) {
	if len(p.t.Crash) >= p.lim.crash {
		p.t.drop("lines about the crash behind the first %d", p.lim.crash)
		return
	}
	p.t.Crash = append(p.t.Crash, s)
}

// next puts a crash aside for one that begins.
func (p *parser) next() {
	earlier := p.t.Earlier
	if len(p.t.Crash) > 0 {
		earlier++
	}
	p.last = p.t
	p.reset()
	p.t.Earlier = earlier
}

// end takes what is behind the last newline.
func (p *parser) end(s string) {
	within := p.cur != nil || p.inCrash
	if s != "" {
		p.line(s)
	}
	p.t.Cut = within && s != "" || p.cur != nil && p.fnGo && p.fn != "" || p.created
	p.flush()
}

// result chooses the crash that is told.
func (p *parser) result() (*Text, error) {
	t := p.t
	if p.last != nil && !t.hasStack() && (len(t.Crash) == 0 || len(p.last.Crash) > 0) {
		p.last.Cut, p.last.Dropped = p.last.Cut || t.Cut, t.Dropped
		t = p.last
	}
	if !t.hasStack() && len(t.Crash) == 0 {
		return nil, ErrNoTraceback
	}
	return t, nil
}

// stackLine reads a line of a goroutine's stack.
func (p *parser) stackLine(s string) {
	if s == "" {
		p.flush()
		return
	}
	if s[0] == '\t' {
		p.belowLine(s)
		return
	}
	if name, inlined, ok := call(s); ok {
		p.wait(name, true)
		p.inlined = inlined
		return
	}
	if function, by, ok := createdRow(s); ok {
		p.unused()
		if !p.ancestor {
			p.cur.CreatedBy, p.cur.Creator = p.intern(function), by
		}
		p.created = true
		return
	}
	if n, ok := elidedRow(s); ok {
		p.unused()
		if !p.ancestor {
			p.cur.Elided, p.cur.ElidedAt = n, len(p.cur.Frames)
		}
		return
	}
	if strings.HasPrefix(s, "[originating from goroutine ") {
		p.unused()
		p.ancestor = true
		return
	}
	if text, ok := strings.CutPrefix(s, nonGo+" at pc="); ok {
		if pc, ok := hex(text); ok {
			p.unused()
			p.add(Frame{Func: nonGo, C: true, PC: pc})
			return
		}
	}
	p.wait(s, false) // perhaps a function of C
}

const nonGo = "non-Go function"

// belowLine reads a line that begins with a tab: the place of a function.
func (p *parser) belowLine(s string) {
	switch where, ok := placeRow(s); {
	case !ok:
		if why := s[1:]; why == "goroutine running on other thread; stack unavailable" || why == "goroutine in C code; stack unavailable" {
			p.cur.Unavailable = why
			return
		}
		p.t.Strange++
	case p.created:
		p.created = false
		if !p.ancestor {
			p.cur.CreatedFile, p.cur.CreatedLine = p.intern(where.file), where.line
		}
	case p.fn == "" || p.fnGo == where.c:
		p.t.Strange++
		p.unused()
	default:
		fr := Frame{Func: p.intern(p.fn), File: p.intern(where.file), Line: where.line, PC: where.pc, C: where.c}
		fr.Inlined = p.fnGo && p.inlined && where.noOffset
		p.fn = ""
		p.add(fr)
	}
}

// wait remembers a function until its place comes.
func (p *parser) wait(fn string, isGo bool) {
	p.unused()
	p.created = false
	p.fn, p.fnGo, p.inlined = fn, isGo, false
}

// unused counts a function line that was none.
func (p *parser) unused() {
	if p.fn != "" {
		p.t.Strange++
	}
	p.fn = ""
}

func (p *parser) add(fr Frame) {
	if p.ancestor {
		return
	}
	if len(p.cur.Frames) >= p.lim.frames {
		p.t.drop("frames of a goroutine behind the first %d", p.lim.frames)
		return
	}
	p.cur.Frames = append(p.cur.Frames, fr)
}

// flush ends the current goroutine.
func (p *parser) flush() {
	g := p.cur
	if g == nil {
		return
	}
	if p.fnGo { // "exit status 2" below the last stack is nothing strange
		p.unused()
	}
	p.fn = ""
	system := p.system
	p.cur, p.system, p.created, p.ancestor, p.inCrash = nil, false, false, false, false
	p.share(g)
	if system {
		if len(p.t.System) == 0 {
			p.t.System = g.Frames
		}
		return
	}
	if i, ok := p.seen[g.ID]; ok && g.ID != 0 {
		if old := &p.t.Goroutines[i]; len(old.Frames) == 0 && len(g.Frames) > 0 {
			g.Status = old.Status // what it did when the others were printed
			*old = *g
		}
		return
	}
	if len(p.t.Goroutines) >= p.lim.goroutines {
		p.t.drop("goroutines behind the first %d", p.lim.goroutines)
		return
	}
	p.seen[g.ID] = len(p.t.Goroutines)
	p.t.Goroutines = append(p.t.Goroutines, *g)
}

// share gives goroutines with equal stacks the same frames.
func (p *parser) share(g *Goroutine) {
	if p.full {
		p.t.drop("functions and files behind the first %d bytes of names", p.lim.names)
	}
	key := make([]byte, 0, 16*len(g.Frames))
	for i := range g.Frames {
		f := &g.Frames[i]
		key = binary.AppendUvarint(key, uint64(p.id[f.Func]))
		key = binary.AppendUvarint(key, uint64(p.id[f.File]))
		key = binary.AppendUvarint(key, uint64(f.Line)<<2|flag(f.Inlined)<<1|flag(f.C))
		key = binary.AppendUvarint(key, f.PC)
	}
	n, ok := p.stacks[string(key)]
	if !ok {
		if p.kept+len(g.Frames) > p.lim.kept {
			p.t.drop("different stacks behind the first %d frames", p.lim.kept)
			g.Frames = nil
			return
		}
		p.kept += len(g.Frames)
		n = len(p.frames)
		p.stacks[string(key)] = n
		p.frames = append(p.frames, g.Frames[:len(g.Frames):len(g.Frames)])
	}
	g.Frames, g.stack = p.frames[n], n
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// names holds each function, file and state once.
type names struct {
	id    map[string]int // from 1
	all   []string
	bytes int
	full  bool
}

// intern returns the one copy of a name; past the bound it is "".
func (p *parser) intern(s string) string {
	n, ok := p.id[s]
	if !ok {
		if p.bytes+len(s) > p.lim.names {
			p.full = true
			return ""
		}
		p.bytes += len(s)
		p.all = append(p.all, strings.Clone(s))
		n = len(p.all)
		p.id[p.all[n-1]] = n
	}
	return p.all[n-1]
}
