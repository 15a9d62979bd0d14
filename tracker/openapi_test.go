package tracker

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// checker checks what is sent to a fake server by the description that the tracker's
// project publishes, and what the server answers. Without a description it lets
// everything through.
func checker(t testing.TB, kind string) func(w *httptest.ResponseRecorder, r *http.Request, next http.Handler) {
	router := described(t, kind)
	if router == nil {
		return func(w *httptest.ResponseRecorder, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }
	}
	return func(w *httptest.ResponseRecorder, r *http.Request, next http.Handler) {
		data, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(data))
		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			w.WriteHeader(404)
			return
		}
		for _, problem := range unknownParts(route.Operation, r, data) {
			t.Errorf("%s %s: %s", r.Method, r.URL.Path, problem)
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
		}}
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(data))
		next.ServeHTTP(w, r)
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: in.Options}
		out.SetBodyBytes(w.Body.Bytes())
		if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
			t.Errorf("the fake's answer to %s %s: %.300v", r.Method, r.URL.Path, err)
		}
	}
}

// optional makes the properties of answers optional: the fakes leave out what
// nobody here reads.
func optional(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	s.Required = nil
	optional(s.Items, seen)
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, x := range list {
			optional(x, seen)
		}
	}
	for _, x := range s.Properties {
		optional(x, seen)
	}
}

// descriptions holds what was read, by kind.
var descriptions sync.Map

// described is the description of an API, nil where none is at hand.
func described(t testing.TB, kind string) routers.Router {
	t.Helper()
	read, _ := descriptions.LoadOrStore(kind, sync.OnceValue(func() routers.Router { return readDescription(t, kind) }))
	return read.(func() routers.Router)()
}

func readDescription(t testing.TB, kind string) routers.Router {
	files, _ := filepath.Glob("testdata/openapi/" + kind + ".json")
	if len(files) == 0 {
		return nil
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil
	if kind == "gitea" {
		doc.Servers = openapi3.Servers{{URL: "/api/v1"}}
	}
	no := false
	answers := map[*openapi3.Schema]bool{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, answer := range op.Responses.Map() {
				for _, media := range answer.Value.Content {
					optional(media.Schema, answers)
				}
			}
			if op.RequestBody == nil {
				continue
			}
			for _, media := range op.RequestBody.Value.Content {
				if s := media.Schema.Value; answers[s] {
					t.Fatalf("%s: a body of requests is one of answers, too", op.OperationID)
				} else if len(s.Properties) > 0 { // what is not described is no part of it
					s.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
				}
			}
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// unknownParts are parameters that the operation does not have, and parts of a form.
func unknownParts(op *openapi3.Operation, r *http.Request, data []byte) []string {
	var problems []string
	for name := range r.URL.Query() {
		if !slices.ContainsFunc(op.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.In == "query" && p.Value.Name == name }) {
			problems = append(problems, "it has no parameter "+name)
		}
	}
	kind, boundary, form := strings.Cut(r.Header.Get("Content-Type"), "; boundary=")
	if op.RequestBody == nil {
		if len(data) > 0 {
			problems = append(problems, "it takes no body")
		}
		return problems
	}
	media := op.RequestBody.Value.Content[kind]
	if media == nil {
		return append(problems, "it takes no "+kind)
	}
	for m := multipart.NewReader(bytes.NewReader(data), boundary); form; {
		part, err := m.NextPart()
		if err != nil {
			break
		}
		if media.Schema.Value.Properties[part.FormName()] == nil {
			problems = append(problems, "its form has no "+part.FormName())
		}
	}
	return problems
}

// TestCheckerFinds: what is wrong with a request is found.
func TestCheckerFinds(t *testing.T) {
	for name, x := range map[string]struct{ kind, method, path, typ, body string }{
		"path":       {"github", "GET", "/repos/a/b/tickets", "", ""},
		"method":     {"github", "DELETE", "/repos/a/b/issues", "", ""},
		"parameter":  {"github", "GET", "/repos/a/b/issues?labelz=x", "", ""},
		"enum":       {"github", "GET", "/repos/a/b/issues?state=shut", "", ""},
		"required":   {"github", "POST", "/repos/a/b/issues", "application/json", `{"body":"x"}`},
		"property":   {"github", "POST", "/repos/a/b/issues", "application/json", `{"title":"x","bodi":"x"}`},
		"type":       {"gitea", "POST", "/api/v1/repos/a/b/issues", "application/json", `{"title":"x","labels":["sdcore"]}`},
		"media type": {"gitlab", "POST", "/api/v4/projects/1/issues", "text/plain", `{"title":"x"}`},
		"labels":     {"gitlab", "POST", "/api/v4/projects/a%2Fb/issues", "application/json", `{"title":"x","labels":"sdcore"}`},
		"form":       {"gitlab", "POST", "/api/v4/projects/1/uploads", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\nx\r\n--b--\r\n"},
		"answer":     {"github", "GET", "/repos/a/b/issues/1/comments", "", ""},
	} {
		heard := &ear{TB: t}
		r := httptest.NewRequest(x.method, x.path, strings.NewReader(x.body))
		if x.typ != "" {
			r.Header.Set("Content-Type", x.typ)
		}
		checker(heard, x.kind)(httptest.NewRecorder(), r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `[{"body": 12}]`)
		}))
		if heard.errors == 0 {
			t.Errorf("%s: nothing is found wrong", name)
		}
	}
}

// ear counts errors.
type ear struct {
	testing.TB
	errors int
}

func (e *ear) Errorf(string, ...any) { e.errors++ }
