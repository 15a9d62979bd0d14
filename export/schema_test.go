package export

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/safedump/sdcore/report"
)

const schemaFile = "../docs/report.schema.json"

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tree renders the report as a file and reads it as untyped JSON.
func tree(t testing.TB, r *report.Report) any {
	t.Helper()
	var b bytes.Buffer
	if err := writeJSON(&b, r, Options{MaxSize: -1}); err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFilesMatchSchema(t *testing.T) {
	s := compiled(t)
	for name, r := range map[string]*report.Report{
		"pay": payReport(), "heap": heapReport(), "hostile": hostileReport(), "empty": {}, "thread": threadReport(), "deep": deepReport(5000),
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.Validate(tree(t, r)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLinesMatchSchema: so does each line of JSON lines.
func TestLinesMatchSchema(t *testing.T) {
	s, err := jsonschema.NewCompiler().Compile(schemaFile + "#/$defs/line")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*report.Report{
		"pay": payReport(), "heap": heapReport(), "hostile": hostileReport(), "empty": {}, "thread": threadReport(),
	} {
		var b bytes.Buffer
		if err := writeJSONL(&b, r); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(b.String()) {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(l))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: %s%v", name, l, err)
			}
		}
	}
	for _, l := range []string{`{"record":"end"}`, `{"record":"goroutine","goroutines":1,"redaction_counts":{}}`, `{"goroutines":1,"redaction_counts":{}}`} {
		if v, err := jsonschema.UnmarshalJSON(strings.NewReader(l)); err != nil || s.Validate(v) == nil {
			t.Errorf("accepted %s, %v", l, err)
		}
	}
}

func TestSchemaRejects(t *testing.T) {
	s := compiled(t)
	for _, c := range []struct {
		path string
		to   any
	}{
		{"frames", nil},
		{"threads", nil},
		{"schema_version", json.Number("2")},
		{"schema_version", "1"},
		{"timestamp", "2026-11-22T12:11:53Z"},
		{"fingerprint", "56B0809A7E55"},
		{"exception.message", nil},
		{"exception.extra", "x"},
		{"extra", "x"},
		{"frames.0.is_crash_site", false},
		{"frames.1.is_crash_site", true},
		{"frames.0.line", json.Number("-1")},
		{"frames.0.line", "36"},
		{"frames.0.locals", []any{}},
		{"frames.0.locals.gw.value", nil},
		{"frames.0.locals.gw.value", json.Number("0")},
		{"frames.0.locals.gw.original_length", json.Number("4")}, // not truncated
		{"environment.python_path", nil},
		{"metadata.sdcore", map[string]any{}},
		{"metadata.sdcore.schema", json.Number("2")},
		{"metadata.sdcore.goroutines", nil},
		{"metadata.sdcore.goroutines.0.frames.0.pc", json.Number("4889547")},
		{"metadata.sdcore.goroutines.0.frames.1.vars.0.value.state", "sure"},
		{"metadata.sdcore.goroutines.0.frames.1.vars.0.value.kind", "integer"},
		{"metadata.sdcore.goroutines.0.frames.1.vars.3.value.text", "0"}, // optimized out
		{"metadata.sdcore.crash.kind", "bad luck"},
		{"metadata.sdcore.tier", json.Number("5")},
	} {
		doc := tree(t, payReport())
		if err := s.Validate(doc); err != nil {
			t.Fatal(err)
		}
		set(t, doc, strings.Split(c.path, "."), c.to)
		if s.Validate(doc) == nil {
			t.Errorf("accepted with %s = %v", c.path, c.to)
		}
	}
	for _, key := range []string{"frames", "metadata", "occurrence_count"} {
		doc := tree(t, payReport()).(map[string]any)
		delete(doc, key)
		if s.Validate(doc) == nil {
			t.Errorf("accepted without %s", key)
		}
	}
}

// set replaces the value at a path.
func set(t *testing.T, doc any, path []string, to any) {
	t.Helper()
	for i, key := range path {
		last := i == len(path)-1
		switch x := doc.(type) {
		case map[string]any:
			if last {
				x[key] = to
				return
			}
			doc = x[key]
		case []any:
			n := int(key[0] - '0')
			if last {
				x[n] = to
				return
			}
			doc = x[n]
		default:
			t.Fatalf("no %v in the document", path)
		}
	}
}

// TestSchemaDescribesEveryField keeps the schema and the model together.
func TestSchemaDescribesEveryField(t *testing.T) {
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	schema.Defs["file"] = schema.object
	for name, typ := range map[string]any{
		"file": report.Document{}, "doc_exception": report.DocException{}, "doc_frame": report.DocFrame{}, "doc_local": report.DocLocal{},
		"doc_environment": report.DocEnvironment{}, "doc_thread": report.DocThread{}, "doc_redaction": report.DocRedaction{},
		"sdcore": report.Report{}, "generator": report.Generator{}, "seen": report.Seen{}, "crash": report.Crash{},
		"report_exception": report.Exception{}, "signal": report.Signal{}, "identity": report.Identity{}, "module": report.Module{},
		"setting": report.Setting{}, "process": report.Process{}, "env_var": report.EnvVar{}, "thread": report.Thread{},
		"goroutine": report.Goroutine{}, "creator": report.Creator{}, "label": report.Label{}, "frame": report.Frame{},
		"variable": report.Variable{}, "source": report.Source{}, "group": report.Group{}, "frame_ref": report.FrameRef{},
		"global": report.Global{}, "limits": report.Limits{}, "omission": report.Omission{}, "problem": report.Problem{},
		"waits": report.Waits{}, "wait_object": report.WaitObject{}, "waiter": report.Waiter{}, "wait_name": report.WaitName{},
		"wait_holder": report.WaitHolder{}, "wait_finding": report.WaitFinding{}, "wait_step": report.WaitStep{},
		"waiting_group": report.WaitingGroup{}, "waiting_for": report.WaitingFor{},
		"redaction": report.Redaction{}, "value": report.Value{}, "child": report.Child{},
		"heap": report.Heap{}, "heap_totals": report.HeapTotals{}, "heap_type": report.HeapType{}, "heap_package": report.HeapPackage{},
		"heap_root": report.HeapRoot{}, "heap_owner": report.HeapOwner{}, "heap_object": report.HeapObject{}, "heap_path": report.HeapPath{},
		"heap_step": report.HeapStep{}, "heap_suspect": report.HeapSuspect{}, "heap_string": report.HeapString{}, "heap_waste": report.HeapWaste{},
		"heap_growth": report.HeapGrowth{}, "heap_site": report.HeapSite{}, "heap_sample": report.HeapSample{},
	} {
		rt := reflect.TypeOf(typ)
		fields := map[string]bool{} // by key: whether it is always written
		for i := range rt.NumField() {
			key, opts, _ := strings.Cut(rt.Field(i).Tag.Get("json"), ",")
			if !rt.Field(i).IsExported() || key == "-" {
				continue
			}
			fields[key] = opts == ""
		}
		def := schema.Defs[name]
		if name == "generator" { // metadata.generator is the short form of it
			fields["backend"] = false
		}
		want, got := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(def.Properties))
		if !slices.Equal(want, got) {
			t.Errorf("%s: the model has %v, the schema %v", name, want, got)
		}
		for key, always := range fields {
			if always != slices.Contains(def.Required, key) {
				t.Errorf("%s.%s: always written %v, required by the schema %v", name, key, always, !always)
			}
		}
	}
}
