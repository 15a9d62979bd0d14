package vars

import (
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// TestSecretIsMarked: the value whose own bytes lie in secret memory is marked,
// and not the one that leads to it.
func TestSecretIsMarked(t *testing.T) {
	w := newWorld()
	text := w.alloc([]byte("winter meadow"))
	object := w.words(text, 13, 7)
	open := w.words(text, 13, object)
	object2 := w.words(1, 2, 3)
	inner := structOf("main.I", 24, field("S", 0, stringType), field("N", 16, intType))
	outer := structOf("main.O", 24, field("S", 0, stringType), field("P", 16, ptrTo(inner)))
	list := w.words(object2, 3, 3)
	r := w.reader(Options{Secret: corefile.Extents{{Start: text, End: text + 13}, {Start: object2, End: object2 + 24}}})
	for name, read := range map[string]*Reader{"reader": r, "clone": r.Clone()} {
		v := read.Value(outer, open)
		s, p := v.Children[0].Value, v.Children[1].Value
		in := p.Children[0].Value
		if v.Protected || !s.Protected || s.Text != "winter meadow" || p.Protected || in.Protected || !in.Children[0].Value.Protected || in.Children[1].Value.Protected {
			t.Errorf("%s: %+v", name, v)
		}
		if v := read.Value(sliceOf(intType), list); !v.Protected {
			t.Errorf("%s: numbers of a secret array: %+v", name, v)
		}
		if v := read.Value(intType, open); v.Protected {
			t.Errorf("%s: what comes next is marked too: %+v", name, v)
		}
	}
	if v := w.reader(Options{}).Value(outer, open); v.Children[0].Value.Protected {
		t.Errorf("nothing is secret here: %+v", v)
	}
}

// TestSecretFrames: the frames from secret.Do inwards, where the goroutine runs
// in secret mode; all of them where it is not known since when.
func TestSecretFrames(t *testing.T) {
	stack := func(secret bool, end string, omitted int, functions ...string) corefile.Stack {
		st := corefile.Stack{Secret: secret, End: end, Omitted: omitted}
		for _, f := range functions {
			st.Frames = append(st.Frames, corefile.Frame{Function: f})
		}
		return st
	}
	nested := []string{"main.f", "runtime/secret.doHelper", "runtime/secret.Do", "main.g", "runtime/secret.Do", "main.main"}
	for _, c := range []struct {
		st   corefile.Stack
		want int
	}{
		{stack(true, "", 0, nested...), 5},
		{stack(false, "", 0, nested...), 0},
		{stack(true, "", 0, "main.f", "main.main"), 2},
		{stack(true, "no unwind rule", 0, nested...), 6},
		{stack(true, "", 3, nested...), 6},
		{stack(true, "", 0), 0},
	} {
		if got := SecretFrames(c.st); got != c.want {
			t.Errorf("%+v: %d, want %d", c.st, got, c.want)
		}
	}
}

// taggedTypes are fakeTypes that know tags.
type taggedTypes struct {
	*fakeTypes
	tags  map[*gotype.Type][]string
	asked int
}

func (f *taggedTypes) Tags(t *gotype.Type) []string {
	f.asked++
	return f.tags[t]
}

func TestTagsGoWithFields(t *testing.T) {
	w := newWorld()
	st := structOf("main.T", 16, field("A", 0, intType), field("B", 8, intType))
	wrong := structOf("main.U", 8, field("A", 0, intType))
	none := structOf("main.V", 8, field("A", 0, intType))
	src := &taggedTypes{fakeTypes: w.types, tags: map[*gotype.Type][]string{st: {"", `secret:"true"`}, wrong: {"a", "b"}}}
	r := newReader(w.fakeMemory, src, Options{})
	at := w.words(5, 6)
	for range 3 {
		v := r.Value(st, at)
		if a, b := v.Children[0].Tag, v.Children[1].Tag; a != nil || b == nil || *b != `secret:"true"` {
			t.Errorf("tags %v, %v", a, b)
		}
	}
	if src.asked != 1 {
		t.Errorf("asked %d times", src.asked)
	}
	for _, typ := range []*gotype.Type{wrong, none} {
		if v := r.Value(typ, at); v.Children[0].Tag != nil {
			t.Errorf("%s: tag %q", typ.Name, *v.Children[0].Tag)
		}
	}
	path := func(s string) report.Path {
		p, err := report.ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	root := r.AddrRoot(st, at)
	if tag := r.Tag(root, path("B")); tag == nil || *tag != `secret:"true"` {
		t.Errorf("the tag at the end of a path is %v", tag)
	}
	for _, s := range []string{"A", "C", "B[0]"} {
		if tag := r.Tag(root, path(s)); tag != nil {
			t.Errorf("%s: tag %q", s, *tag)
		}
	}
	// Reports hold millions of them. Eight bytes are for what a value retains.
	if reflect.TypeFor[report.Child]().Size() > 192 {
		t.Errorf("a part of a value has grown to %d bytes", reflect.TypeFor[report.Child]().Size())
	}
}
