package export

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/safedump/sdcore/report"
)

// longWord has no place to break it.
var longWord = strings.Repeat("Wide", 1000)

// core stands at the end of each hostile text: if anything reads it as markup,
// parts of it are gone from what is shown. It has no slash: of a path the last
// part may be shown alone.
const core = `<img src=x onerror=own()>&lt;<!--]]>`

// payloads are texts that act where they are not shown as text.
var payloads = []string{
	`<script>own()</script><svg onload=own()><iframe src=//evil.example></iframe><base href=//evil.example><meta http-equiv=refresh content=0>`,
	`</script></style></textarea></title></pre></details><!-- --><![CDATA[ ]]><plaintext>`,
	`" onmouseover="own()" x='" autofocus onfocus=own() style=display:none `,
	`javascript:own() data:text/html,<script>own()</script> http://evil.example/x https://evil.example www.evil.example a@evil.example `,
	"a\n# head\n> quote\n- item\n1. one\n\n| a | b |\n|---|---|\n| c | d |\n\n    code\n***\n",
	"```\n~~~\n![i](http://evil.example/i.png) [l](javascript:own()) <http://auto.example> **b** _u_ ~~s~~ `x` \\` ``y`` ```",
	"[r]: http://evil.example\n[r] @all @safedump/team #12 GH-1 safedump/sdcore#3 0123456789abcdef0123456789abcdef01234567 :bomb: $x$ <details open>\n\n<b>",
	"\x1b[31m\x1b]0;owned\x07\x1b]8;;http://evil.example\x07link\x1b]8;;\x07\x1b]52;c;b3duZWQ=\x07\x1b[2J\x1bP+q\x1b\\\u009b2J\x9b31m\x07\b\r\v\f\x7f",
	"\u202e\u2066\u2069\u200b\u200d\u2060\ufeff\u2028\u2029\u0085\x00\xed\xa0\x80\xff\xf5\U000e0041\u00ad\u115f\u3164",
	`}*{display:none}</style><style>body{background:url(http://evil.example/)}/* expression(own()) */ \65 `,
	"{{.}} {{template \"x\"}} ${own()} <%= own() %> %s %!d(MISSING) [red]x[/red] ::error::owned ::set-output name=x::y\n::add-mask::z",
	longWord,
}

// filled returns a report in which every text, of fields that are added later,
// too, is a payload with the core and a number of its own, and how many there
// are. turn chooses which field has which payload. Words that are chosen from a
// list, such as the kind of a value, stay what they are unless words is set: a
// reader makes no other, but a stored file may have any.
func filled(turn int, words bool) (*report.Report, int) {
	r := payReport()
	r.Heap = heapReport().Heap
	r.Waits = waitReport().Waits
	f := &filler{turn: turn, words: words}
	f.fill(reflect.ValueOf(r).Elem(), 0)
	return r, f.n
}

type filler struct {
	turn, n int
	words   bool
}

// newText is the text of the next field.
func (f *filler) newText() string {
	f.n++
	return payloads[(f.n+f.turn)%len(payloads)] + core + fmt.Sprintf("(%d)", f.n)
}

// fill sets every text below v, and makes one of each thing that is missing;
// what is nested in itself only so deep.
func (f *filler) fill(v reflect.Value, depth int) {
	const deep = 9
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() || f.words {
			v.SetString(f.newText())
		}
	case reflect.Pointer:
		if v.IsNil() && depth < deep {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if !v.IsNil() {
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if v.Len() == 0 && depth < deep {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		one := reflect.New(v.Type().Elem()).Elem()
		f.fill(one, depth+1)
		key := reflect.New(v.Type().Key()).Elem()
		f.fill(key, depth+1)
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(key, one)
		v.Set(m)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().String() != "time.Time" {
				f.fill(v.Field(i), depth+1)
			}
		}
	}
}
