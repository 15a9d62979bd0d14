package policyfile

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/safedump/sdcore/redact"
)

// maxErrors bounds how many errors are told at once.
const maxErrors = 8

// reader goes through the nodes of a file and collects what is wrong.
type reader struct {
	name string
	file *File
	errs []error
	more int
}

func (r *reader) fail(n *yaml.Node, where, format string, args ...any) {
	if len(r.errs) == maxErrors {
		r.more++
		return
	}
	if where != "" {
		where += ": "
	}
	r.errs = append(r.errs, fmt.Errorf("policy: %s:%d: %s%w", r.name, n.Line, where, fmt.Errorf(format, args...)))
}

func (r *reader) err() error {
	if r.more > 0 {
		r.errs = append(r.errs, fmt.Errorf("and %d more", r.more))
	}
	return errors.Join(r.errs...)
}

func (r *reader) set(change func(*redact.Policy)) { r.file.changes = append(r.file.changes, change) }

// keys are the keys of a mapping and what reads their values.
type keys map[string]func(r *reader, n *yaml.Node, where string)

func keyList(list []string) string { return strings.Join(list, ", ") }

// mapping reads a mapping whose keys are known.
func (r *reader) mapping(n *yaml.Node, where string, known keys) {
	if !r.plain(n, where, yaml.MappingNode, "a mapping of "+keyList(slices.Sorted(maps.Keys(known)))) {
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok || key.Kind != yaml.ScalarNode:
			r.fail(key, where, "unknown key %q: want one of %s", key.Value, keyList(slices.Sorted(maps.Keys(known))))
			continue
		case seen[key.Value] > 0:
			r.fail(key, where, "%s stands here twice, first in line %d: merge the two", key.Value, seen[key.Value])
			continue
		}
		seen[key.Value] = key.Line
		at := key.Value
		if where != "" {
			at = where + "." + at
		}
		read(r, value, at)
	}
}

// plain checks that a node is of the wanted kind and has none of YAML's
// indirections: a policy says what it says where it says it.
func (r *reader) plain(n *yaml.Node, where string, kind yaml.Kind, want string) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.fail(n, where, "anchors and aliases are not read: write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		r.fail(n, where, "tags such as %s are not read: remove it", n.Tag)
	case n.Kind != kind:
		r.fail(n, where, "want %s", want)
	default:
		return true
	}
	return false
}

// text reads a string.
func (r *reader) text(n *yaml.Node, where string) (string, bool) {
	if !r.plain(n, where, yaml.ScalarNode, "a string") {
		return "", false
	}
	if n.Tag != "!!str" {
		r.fail(n, where, "want a string: put %s in single quotes", strconv.Quote(n.Value))
		return "", false
	}
	return n.Value, true
}

// texts reads a list of strings, each of which has to pass check.
func (r *reader) texts(n *yaml.Node, where string, check func(string) error) (list []string) {
	if !r.plain(n, where, yaml.SequenceNode, "a list of strings, one per line behind '- '") {
		return nil
	}
	for i, e := range n.Content {
		at := fmt.Sprintf("%s[%d]", where, i)
		s, ok := r.text(e, at)
		if !ok {
			continue
		}
		if err := check(s); err != nil {
			r.fail(e, at, "%s", reason(err))
			continue
		}
		list = append(list, s)
	}
	return list
}

// remedies are what to do about errors of redact.
var remedies = [...][2]string{
	{"error parsing regexp", "want Go's syntax for regular expressions (no look-around, no back-references), in single quotes"},
	{"empty pattern", "say what is to be found, as 'pattern: ...'"},
	{"matches the empty string", "let it need something: '+' instead of '*'"},
	{"matches the placeholder", "narrow it"},
	{"matches its own replacement", "choose another replacement"},
}

// reason is an error of redact without what the line says already, and with
// its remedy.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "redact: ")
	for _, r := range remedies {
		if strings.Contains(text, r[0]) {
			return text + ": " + r[1]
		}
	}
	return text
}

// integer reads a whole number that is lo or more.
func (r *reader) integer(n *yaml.Node, where string, lo int64) (int64, bool) {
	want := fmt.Sprintf("a whole number of %d or more", lo)
	if !r.plain(n, where, yaml.ScalarNode, want) {
		return 0, false
	}
	v, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || n.Tag != "!!int" || v < lo || v > math.MaxInt32 && where != "limits.max_size" {
		r.fail(n, where, "%q: want %s", n.Value, want)
		return 0, false
	}
	return v, true
}

// choice reads one of several words.
func (r *reader) choice(n *yaml.Node, where string, words []string) (string, bool) {
	s, ok := r.text(n, where)
	if ok && !slices.Contains(words, s) {
		r.fail(n, where, "%q: want one of %s", s, keyList(words))
		return "", false
	}
	return s, ok
}
