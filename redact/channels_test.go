package redact

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestEveryChannel plants a secret in each place of a report by what tells it
// there, a name or the text around it, and looks for it in the result of two
// tiers. TestEveryStringIsScanned does the same with a secret that is told by its
// own form, in every string of the model.
func TestEveryChannel(t *testing.T) {
	const secret = "wq7Zr4LmT0yX9w7VbN2cKd"
	frame := func(r *report.Report) *report.Frame { return &r.Goroutines[0].Frames[0] }
	inVar := func(name string, v report.Value) func(*report.Report) {
		return func(r *report.Report) { frame(r).Vars = append(frame(r).Vars, variable(name, v)) }
	}
	pair := "login failed: user=bob password=" + secret
	for what, plant := range map[string]func(r *report.Report){
		"field":           inVar("v", structOf("main.T", "Password", str(secret))),
		"field of fields": inVar("v", structOf("main.T", "DB", structOf("main.D", "Password", str(secret)))),
		"map key":         inVar("v", mapOf("map[string]int", str(pair), num("1"))),
		"map value":       inVar("v", mapOf("map[string]string", str("password"), str(secret))),
		"slice element":   inVar("v", sliceOf("[]string", str(pair))),
		"flag in a slice": inVar("v", sliceOf("[]string", str("--password"), str(secret))),
		"named slice":     inVar("passwords", sliceOf("[]string", str(secret))),
		"interface":       inVar("v", anyOf(str(pair))),
		"named interface": inVar("password", anyOf(str(secret))),
		"pointer":         inVar("password", ptr(str(secret))),
		"bytes":           inVar("v", bytesOf(pair)),
		"channel":         inVar("v", report.Value{State: report.StateOK, Kind: report.KindChan, Type: "chan string", Len: 1, Cap: 2, Children: []report.Child{{Value: str(pair)}}}),
		"closure": inVar("v", report.Value{State: report.StateOK, Kind: report.KindFunc, Type: "func()", Text: "main.f.func1",
			Children: []report.Child{{Name: "&password", Value: str(secret)}}}),
		"summary": inVar("v", report.Value{State: report.StateOK, Kind: report.KindStruct, Type: "main.T", Text: pair}),
		"note":    inVar("v", report.Value{State: report.StateUnreadable, Kind: report.KindInt, Type: "int", Note: pair}),
		"captured": func(r *report.Report) {
			v := variable("password", str(secret))
			v.Role = report.RoleCaptured
			frame(r).Vars = append(frame(r).Vars, v)
		},
		"shadowed": inVar("password#2", str(secret)),
		"escaped":  inVar("&password", str(secret)),
		"deferred": func(r *report.Report) {
			frame(r).Defers = []report.Defer{{Function: "main.f", Vars: []report.Variable{variable("password", str(secret))}}}
		},
		"global": func(r *report.Report) {
			r.Globals = []report.Global{{Package: "main", Name: "dbPassword", Value: str(secret)}}
		},
		"frame of a thread": func(r *report.Report) {
			r.Threads = []report.Thread{{Frames: []report.Frame{{Vars: []report.Variable{variable("password", str(secret))}}}}}
		},
		"label":           func(r *report.Report) { r.Goroutines[0].Labels = []report.Label{{Key: "password", Value: secret}} },
		"text of a label": func(r *report.Report) { r.Goroutines[0].Labels = []report.Label{{Key: "note", Value: pair}} },
		"key of a label": func(r *report.Report) {
			r.Goroutines[0].Labels = []report.Label{{Key: "password=" + secret, Value: "x"}}
		},
		"panic message": func(r *report.Report) { r.Crash.Exception.Message = pair },
		"error chain": func(r *report.Report) {
			r.Crash.Exception.Sub = []report.Exception{{Message: "x", Sub: []report.Exception{{Message: pair}}}}
		},
		"panic value": func(r *report.Report) { v := structOf("main.E", "Password", str(secret)); r.Crash.Exception.Value = &v },
		"value in a chain": func(r *report.Report) {
			v := str(pair)
			r.Crash.Exception.Sub = []report.Exception{{Message: "x", Value: &v}}
		},
		"evidence":           func(r *report.Report) { r.Crash.Evidence = []string{pair} },
		"argument":           func(r *report.Report) { r.Process.Args = []string{"svc", "--password=" + secret} },
		"argument word":      func(r *report.Report) { r.Process.Args = []string{"svc", "--token", secret} },
		"argument, one dash": func(r *report.Report) { r.Process.Args = []string{"svc", "-api-key", secret} },
		"argument URL":       func(r *report.Report) { r.Process.Args = []string{"svc", "postgres://app:" + secret + "@db/orders"} },
		"environment":        func(r *report.Report) { r.Process.Env = []report.EnvVar{{Name: "DB_PASSWORD", Value: secret}} },
		"process name":       func(r *report.Report) { r.Process.Name = "token=" + secret },
		"directory":          func(r *report.Report) { r.Process.Dir = "/srv/password=" + secret + "/run" },
		"source line": func(r *report.Report) {
			frame(r).Source = &report.Source{First: 1, Lines: []string{`	password := "` + secret + `"`}}
		},
		"file path": func(r *report.Report) { frame(r).File = "/build/token=" + secret + "/main.go" },
		"creator's path": func(r *report.Report) {
			r.Goroutines[0].Creator = &report.Creator{File: "/build/token=" + secret + "/main.go"}
		},
		"deferred's path": func(r *report.Report) {
			frame(r).Defers = []report.Defer{{File: "/build/token=" + secret + "/main.go"}}
		},
		"group's path": func(r *report.Report) {
			r.Groups = []report.Group{{Frames: []report.FrameRef{{File: "/build/token=" + secret + "/main.go"}}}}
		},
		"core's path":   func(r *report.Report) { r.Identity.Core = "/cores/token=" + secret + "/core" },
		"binary's path": func(r *report.Report) { r.Identity.Binary = "/bin/token=" + secret + "/svc" },
		"module path": func(r *report.Report) {
			r.Identity.Deps = []report.Module{{Path: "https://app:" + secret + "@git.internal/x"}}
		},
		"module's replacement": func(r *report.Report) {
			r.Identity.Main = report.Module{Path: "a.b/c", Replaced: "/build/token=" + secret + "/c"}
		},
		"-X of a secret": setting("-ldflags", "-s -X main.apiKey="+secret+" -X main.version=1.2"),
		"-X of a key":    setting("-ldflags", "-X main.key="+secret),
		"-X in quotes":   setting("-ldflags", "-X 'main.dbPassword="+secret+"'"),
		"-X=":            setting("-ldflags", "-X=main.deployToken="+secret),
		"-X and a path":  setting("-ldflags", "-X example.com/app/internal/cfg.clientSecret="+secret),
		"setting's name": setting("password", secret),
		"problem":        func(r *report.Report) { r.Problems = []report.Problem{{Stage: "vars", Subject: "x", Message: pair}} },
		"problem's subject": func(r *report.Report) {
			r.Problems = []report.Problem{{Stage: "vars", Subject: "variable password=" + secret}}
		},
		"key on a heap path": inHeap(func(h *report.Heap) { h.Paths = []report.HeapPath{heapPath("cache", keyStep(pair))} }),
		"named heap path":    inHeap(func(h *report.Heap) { h.Paths = []report.HeapPath{heapPath("passwords", keyStep(secret))} }),
		"key of an object's path": inHeap(func(h *report.Heap) {
			h.Retained = []report.HeapObject{{Path: heapPath("cache", fieldStep("secrets"), keyStep(secret))}}
		}),
		"key of a suspect": inHeap(func(h *report.Heap) {
			h.Suspects = []report.HeapSuspect{{Object: &report.HeapObject{Path: heapPath("cache", keyStep(pair))}}}
		}),
		"key of waste": inHeap(func(h *report.Heap) { h.Waste = []report.HeapWaste{{Holder: heapPath("cache", keyStep(pair))}} }),
		"heap string":  inHeap(func(h *report.Heap) { h.Strings = []report.HeapString{{Value: str(pair)}} }),
		"named heap string": inHeap(func(h *report.Heap) {
			h.Strings = []report.HeapString{{Value: str(secret), Holder: heapPath("db", fieldStep("Password"))}}
		}),
		"heap string below a key": inHeap(func(h *report.Heap) {
			h.Strings = []report.HeapString{{Value: str(secret), Holder: heapPath("settings", keyStep("password"))}}
		}),
		"name on a heap path": inHeap(func(h *report.Heap) { h.Paths = []report.HeapPath{heapPath("token=" + secret)} }),
		"heap profile":        inHeap(func(h *report.Heap) { h.Samples = []report.HeapSample{{Stack: []string{"token=" + secret}}} }),
		"site's path": inHeap(func(h *report.Heap) {
			h.Sites = []report.HeapSite{{Frames: []report.FrameRef{{File: "/build/token=" + secret + "/main.go"}}}}
		}),
		"older core's path": inHeap(func(h *report.Heap) { h.Since = "/cores/token=" + secret + "/core" }),
		"stack end":         func(r *report.Report) { r.Goroutines[0].StackEnd = pair },
		"match evidence":    func(r *report.Report) { r.Identity.Evidence = []string{pair} },
	} {
		for _, tier := range []int{1, 4} { // the least that shows variables, and everything
			r := reportWith()
			plant(r)
			if !strings.Contains(encode(t, r), secret) {
				t.Fatalf("%s: nothing is planted", what)
			}
			if out := encode(t, applied(t, r, Policy{Tier: tier, Limits: report.Limits{MaxString: -1}})); strings.Contains(out, secret[4:14]) {
				i := strings.Index(out, secret[4:14])
				t.Errorf("%s, tier %d: left: %s", what, tier, out[max(0, i-120):min(len(out), i+40)])
			}
		}
	}
}

func setting(key, value string) func(*report.Report) {
	return func(r *report.Report) { r.Identity.Settings = []report.Setting{{Key: key, Value: value}} }
}
