package report

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MarshalJSON writes the locals as an object in their order. Equal names are
// an error: a reader would keep only the last.
func (l DocLocals) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	seen := make(map[string]bool, len(l))
	b.WriteByte('{')
	for i, nl := range l {
		if seen[nl.Name] {
			return nil, fmt.Errorf("local %d: its name is not unique in the frame", i)
		}
		seen[nl.Name] = true
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(&b, nl.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := appendJSON(&b, nl.Local); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// appendJSON writes v without the escaping for HTML and without a newline.
func appendJSON(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1)
	return nil
}

// UnmarshalJSON reads an object and keeps its order. It takes what Safedump's
// viewers take: something else than an object is no locals, a value that is
// not a string is kept as its JSON text, and of equal names the last wins.
func (l *DocLocals) UnmarshalJSON(data []byte) error {
	*l = DocLocals{}
	dec := json.NewDecoder(bytes.NewReader(data))
	t, err := dec.Token()
	if err != nil || t != json.Delim('{') {
		return err
	}
	at := map[string]int{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // the keys of an object are strings
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		nl := NamedLocal{Name: name, Local: looseLocal(raw)}
		if i, ok := at[name]; ok {
			(*l)[i] = nl
			continue
		}
		at[name] = len(*l)
		*l = append(*l, nl)
	}
	return nil
}

// looseLocal reads one variable as far as it has the right types.
func looseLocal(raw json.RawMessage) DocLocal {
	var m struct {
		Type           json.RawMessage `json:"type"`
		Value          json.RawMessage `json:"value"`
		IsTruncated    json.RawMessage `json:"is_truncated"`
		OriginalLength json.RawMessage `json:"original_length"`
	}
	if json.Unmarshal(raw, &m) != nil { // not an object
		return DocLocal{Value: looseString(raw)}
	}
	d := DocLocal{Type: looseString(m.Type), Value: looseString(m.Value)}
	d.IsTruncated = string(m.IsTruncated) == "true"
	if d.IsTruncated && len(m.OriginalLength) > 0 {
		var n int64
		if json.Unmarshal(m.OriginalLength, &n) == nil && n > 0 {
			d.OriginalLength = n
		}
	}
	return d
}

// looseString returns a JSON string's contents, and anything else as its JSON
// text: a number in the place of a string is not lost.
func looseString(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
