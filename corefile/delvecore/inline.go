package delvecore

import (
	"debug/dwarf"
	"fmt"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/dwarf/reader"
	"github.com/safedump/sdcore/corefile"
)

// inliner expands inlined calls at exactly one address. Delve's own expansion
// looks at the byte before its PC, which is another call's when the PC is
// where a fault was raised: the first instruction of an inlined body.
type inliner struct {
	data  *dwarf.Data
	bias  uint64
	files map[dwarf.Offset][]*dwarf.LineFile
	cache map[uint64][]call // by address
}

// call is a function at an address, physical or inlined.
type call struct {
	function, file string
	line           int
	entry          uint64
}

// maxCalls bounds the cache; 100 000 goroutines share a few hundred addresses.
const maxCalls = 1 << 14

func newInliner(c *corefile.Core) *inliner {
	d, err := c.Binary().DWARF()
	if err != nil {
		d = nil
	}
	return &inliner{data: d, bias: c.LoadBias(), files: map[dwarf.Offset][]*dwarf.LineFile{}, cache: map[uint64][]call{}}
}

// expand returns the frames of the physical frame f at f.CallPC, innermost
// first, or nil when there is no debug information for it.
func (b *Backend) expand(f corefile.Frame) []corefile.Frame {
	calls, ok := b.inl.cache[f.CallPC]
	if !ok {
		err := guard(fmt.Sprintf("pc %#x", f.CallPC), func() error {
			file, line, fn := b.target.BinInfo().PCToLine(f.CallPC)
			if fn != nil {
				calls = b.inl.calls(f.CallPC, call{plainName(fn.Name), file, line, fn.Entry})
			}
			return nil
		})
		if err != nil {
			calls = nil
		}
		if len(b.inl.cache) < maxCalls {
			b.inl.cache[f.CallPC] = calls
		}
	}
	out := make([]corefile.Frame, 0, len(calls))
	for i, c := range calls {
		f.Function, f.File, f.Line, f.Entry = c.function, c.file, c.line, c.entry
		f.Depth = len(calls) - 1 - i
		f.Inlined = f.Depth > 0
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// calls lists the calls at pc, innermost first; phys is the physical function
// with the line of the innermost one.
func (n *inliner) calls(pc uint64, phys call) []call {
	if n.data == nil {
		return nil
	}
	cu, tree := n.tree(pc, phys.entry)
	if tree == nil {
		return []call{phys}
	}
	var out []call
	at := phys
	for _, e := range reader.InlineStack(tree, pc) {
		name, ok1 := e.Val(dwarf.AttrName).(string)
		file, ok2 := e.Val(dwarf.AttrCallFile).(int64)
		line, ok3 := e.Val(dwarf.AttrCallLine).(int64)
		path, ok4 := n.file(cu, file)
		if !ok1 || !ok2 || !ok3 || !ok4 {
			return nil
		}
		at.function = name
		out = append(out, at)
		at.file, at.line = path, int(line)
	}
	at.function = phys.function
	return append(out, at)
}

// tree finds the unit and the entry of the function that holds pc.
func (n *inliner) tree(pc, entry uint64) (*dwarf.Entry, *godwarf.Tree) {
	r := n.data.Reader()
	cu, err := r.SeekPC(pc - n.bias)
	if err != nil || cu == nil || !cu.Children {
		return nil, nil
	}
	for {
		e, err := r.Next()
		if err != nil || e == nil || e.Tag == 0 {
			return nil, nil
		}
		if low, ok := e.Val(dwarf.AttrLowpc).(uint64); ok && e.Tag == dwarf.TagSubprogram && low+n.bias == entry {
			t, err := godwarf.LoadTree(e.Offset, n.data, n.bias)
			if err != nil {
				return nil, nil
			}
			return cu, t
		}
		if e.Children {
			r.SkipChildren()
		}
	}
}

// file names a file of the unit's line table.
func (n *inliner) file(cu *dwarf.Entry, index int64) (string, bool) {
	files, ok := n.files[cu.Offset]
	if !ok {
		if lr, err := n.data.LineReader(cu); err == nil && lr != nil {
			files = lr.Files()
		}
		n.files[cu.Offset] = files
	}
	if index < 0 || index >= int64(len(files)) || files[index] == nil {
		return "", false
	}
	return files[index].Name, true
}
