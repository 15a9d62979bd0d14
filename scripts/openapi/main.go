// Openapi takes the operations that a test uses out of the description of an API, with
// what they refer to and nothing else (tracker/testdata/openapi/README.md).
//
//	go run ./scripts/openapi DESCRIPTION 'METHOD PATH' ... >subset.json
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// placeholders are Gitea's: its description is a template.
var placeholders = regexp.MustCompile(`\{\{[^{}]*\}\}`)

type object = map[string]any

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("want DESCRIPTION 'METHOD PATH' [...], as in tracker/testdata/openapi/README.md")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var doc object
	if err := json.Unmarshal(placeholders.ReplaceAll(data, nil), &doc); err != nil {
		return err
	}
	s := subset{doc: doc, components: object{}}
	paths := object{}
	for _, op := range args[1:] {
		method, path, _ := strings.Cut(op, " ")
		item, _ := doc["paths"].(object)[path].(object)
		operation, ok := item[strings.ToLower(method)]
		if !ok {
			return fmt.Errorf("no operation %q", op)
		}
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path].(object)[strings.ToLower(method)] = s.clean(operation)
	}
	out := object{"openapi": doc["openapi"], "info": doc["info"], "paths": paths, "components": s.components}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := errors.Join(enc.Encode(out), s.err); err != nil {
		return err
	}
	_, err = os.Stdout.Write(b.Bytes())
	return err
}

// subset copies what operations refer to.
type subset struct {
	doc        object
	components object
	err        error
}

// clean returns a value without examples and links to documentation.
func (s *subset) clean(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = s.clean(v[i])
		}
		return list
	case object:
		out := object{}
		for key, x := range v {
			if ref, ok := x.(string); ok && key == "$ref" {
				s.take(ref)
			}
			_, text := x.(string)
			if key == "examples" || key == "example" || key == "externalDocs" || strings.HasPrefix(key, "x-") || key == "description" && text && v["$ref"] == nil && v["content"] == nil && v["headers"] == nil && len(v) > 1 {
				continue
			}
			out[key] = s.clean(x)
		}
		return out
	}
	return v
}

// take copies a component.
func (s *subset) take(ref string) {
	parts := strings.Split(ref, "/") // #/components/schemas/issue
	if len(parts) != 4 {
		s.err = fmt.Errorf("reference %q", ref)
		return
	}
	kind, name := parts[2], parts[3]
	if s.components[kind] == nil {
		s.components[kind] = object{}
	}
	all := s.components[kind].(object)
	if _, done := all[name]; done {
		return
	}
	from, _ := s.doc["components"].(object)[kind].(object)
	all[name] = true // so that a type may refer to itself
	all[name] = s.clean(from[name])
}
