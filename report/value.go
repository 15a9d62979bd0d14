package report

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Addr is an address of the crashed process. JSON numbers lose 64-bit
// precision, so it is written as a hex string, "0xc000012340".
type Addr uint64

// String returns the address in hex with a leading 0x.
func (a Addr) String() string { return "0x" + strconv.FormatUint(uint64(a), 16) }

// MarshalJSON writes the address as a hex string.
func (a Addr) MarshalJSON() ([]byte, error) { return []byte(`"` + a.String() + `"`), nil }

// UnmarshalJSON reads a hex string with a leading 0x.
func (a *Addr) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	digits, ok := strings.CutPrefix(s, "0x")
	n, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil {
		return fmt.Errorf("address: not a hex string with 0x")
	}
	*a = Addr(n)
	return nil
}

// State says how far a value can be trusted.
type State string

// The states of a value. Only StateOK and StateTruncated come with contents;
// in every other state Text, Len, Cap and Children say nothing about the
// program's data, except that StateStale and a partly known composite keep
// what is known and say so in Note.
const (
	StateOK           State = "ok"
	StateTruncated    State = "truncated"     // shortened by a limit; Len is the true length
	StateOptimizedOut State = "optimized-out" // no location at this PC
	StateStale        State = "stale"         // a copy that may be out of date
	StateUnreadable   State = "unreadable"    // memory or metadata could not be read
	StateAbsent       State = "absent"        // the core does not hold that memory
	StateCycle        State = "cycle"         // the value contains itself here
	StateBudget       State = "budget"        // a limit on depth or nodes was reached
	StateRedacted     State = "redacted"      // removed by redact
)

// Kind is the kind of a Go type, in reflect's words.
type Kind string

// The kinds of values. KindBytes is a byte slice or byte array, shown as text;
// KindText is a value whose structure is not known, from a report that holds
// only its rendering.
const (
	KindBool          Kind = "bool"
	KindInt           Kind = "int"
	KindUint          Kind = "uint"
	KindFloat         Kind = "float"
	KindComplex       Kind = "complex"
	KindString        Kind = "string"
	KindBytes         Kind = "bytes"
	KindArray         Kind = "array"
	KindSlice         Kind = "slice"
	KindMap           Kind = "map"
	KindStruct        Kind = "struct"
	KindPointer       Kind = "pointer"
	KindInterface     Kind = "interface"
	KindFunc          Kind = "func"
	KindChan          Kind = "chan"
	KindUnsafePointer Kind = "unsafe-pointer"
	KindText          Kind = "text"
	KindInvalid       Kind = "invalid"
)

// Value is one decoded value, a tree for composite types.
type Value struct {
	State State  `json:"state" redact:"safe"`
	Kind  Kind   `json:"kind" redact:"safe"`
	Type  string `json:"type" redact:"code"`
	// Addr is where the value itself lies, 0 for a value in registers. For
	// pointers, chans, maps and funcs Target is what they point to.
	Addr   Addr `json:"addr,omitempty"`
	Target Addr `json:"target,omitempty"`
	// Text is the value of a scalar as Go syntax ("42", "true", "1.5e+06"), the
	// name of a func, and the raw contents of a string or byte slice. For types
	// that people read as a whole (time.Time, time.Duration, sync.Mutex) it
	// is a summary beside the children.
	Text string `json:"text,omitempty" redact:"value"`
	// Quoted is true when Text holds the contents of a string in Go's escaped
	// form, without the quotes, because they are not valid UTF-8.
	Quoted bool `json:"quoted,omitempty"`
	// Nil is true for a nil pointer, slice, map, chan, func or interface that
	// was read as such; an unknown one has another State and Nil false.
	Nil bool `json:"nil,omitempty"`
	// Protected is true for a value in memory that the program itself said is
	// secret (runtime/secret): redact removes it whatever it is called.
	Protected bool `json:"protected,omitempty"`
	// Secret is the number of what redact removed, in the state redacted: equal
	// secrets have the same, others another one. 0 where it has none. In texts it
	// is part of the placeholder, "[REDACTED#3]".
	Secret int32 `json:"secret,omitempty"`
	// Len is the length of strings, arrays, slices, maps and chans; Cap the
	// capacity of slices and chans. They are 0 where not applicable. A slice
	// with a Note and without Cap is one whose capacity is not known.
	Len int64 `json:"len,omitempty"`
	Cap int64 `json:"cap,omitempty"`
	// Retained is how many bytes of the heap only this value keeps alive; 0 where
	// nobody asked, and where it is little.
	Retained uint64 `json:"retained,omitempty"`
	// Children are the fields of a struct, the elements of an array, slice or
	// chan buffer, the entries of a map, what a pointer or interface holds, and
	// the captured variables of a closure.
	Children []Child `json:"children,omitempty"`
	// Note explains a state other than ok, or labels a guess with its evidence.
	Note string `json:"note,omitempty" redact:"text"`
}

// Child is a part of a composite value.
type Child struct {
	// Name is the field's or captured variable's name; empty for elements.
	Name string `json:"name,omitempty" redact:"name"`
	// Embedded marks an embedded struct field.
	Embedded bool `json:"embedded,omitempty"`
	// Tag is the field's struct tag, nil when it has none or the binary does not
	// tell: redact decides by it. It is not part of a file.
	Tag *string `json:"-" redact:"safe"`
	// Key is the key of a map entry, nil otherwise.
	Key   *Value `json:"key,omitempty"`
	Value Value  `json:"value"`
}

// Contents returns the raw contents of a string or byte slice: Text with
// escapes undone where Quoted is set. ok is false where Text is no such thing.
func (v *Value) Contents() (s string, ok bool) {
	if !v.Quoted {
		return v.Text, true
	}
	return unquote(v.Text)
}

// unquote is strconv.Unquote of `"` + s + `"`, but that what stands between
// escapes is not looked at character by character, and bytes in hexadecimal
// digits, which is what most of a buffer is made of, are read at once.
func unquote(s string) (string, bool) {
	if !utf8.ValidString(s) || strings.IndexByte(s, '\n') >= 0 {
		u, err := strconv.Unquote(`"` + s + `"`)
		return u, err == nil
	}
	var out strings.Builder
	escapes := strings.Count(s, `\`)
	out.Grow(max(len(s)-3*escapes, escapes)) // of four characters each
	for s != "" {
		if s[0] != '\\' {
			k := strings.IndexByte(s, '\\')
			if k < 0 {
				k = len(s)
			}
			if strings.IndexByte(s[:k], '"') >= 0 {
				return "", false
			}
			out.WriteString(s[:k])
			s = s[k:]
			continue
		}
		if len(s) >= 4 && s[1] == 'x' {
			high, low := hexDigit(s[2]), hexDigit(s[3])
			if high|low > 0xf {
				return "", false
			}
			out.WriteByte(high<<4 | low)
			s = s[4:]
			continue
		}
		r, multibyte, rest, err := strconv.UnquoteChar(s, '"')
		if err != nil {
			return "", false
		}
		if multibyte {
			out.WriteRune(r)
		} else {
			out.WriteByte(byte(r))
		}
		s = rest
	}
	return out.String(), true
}

// hexDigit is the value of a hexadecimal digit, 0xff for what is none.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// SetContents stores raw contents in Text, escaped where they are not valid
// UTF-8 or hold control characters that JSON tools mangle.
func (v *Value) SetContents(s string) {
	v.Text, v.Quoted = s, false
	if !plainText(s) {
		q := strconv.Quote(s)
		v.Text, v.Quoted = q[1:len(q)-1], true
	}
}

// plainText reports whether s survives JSON unchanged and shows as it is:
// valid UTF-8 without control characters other than newline and tab.
func plainText(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return false
		}
	}
	return true
}
