package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLayoutReport(t *testing.T) {
	in := `{"a":1,"list":[{"x":[1,2],"s":"a,\"]}{["},{}],"none":[],"obj":{"k":[true]}}`
	want := `{
      "a": 1,
      "list": [
        {"x":[1,2],"s":"a,\"]}{["},
        {}
      ],
      "none": [],
      "obj": {"k":[true]}
    }`
	got, err := layoutReport(json.RawMessage(in), "    ")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, empty := range []string{`{}`, `[]`, `0`, `"a: b"`} {
		if got, err := layoutReport(json.RawMessage(empty), "    "); err != nil || string(got) != empty {
			t.Errorf("%s became %s, %v", empty, got, err)
		}
	}
}

// FuzzLayoutReport: the layout changes white space only.
func FuzzLayoutReport(f *testing.F) {
	f.Add(`{"a":[1,{"b":"\\\""}],"c":{}}`)
	f.Add(`[[[]],{"":[{}]}]`)
	f.Fuzz(func(t *testing.T, in string) {
		var want bytes.Buffer
		if json.Compact(&want, []byte(in)) != nil {
			t.Skip("not JSON")
		}
		laid, err := layoutReport(json.RawMessage(in), "")
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := json.Compact(&got, laid); err != nil {
			t.Fatalf("%q became %q: %v", in, laid, err)
		}
		if got.String() != want.String() {
			t.Errorf("%q became %q", in, laid)
		}
	})
}

// TestEncodeFindsItsOwnMark: a document may hold what looks like the place of
// the metadata.
func TestEncodeFindsItsOwnMark(t *testing.T) {
	d := &Document{Metadata: map[string]json.RawMessage{
		"sdcore": json.RawMessage(`{"schema":1}`),
		"z":      json.RawMessage(`{"sdcore":0,"t":"\n    \"sdcore\": 0"}`),
	}}
	var b strings.Builder
	if err := Encode(&b, d); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Metadata map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, back.Metadata["sdcore"]); err != nil || compact.String() != `{"schema":1}` {
		t.Errorf("metadata.sdcore came back as %s, %v", compact.String(), err)
	}
}
