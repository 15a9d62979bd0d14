package shape

import (
	"reflect"
	"slices"

	"github.com/safedump/sdcore/corefile/gotype"
)

const ptrSize = 8 // amd64 and arm64, the architectures that corefile opens

// WordKind says what a pointer word is and how its target's type is found.
type WordKind uint8

// The kinds of words.
const (
	WordPointer WordKind = iota // to one Elem
	WordString                  // to bytes; their number is in the next word
	WordSlice                   // to an array of Elem; length and capacity follow
	WordEface                   // the type is in this word, the pointer or value in the next
	WordIface                   // the same with an itab
	WordFunc                    // to a closure
	WordUnsafe                  // to what nobody says
	WordCounted                 // to an array of Elem; their number is at Aux
	WordMasked                  // to an array of Elem; their number less one is at Aux
	WordMapDir                  // to one Elem (a group) when the word at Aux is 0, else to that many Alt (pointers to tables)
	WordTrie                    // to Elem (an entry) when the first byte there is 1, else to Alt (an inner node)
	WordChanBuf                 // to an array of Elem, or of the type at Aux2; their number is at Aux
	WordChan                    // to a channel of the elements that its header names
	WordTimer                   // to Elem (a timer), in package time's to the Alt (a larger struct) around it
	WordReflect                 // to a value of the type at Aux, or its word, by the flags at Aux2
	WordRepeat                  // no word: the next Body words come N times, Stride apart
)

// Word is a pointer word of a type's values. Offsets are from the start of the
// value; those in the body of a repetition from the start of its element.
type Word struct {
	Off       uint64
	Kind      WordKind
	How       How  // on which grounds Elem is what it is, where it does not depend on memory
	TypeIsPtr bool // WordEface, WordIface: the collector takes the type's word for a pointer too
	Elem, Alt ID
	Aux, Aux2 uint64
	N, Stride uint64
	Body      uint32
}

// pointer is the offset of the word that holds the pointer.
func (w *Word) pointer() uint64 {
	if w.Kind == WordEface || w.Kind == WordIface {
		return w.Off + ptrSize
	}
	return w.Off
}

// Bounds on what a type may ask for. The largest of the runtime's own types
// (mheap) has a few hundred words.
const (
	maxDepth  = 128     // of containment by value
	maxWords  = 1 << 14 // of one type; the words behind are not known
	maxUnroll = 16      // words of an array that are written out
	maxNest   = 8       // repetitions within repetitions
)

// compiler collects the words of a type. The table's lock is held.
type compiler struct {
	t       *Table
	words   []Word
	nest    int
	partial bool
	end     uint64 // of the last word: those behind lie behind it
	// unknown has a bit for each of the first 64 words of which nothing is known.
	unknown uint64
	inArray bool // within a repetition, where unknown can't tell
}

func (c *compiler) add(w Word) {
	if len(c.words) >= maxWords {
		c.full()
		return
	}
	if !c.behind(w.Off, w.pointer()+ptrSize-w.Off) {
		return
	}
	c.words = append(c.words, w)
}

// behind reports whether bytes lie behind all words so far. Fields that lie over
// others are not of Go, and could make any number of edges of one word.
func (c *compiler) behind(off, size uint64) bool {
	if off < c.end {
		c.lost(off, size)
		return false
	}
	c.end = off + size
	return true
}

// full notes that there are more words than are kept.
func (c *compiler) full() { c.partial, c.unknown = true, ^uint64(0) }

// lost notes that nothing is known of some bytes.
func (c *compiler) lost(off, size uint64) {
	c.partial = true
	if c.inArray {
		c.unknown = ^uint64(0)
		return
	}
	c.unknown |= wordBits(off, size)
}

// wordBits has a bit for each of the first 64 words that the bytes touch.
func wordBits(off, size uint64) uint64 {
	first, end := off/ptrSize, (off+size+ptrSize-1)/ptrSize
	if first >= 64 || size == 0 {
		return 0
	}
	return bits(end) &^ bits(first)
}

// bits are the n lowest ones.
func bits(n uint64) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}

// known are the words of a value of which it is known what they are: of a closure
// those that hold something described.
func (c *compiler) known(in *Info) uint64 {
	all := bits((in.Size + ptrSize - 1) / ptrSize)
	if in.Kind == KindClosure {
		all = 0
		for i := range in.Type.Fields {
			f := &in.Type.Fields[i]
			all |= wordBits(uint64(f.Offset), uint64(f.Type.Size))
		}
	}
	return all &^ c.unknown
}

// value adds the words of a value of type ty at off.
func (c *compiler) value(ty *gotype.Type, off uint64, depth int) {
	if len(c.words) >= maxWords {
		c.full() // and no look at what else there is: that may be without end
		return
	}
	if ty == nil || ty.Err != nil || depth > maxDepth {
		size := uint64(ptrSize)
		if ty != nil {
			size = uint64(max(ty.Size, 0))
		}
		c.lost(off, size)
		return
	}
	if e := c.t.extentOf(ty, 0); e.end == 0 {
		if e.lost {
			c.lost(off, uint64(max(ty.Size, 0)))
		}
		return
	}
	switch ty.Kind {
	case reflect.Pointer:
		if ty.Elem != nil && ty.Elem.Name == "runtime.funcval" { // what a func value is to the runtime
			c.add(Word{Off: off, Kind: WordFunc})
			return
		}
		c.add(c.t.pointerTo(ty.Elem, off))
	case reflect.UnsafePointer:
		c.add(Word{Off: off, Kind: WordUnsafe})
	case reflect.Func:
		c.add(Word{Off: off, Kind: WordFunc})
	case reflect.Map:
		c.add(Word{Off: off, Elem: c.t.mapHeader(ty), How: howOf(ty)})
	case reflect.Chan:
		c.add(Word{Off: off, Elem: c.t.chanHeader(ty), How: howOf(ty)})
	case reflect.String:
		c.add(Word{Off: off, Kind: WordString, Elem: StringBytes, How: HowDeclared})
	case reflect.Slice:
		c.add(Word{Off: off, Kind: WordSlice, Elem: c.t.of(ty.Elem), How: howOf(ty.Elem)})
	case reflect.Interface:
		kind := WordIface
		if ty.EmptyInterface {
			kind = WordEface
		}
		c.add(Word{Off: off, Kind: kind})
	case reflect.Array:
		c.array(ty, off, depth)
	case reflect.Struct:
		c.fields(ty, off, depth)
	}
}

// howOf are the grounds of what a field of a declared type points to.
func howOf(ty *gotype.Type) How {
	if ty != nil && ty.Shape {
		return HowShape
	}
	return HowDeclared
}

// fields adds the words of a struct, those that a rule has a say in by the rule.
func (c *compiler) fields(ty *gotype.Type, off uint64, depth int) {
	ruled := c.t.ruleFor(ty)
	for i := range ty.Fields {
		f := &ty.Fields[i]
		at := off + uint64(f.Offset)
		if r, ok := ruled[f.Name]; ok && f.Type != nil && f.Type.Err == nil {
			if !r.skip {
				w := r.Word
				w.Off += at
				w.Aux, w.Aux2 = w.Aux+off, w.Aux2+off
				if w.How == HowUnknown {
					w.How = HowRule
				}
				c.add(w)
			}
			continue
		}
		c.value(f.Type, at, depth+1)
	}
}

// array adds the words of an array: written out when they are few, else once
// and how often they come.
func (c *compiler) array(ty *gotype.Type, off uint64, depth int) {
	n, size := uint64(max(ty.Len, 0)), uint64(max(ty.Elem.Size, 0))
	if n == 0 || size == 0 {
		return
	}
	if n == 1 {
		c.value(ty.Elem, off, depth+1)
		return
	}
	if c.nest >= maxNest {
		c.lost(off, n*size)
		return
	}
	sub := compiler{t: c.t, nest: c.nest + 1, inArray: true}
	sub.value(ty.Elem, 0, depth+1)
	if sub.partial {
		c.lost(off, n*size)
	}
	body := sub.words
	switch {
	case len(body) == 0:
	case n <= maxUnroll && uint64(len(body))*n <= maxUnroll && !slices.ContainsFunc(body, isRepeat):
		for i := range n {
			for _, w := range body {
				c.add(shifted(w, off+i*size))
			}
		}
	case body[0].Kind == WordRepeat && int(body[0].Body)+1 == len(body) && body[0].Off == 0 && body[0].N*body[0].Stride == size:
		// An array of arrays is an array.
		c.repeat(Word{Off: off, Kind: WordRepeat, N: n * body[0].N, Stride: body[0].Stride}, body[1:])
	default:
		c.repeat(Word{Off: off, Kind: WordRepeat, N: n, Stride: size}, body)
	}
}

func (c *compiler) repeat(head Word, body []Word) {
	if len(c.words)+1+len(body) > maxWords {
		c.full()
		return
	}
	if !c.behind(head.Off, head.N*head.Stride) {
		return
	}
	head.Body = uint32(len(body))
	c.words = append(append(c.words, head), body...)
}

func isRepeat(w Word) bool { return w.Kind == WordRepeat }

// shifted is a word that lies further behind.
func shifted(w Word, by uint64) Word {
	w.Off += by
	w.Aux, w.Aux2 = w.Aux+by, w.Aux2+by
	return w
}
