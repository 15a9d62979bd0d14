package pclntab

import (
	"sort"
	"strings"

	"github.com/safedump/sdcore/report"
)

// Declared is a function that has a name in the source.
type Declared struct {
	// Function is the linker's name.
	Function string
	// Line is that of the func keyword, 0 when unknown.
	Line int
}

// Bounds of the search for the function that a literal is written in. A package's
// functions lie together, with some of other packages between them.
const (
	maxNeighbours = 1 << 14
	maxForeign    = 256
)

// DeclaredIn finds the declared function that the function literal of a call is
// written in; ok is false for a call of a declared function, and where the table
// does not have it: the literals of package variables are in none.
//
// The compiler names a literal after the function around it, main.f.func1, and
// until Go 1.26 where that was inlined after everything that it was inlined
// into as well, without packages and with a number that counts the
// literals of the outermost one: main.main.f.func7 is of lib.f (go.dev/issue/60324,
// cmd/compile/internal/ir/func.go, closureName). The table has both names: of the
// functions near it, and of those that were inlined into them.
func (f *Func) DeclaredIn(c *Call) (d Declared, ok bool) {
	base := report.LiteralIn(c.Function)
	if base == "" || f.t == nil {
		return Declared{}, false
	}
	l := literalAt{base: base, pkg: base[:len(base)-len(localName(base))], file: c.File, line: c.StartLine}
	f.neighbours(l.pkg, func(g *Func) bool {
		name := g.Name()
		if name == base && l.holds(g.StartLine(), g.file()) {
			d, ok = Declared{name, g.StartLine()}, true
			return false
		}
		if strings.HasPrefix(base, name) && len(base) > len(name) && base[len(name)] == '.' && len(name) > len(l.outer) {
			l.outer, l.around = name, *g
		}
		return true
	})
	if !ok {
		d, ok = l.inlinedInto(f)
	}
	if !ok && l.outer != "" && l.around.entry != f.entry {
		d, ok = l.inlinedInto(&l.around)
	}
	return d, ok
}

// literalAt is a literal whose declared function is looked for.
type literalAt struct {
	base string // its name without what numbers it
	pkg  string // "main."
	file string
	line int // of its func keyword

	outer  string // the longest name of a function that base begins with
	around Func   // that function
}

// holds reports whether a function that begins at a line of a file can hold the
// literal.
func (l *literalAt) holds(line int, file string) bool {
	return line > 0 && line <= l.line && (file == "" || l.file == "" || file == l.file)
}

// inlinedInto looks for the function in f and among those that were inlined into it: the
// one of that name, or of those whose name is the end of the literal's the one
// that begins last before it.
func (l *literalAt) inlinedInto(f *Func) (best Declared, ok bool) {
	rest := ""
	if l.outer != "" {
		rest = l.base[len(l.outer)+1:]
	}
	consider := func(name, file string, line int) {
		if report.LiteralIn(name) != "" || !l.holds(line, file) {
			return
		}
		local := localName(name)
		if local == "" || name != l.base && rest != local && !strings.HasSuffix(rest, "."+local) {
			return
		}
		if !ok || line > best.Line {
			best, ok = Declared{name, line}, true
		}
	}
	steps := f.t.steps(f.pcdata(inlTreePCData))
	if len(steps) > maxOwnSteps {
		return Declared{}, false
	}
	consider(f.Name(), f.file(), f.StartLine())
	seen := map[int32]bool{}
	for _, s := range steps {
		if s.value < 0 || seen[s.value] {
			continue
		}
		seen[s.value] = true
		sites, _ := f.sites(f.entry + s.start)
		for i := range sites {
			file, _ := f.FileLine(sites[i].pc)
			consider(f.t.name(sites[i].name), file, int(sites[i].start))
		}
	}
	return best, ok
}

// file is that of the function's first instruction.
func (f *Func) file() string {
	file, _ := f.FileLine(f.entry)
	return file
}

// neighbours calls visit for f and the functions around it, the nearest first, until
// it returns false or on both sides there are only functions of other packages.
func (f *Func) neighbours(pkg string, visit func(g *Func) bool) {
	t := f.t
	at := sort.Search(t.nfunc, func(i int) bool { return t.o.Text+uint64(t.start(i)) > f.entry }) - 1
	foreign := [2]int{}
	for n := range maxNeighbours {
		side, i := n%2, at-(n+1)/2 // 0, 1 above, 1 below, 2 above ...
		if side == 1 {
			i = at + (n+1)/2
		}
		if foreign[side] > maxForeign {
			if foreign[1-side] > maxForeign {
				return
			}
			continue
		}
		g, ok := t.At(i)
		if !ok {
			foreign[side] = maxForeign + 1
			continue
		}
		if strings.HasPrefix(g.Name(), pkg) {
			foreign[side] = 0
		} else {
			foreign[side]++
		}
		if !visit(&g) {
			return
		}
	}
}

// localName is a function's name without its package.
func localName(name string) string {
	head, _, _ := strings.Cut(name, "[")
	slash := strings.LastIndexByte(head, '/') + 1
	_, local, _ := strings.Cut(name[slash:], ".")
	return local
}
