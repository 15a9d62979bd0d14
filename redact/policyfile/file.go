package policyfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/safedump/sdcore/redact"
)

// maxBytes bounds what is read of a policy file.
const maxBytes = 1 << 20

// File is a policy file that was read.
type File struct {
	changes []func(*redact.Policy)
}

// Apply returns p with what the file says.
func (f *File) Apply(p redact.Policy) redact.Policy {
	for _, change := range f.changes {
		change(&p)
	}
	return p
}

// Read reads the policy file at path.
func Read(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("policy: %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a policy. The name stands in errors, which list all that is wrong.
func Parse(name string, data []byte) (*File, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("policy: %s: more than %d bytes", name, maxBytes)
	}
	var doc, next yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("policy: %s: the file is empty: want one of %s", name, topKeys)
	case err != nil:
		return nil, fmt.Errorf("policy: %s: %w", name, err)
	}
	if err := dec.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("policy: %s: more than one document: remove what follows ---", name)
	}
	r := reader{name: name, file: &File{}}
	if len(doc.Content) == 1 {
		r.top(doc.Content[0])
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	// What is right by itself has to be right together.
	if err := r.file.Apply(redact.Default()).Validate(); err != nil {
		return nil, fmt.Errorf("policy: %s: %w", name, err)
	}
	return r.file, nil
}
