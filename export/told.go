package export

import (
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/safedump/sdcore/report"
)

// told follows an output, to say where in it something stands: by the number of
// the line and, in JSON, by the fields of the schema and the indexes of lists. All
// other keys are contents. The zero value is at the beginning; nil follows nothing.
type told struct {
	json    bool
	line    int
	steps   []step
	text    []byte // the string that is being read
	quoted  bool
	escaped bool
}

// step is a list or an object that was opened.
type step struct {
	list  bool
	index int
	key   string
}

// maxSteps and maxKeyBytes bound what is kept.
const (
	maxSteps    = 1 << 10
	maxKeyBytes = 40
)

func newTold(format string) *told { return &told{json: format == "json" || format == "jsonl"} }

// read goes on behind b.
func (t *told) read(b []byte) {
	if t == nil {
		return
	}
	for _, c := range b {
		if c == '\n' {
			t.line++
		}
		if t.json {
			t.sign(c)
		}
	}
}

// sign reads one sign of JSON.
func (t *told) sign(c byte) {
	if t.quoted {
		switch {
		case t.escaped:
			t.escaped = false
		case c == '\\':
			t.escaped = true
		case c == '"':
			t.quoted = false
			return
		}
		if len(t.text) <= maxKeyBytes {
			t.text = append(t.text, c)
		}
		return
	}
	var last *step
	if n := len(t.steps); n > 0 {
		last = &t.steps[n-1]
	}
	switch c {
	case '"':
		t.quoted, t.text = true, t.text[:0]
	case '{', '[':
		if len(t.steps) < maxSteps {
			t.steps = append(t.steps, step{list: c == '['})
		}
	case '}', ']':
		if last != nil {
			t.steps = t.steps[:len(t.steps)-1]
		}
	case ',':
		if last != nil {
			last.index, last.key = last.index+1, ""
		}
	case ':':
		if last != nil {
			last.key = schemaKey(string(t.text))
		}
	}
}

// String says where b ended that was read last.
func (t *told) String() string {
	var b strings.Builder
	b.WriteString("line " + strconv.Itoa(t.line+1))
	for i, s := range t.steps {
		switch {
		case s.list:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case s.key != "":
			b.WriteString(map[bool]string{true: ", ", false: "."}[i == 0] + s.key)
		}
	}
	return b.String()
}

// schemaKey is a key of the schema as it is, any other one as "?".
func schemaKey(key string) string {
	if schemaKeys()[key] {
		return key
	}
	return "?"
}

// schemaKeys are the keys of all objects that are written.
var schemaKeys = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{"sdcore": true, "generator": true}
	seen := map[reflect.Type]bool{}
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
				all[name] = true
			}
			add(t.Field(i).Type)
		}
	}
	add(reflect.TypeFor[report.Report]())
	add(reflect.TypeFor[report.Document]())
	return all
})
