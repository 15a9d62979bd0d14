package report

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ErrUnknownValue is matched by what [Value.Decode] returns when a part of the
// value is not known: it was optimized out, redacted, cut by a limit, not in
// the core, may be stale, or contains itself.
var ErrUnknownValue = errors.New("not known")

// ErrMismatch is matched by what [Value.Decode] returns when a part of the
// value has no place in the Go value: another kind, a number that overflows, a
// field that is not exported, a func or chan.
var ErrMismatch = errors.New("does not fit")

// DecodeError is one part of a value that [Value.Decode] could not fill in, or
// not whole. It matches ErrUnknownValue or ErrMismatch. Its text holds names,
// types and states, no contents.
type DecodeError struct {
	// Path leads to the part from the value that was decoded, ".User.Tags[3]":
	// empty for that value itself. Map entries are counted, "[entry 2]", because
	// their keys are contents.
	Path string
	// State is the state of what is not known; StateOK where the value is known
	// and does not fit.
	State State
	// Reason is the note of the value, or why it does not fit.
	Reason string
}

// Error describes the part and what is wrong with it.
func (e *DecodeError) Error() string {
	path := e.Path
	if path == "" {
		path = "the value"
	}
	if e.State == StateOK {
		return fmt.Sprintf("%s %s: %s", path, ErrMismatch, e.Reason)
	}
	if e.Reason == "" {
		return fmt.Sprintf("%s is %s: %s", path, ErrUnknownValue, e.State)
	}
	return fmt.Sprintf("%s is %s: %s: %s", path, ErrUnknownValue, e.State, e.Reason)
}

// Is makes the error match ErrUnknownValue or ErrMismatch.
func (e *DecodeError) Is(target error) bool {
	return target == ErrUnknownValue && e.State != StateOK || target == ErrMismatch && e.State == StateOK
}

// Bounds of decoding: nesting of values and pointers, and the parts listed in
// an error.
const (
	maxDecodeDepth = MaxValueDepth + 8
	maxDecodeErrs  = 100
)

// Decode fills the Go value that dst points to, as encoding/json would from an
// equal JSON text:
//
//   - Struct fields are found by name, exactly and then in any case, also those
//     of embedded structs. A tag `sdcore:"name"` gives another name, `sdcore:"-"`
//     leaves the field out. Fields that only one side has are left alone.
//   - Numbers must fit. A string fills a []byte and the reverse; a struct fills
//     a map with string keys.
//   - Pointers are allocated, and followed where dst has none; interfaces are
//     looked through. A variable of type any gets what is natural: predeclared
//     types as they are, []byte, []any, map[string]any for structs and maps
//     with string keys, map[any]any for others.
//   - time.Time, net.IP, netip.Addr and big.Int are filled from their text.
//
// What can't be filled in is left as it was, and the rest is filled in
// nevertheless. The error then joins a [*DecodeError] for each such part, 100 at
// most. What is known only in part (the first elements of a list, a text
// with a secret cut out) is filled in as far as it is known, and listed.
// Values read from a core keep no identity: two pointers to one object become
// two objects.
//
// Every report can be decoded without a panic, whatever its source; memory is
// bounded by the size of the value.
func (v *Value) Decode(dst any) error {
	p := reflect.ValueOf(dst)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("decode a value: %T is no pointer to fill", dst)
	}
	f := &filler{}
	f.value(p.Elem(), v, nil)
	if f.left > 0 {
		f.errs = append(f.errs, fmt.Errorf("and %d more parts", f.left))
	}
	return errors.Join(f.errs...)
}

// filler fills one Go value.
type filler struct {
	errs []error
	left int // errors beyond maxDecodeErrs
}

// trail is the way to a value, from the inside out.
type trail struct {
	step  string
	up    *trail
	depth int
}

func (t *trail) to(step string) *trail {
	n := &trail{step: step, up: t, depth: 1}
	if t != nil {
		n.depth = t.depth + 1
	}
	return n
}

func (t *trail) String() string {
	var s string
	for ; t != nil; t = t.up {
		s = t.step + s
	}
	return s
}

func (f *filler) fail(t *trail, state State, reason string) {
	if len(f.errs) >= maxDecodeErrs {
		f.left++
		return
	}
	f.errs = append(f.errs, &DecodeError{Path: t.String(), State: state, Reason: reason})
}

// mismatch says that a value of this kind has no place in dst.
func (f *filler) mismatch(dst reflect.Value, v *Value, t *trail) {
	f.fail(t, StateOK, fmt.Sprintf("%s (%s) into %s", v.Type, v.Kind, dst.Type()))
}

// partlyRedacted reports whether redact removed a part of v's text, which it
// notes in these words.
func (v *Value) partlyRedacted() bool { return strings.Contains(v.Note, "partly redacted") }

// usable reports whether v has contents, and lists it where they are not all
// that there is.
func (f *filler) usable(v *Value, t *trail) bool {
	switch v.State {
	case StateOK:
		if v.partlyRedacted() {
			f.fail(t, StateRedacted, v.Note)
		}
		return true
	case StateTruncated, StateStale:
		f.fail(t, v.State, v.Note)
		return true
	case StateUnreadable, StateAbsent, StateBudget:
		f.fail(t, v.State, v.Note)
		return len(v.Children) > 0
	case "":
		f.fail(t, StateUnreadable, "the value has no state")
		return false
	}
	f.fail(t, v.State, v.Note)
	return false
}

// value fills dst from v. It looks through interfaces and pointers on both
// sides first.
func (f *filler) value(dst reflect.Value, v *Value, t *trail) {
	if t != nil && t.depth > maxDecodeDepth {
		f.fail(t, StateBudget, "nested too deeply")
		return
	}
	if !f.usable(v, t) {
		return
	}
	f.known(dst, v, t)
}

// known is value for one whose state was looked at.
func (f *filler) known(dst reflect.Value, v *Value, t *trail) {
	if dst.Kind() == reflect.Interface {
		f.dynamic(dst, v, t)
		return
	}
	if v.Nil {
		f.null(dst, v, t)
		return
	}
	if dst.Kind() == reflect.Pointer {
		f.pointer(dst, v, t)
		return
	}
	if f.summary(dst, v, t) {
		return
	}
	switch v.Kind {
	case KindPointer, KindInterface:
		if inner, ok := f.held(v, t); ok {
			f.value(dst, inner, t.to(""))
		}
	case KindStruct:
		f.structure(dst, v, t)
	case KindMap:
		f.mapping(dst, v, t)
	case KindArray, KindSlice:
		f.list(dst, v, t)
	case KindString, KindBytes:
		f.text(dst, v, t)
	case KindBool, KindInt, KindUint, KindFloat, KindComplex:
		f.scalar(dst, v, t)
	case KindUnsafePointer:
		f.address(dst, v, t)
	case KindText:
		f.rendering(dst, v, t)
	default:
		f.mismatch(dst, v, t)
	}
}

// held is what a pointer or interface leads to.
func (f *filler) held(v *Value, t *trail) (*Value, bool) {
	if len(v.Children) == 0 {
		f.fail(t, StateBudget, "what it points to is not in the report")
		return nil, false
	}
	return &v.Children[0].Value, true
}

// null fills in a nil: it has a place in what can be nil.
func (f *filler) null(dst reflect.Value, v *Value, t *trail) {
	switch dst.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		dst.SetZero()
	default:
		f.fail(t, StateOK, fmt.Sprintf("a nil %s into %s", v.Kind, dst.Type()))
	}
}

// pointer fills in what a pointer leads to, allocated where it is nil. dst may
// be a pointer to what v is.
func (f *filler) pointer(dst reflect.Value, v *Value, t *trail) {
	inner := v
	if v.Kind == KindPointer {
		var ok bool
		if inner, ok = f.held(v, t); !ok {
			return
		}
		if !f.usable(inner, t) {
			return
		}
	}
	if t != nil && t.depth > maxDecodeDepth {
		f.fail(t, StateBudget, "nested too deeply")
		return
	}
	to := dst
	if dst.IsNil() {
		to = reflect.New(dst.Type().Elem())
	}
	before := len(f.errs) + f.left
	f.known(to.Elem(), inner, t.to(""))
	// A value that could not be filled in at all does not become a zero behind
	// a new pointer.
	if dst.IsNil() && (len(f.errs)+f.left == before || !to.Elem().IsZero()) {
		dst.Set(to)
	}
}

// address fills in the address that an unsafe.Pointer holds, as a number.
func (f *filler) address(dst reflect.Value, v *Value, t *trail) {
	if dst.CanUint() && !dst.OverflowUint(uint64(v.Target)) {
		dst.SetUint(uint64(v.Target))
		return
	}
	f.mismatch(dst, v, t)
}

// rendering fills in the text of a value of which nothing else is known, and
// lists it: the text is not the value.
func (f *filler) rendering(dst reflect.Value, v *Value, t *trail) {
	f.fail(t, StateUnreadable, "only its rendering is known")
	if dst.Kind() == reflect.String {
		dst.SetString(v.Text)
	}
}
