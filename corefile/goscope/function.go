package goscope

import (
	"debug/dwarf"
	"fmt"

	"github.com/safedump/sdcore/corefile/die"
)

// Bounds on what a function may declare. The largest functions of real
// services have some ten thousand entries, a few dozen levels deep.
const (
	maxEntries = 1 << 20
	maxDepth   = 512
	maxOrigins = 8 // abstract origins in a row; Go has one
)

// function is the parsed subtree of a function's entry.
type function struct {
	name      string
	unit      *die.Unit
	span      die.Range
	frameBase []byte
	nodes     []node // parents before children; the function itself is first

	// firstLine and lastLine are what the function itself has code for, 0 when
	// unknown; see foreign.
	linesKnown          bool
	firstLine, lastLine int
}

// node is a function, an inlined call or a lexical block.
type node struct {
	parent   int
	call     bool // the function or an inlined call
	name     string
	callLine int // where the call was inlined
	ranges   []die.Range
	block    int // depth of lexical blocks
	vars     []variable
}

// variable is a variable's entry with that of its abstract origin resolved.
type variable struct {
	name     string
	off      dwarf.Offset
	param    bool
	result   bool
	declLine int
	typeOff  dwarf.Offset
	dict     int // index in the dictionary, -1 when the type is not generic
	loc      die.Value
	hasLoc   bool
	closure  uint64 // offset in the closure
	captured bool
}

// function returns the function at an address of the file, parsed once.
func (f *Finder) function(pc uint64) (*function, error) {
	ref, ok := f.units.function(f.info, pc)
	if !ok {
		return nil, ErrNoFunction
	}
	if fn, ok := f.funcs[ref.off]; ok {
		return fn, nil
	}
	fn, err := f.parse(ref)
	if err != nil {
		return nil, err
	}
	f.funcs[ref.off] = fn
	return fn, nil
}

// parse reads the subtree of a function.
func (f *Finder) parse(ref funcRef) (*function, error) {
	e, err := f.info.Entry(ref.off)
	if err != nil {
		return nil, err
	}
	origin := f.origin(e)
	fn := &function{unit: e.Unit, span: ref.span}
	fn.name, _ = origin.String(dwarf.AttrName)
	fn.frameBase, _ = e.Bytes(dwarf.AttrFrameBase)
	fn.nodes = []node{{parent: -1, call: true, name: fn.name, ranges: []die.Range{ref.span}}}
	p := parser{f: f, fn: fn, open: []int{0}, origins: []die.Entry{origin}}
	if err := p.run(e); err != nil {
		return nil, fmt.Errorf("function %q at .debug_info+0x%x: %w", fn.name, uint32(ref.off), err)
	}
	return fn, nil
}

// parser reads the entries below a function.
type parser struct {
	f       *Finder
	fn      *function
	open    []int       // nodes whose children are being read
	origins []die.Entry // the abstract functions of those that are calls
}

func (p *parser) run(e die.Entry) error {
	if !e.Children {
		p.close()
		return nil
	}
	c, err := p.f.info.Cursor(e.Off)
	if err != nil {
		return err
	}
	if _, _, err := c.Next(); err != nil {
		return err
	}
	for count := 0; len(p.open) > 0; count++ {
		k, ok, err := c.Next()
		if err != nil {
			return err
		}
		if !ok || count > maxEntries || len(p.open) > maxDepth {
			return ErrBadScope
		}
		if k.Tag == 0 {
			p.close()
		} else if !p.entry(k) {
			if err := c.Skip(k); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry reads one entry; it returns true when its children come next.
func (p *parser) entry(k die.Entry) bool {
	at := p.open[len(p.open)-1]
	switch k.Tag {
	case dwarf.TagFormalParameter, dwarf.TagVariable:
		if v, ok := p.f.variable(k); ok {
			p.fn.nodes[at].vars = append(p.fn.nodes[at].vars, v)
		}
	case dwarf.TagLexDwarfBlock, dwarf.TagInlinedSubroutine:
		n, origin := p.f.node(k, at, &p.fn.nodes[at])
		p.fn.nodes = append(p.fn.nodes, n)
		p.open = append(p.open, len(p.fn.nodes)-1)
		if n.call {
			p.origins = append(p.origins, origin)
		}
		if k.Children {
			return true
		}
		p.close()
	}
	return false
}

// close ends the innermost open node.
func (p *parser) close() {
	n := &p.fn.nodes[p.open[len(p.open)-1]]
	p.open = p.open[:len(p.open)-1]
	if n.call {
		p.f.addLostParams(n, p.origins[len(p.origins)-1])
		p.origins = p.origins[:len(p.origins)-1]
	}
}

// node reads an inlined call or a block.
func (f *Finder) node(e die.Entry, parent int, outer *node) (node, die.Entry) {
	n := node{parent: parent, call: e.Tag == dwarf.TagInlinedSubroutine}
	// Broken ranges are no ranges: the node is never chosen.
	n.ranges, _ = e.Ranges()
	if !n.call {
		n.block = outer.block + 1
		return n, e
	}
	origin := f.origin(e)
	n.name, _ = origin.String(dwarf.AttrName)
	line, _ := e.Uint(dwarf.AttrCallLine)
	n.callLine = lineNumber(line)
	return n, origin
}

// addLostParams adds the parameters that the abstract function has and this
// instance of it lacks: they were optimized out as a whole.
func (f *Finder) addLostParams(n *node, origin die.Entry) {
	have := map[dwarf.Offset]bool{}
	names := map[string]bool{}
	for _, v := range n.vars {
		have[v.off], names[v.name] = true, true
	}
	c, err := f.info.Cursor(origin.Off)
	if err != nil || !origin.Children || origin.Tag != dwarf.TagSubprogram || origin.Has(dwarf.AttrLowpc) {
		return
	}
	if _, _, err := c.Next(); err != nil {
		return
	}
	for range maxEntries {
		k, ok, err := c.Next()
		if err != nil || !ok || k.Tag == 0 {
			return
		}
		if k.Tag == dwarf.TagFormalParameter {
			if v, ok := f.variable(k); ok && !have[k.Off] && !names[v.name] {
				n.vars = append(n.vars, v)
			}
		}
		if c.Skip(k) != nil {
			return
		}
	}
}

// origin returns the entry that holds the name and type of e: the end of its
// chain of abstract origins.
func (f *Finder) origin(e die.Entry) die.Entry {
	for range maxOrigins {
		off, ok := e.Ref(dwarf.AttrAbstractOrigin)
		if !ok {
			return e
		}
		next, err := f.info.Entry(off)
		if err != nil {
			return e
		}
		e = next
	}
	return e
}

// nameOf is the name of an entry or of its abstract origin.
func (f *Finder) nameOf(e die.Entry) string {
	o := f.origin(e)
	name, _ := o.String(dwarf.AttrName)
	return name
}

// variable reads a variable. Its location is that of the entry itself, all
// else may be in the abstract origin.
func (f *Finder) variable(e die.Entry) (v variable, ok bool) {
	o := f.origin(e)
	v = variable{off: o.Off, param: e.Tag == dwarf.TagFormalParameter, dict: -1}
	if v.name, ok = o.String(dwarf.AttrName); !ok {
		return v, false
	}
	v.result = o.Flag(dwarf.AttrVarParam) || e.Flag(dwarf.AttrVarParam)
	line, _ := e.Uint(dwarf.AttrDeclLine)
	if line == 0 {
		line, _ = o.Uint(dwarf.AttrDeclLine)
	}
	v.declLine = lineNumber(line)
	if v.typeOff, ok = e.Ref(dwarf.AttrType); !ok {
		if v.typeOff, ok = o.Ref(dwarf.AttrType); !ok {
			return v, false
		}
	}
	if t, err := f.info.Entry(v.typeOff); err == nil {
		if i, ok := t.Uint(die.AttrGoDictIndex); ok && i < 1<<20 {
			v.dict = int(i)
		}
	}
	v.loc, v.hasLoc = e.Val(dwarf.AttrLocation)
	v.closure, v.captured = e.Uint(die.AttrGoClosureOffset)
	if !v.captured {
		v.closure, v.captured = o.Uint(die.AttrGoClosureOffset)
	}
	return v, true
}

func lineNumber(n uint64) int {
	if n > 1<<31 {
		return 0
	}
	return int(n)
}
