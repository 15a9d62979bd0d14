package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdTracker starts a server that speaks as much of GitHub's API as a new issue needs,
// with a certificate of its own in ca.pem, and puts its address into $tracker:
//
//	tracker TOKEN
func cmdTracker(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tracker TOKEN")
	}
	var mu sync.Mutex
	var issues, comments []map[string]any
	m := http.NewServeMux()
	list := func(of *[]map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			json.NewEncoder(w).Encode(append([]map[string]any{}, *of...))
		}
	}
	take := func(to *[]map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			v := map[string]any{}
			if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			v["number"], v["state"] = len(*to)+1, "open"
			v["html_url"] = fmt.Sprint("https://git.example/ada/pay/issues/", len(*to)+1)
			delete(v, "labels")
			*to = append(*to, v)
			w.WriteHeader(http.StatusCreated)
			json.NewEncoder(w).Encode(v)
		}
	}
	m.Handle("GET /repos/ada/pay/issues", list(&issues))
	m.Handle("POST /repos/ada/pay/issues", take(&issues))
	m.Handle("GET /repos/ada/pay/issues/{n}/comments", list(&comments))
	m.Handle("POST /repos/ada/pay/issues/{n}/comments", take(&comments))
	m.HandleFunc("GET /search/issues", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"items": []any{}})
	})
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+args[0] {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		m.ServeHTTP(w, r)
	}))
	ts.Defer(s.Close)
	var ca bytes.Buffer
	ts.Check(pem.Encode(&ca, &pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), ca.Bytes(), 0o600))
	ts.Setenv("tracker", s.URL)
	ts.Setenv("host", strings.TrimPrefix(s.URL, "https://"))
}

// TestAttachAsksTheProxy: the transport takes the proxy from the environment.
func TestAttachAsksTheProxy(t *testing.T) {
	rt, err := (&attachFlags{}).transport()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := reflect.ValueOf(rt.(*http.Transport).Proxy).Pointer(), reflect.ValueOf(http.ProxyFromEnvironment).Pointer(); got != want {
		t.Error("it does not")
	}
}
