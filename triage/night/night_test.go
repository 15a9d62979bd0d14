package night

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/safedump/sdcore/triage/batch"
	"github.com/safedump/sdcore/triage/index"
)

var update = flag.Bool("update", false, "rewrite testdata")

// oneNight has one of everything that is told.
func oneNight() *Night {
	at := time.Date(2026, 11, 29, 23, 47, 11, 0, time.UTC)
	return &Night{
		Time: at, Host: "web3",
		Outcome: batch.Outcome{
			Crashes: 9, Files: 12, Reported: 6, Known: 1, Covered: 1, Writing: 2, Interrupted: true,
			Failed:  []batch.File{{Path: "/var/crash/a\x1b[31m", Reason: "not a core\nor is it"}},
			Waiting: []batch.File{{Path: "/var/crash/core.9", Reason: "no binary with build ID 01d2"}},
			Skipped: []batch.File{{Path: "/var/crash/b", Reason: "is a link"}},
		},
		Groups: []Group{
			{
				Name: "g36dfdaf3f7cf", Status: index.New, Title: "nil dereference in pay.charge", Type: "runtime.errorString",
				Message: "runtime error: invalid memory address", Site: "main.charge (pay.go:36)", Program: "pay", Count: 1, First: at, Last: at.Add(time.Second),
				Hosts: []index.Count{{Value: "web3", N: 1}}, Versions: []index.Count{{N: 1}}, Report: "a.safedump.json",
			},
			{
				Name: "g47d5064e52ac", Status: index.Regressed, Title: "`panic` | <b>of</b> [x](http://e)", Count: 7, First: at.AddDate(0, -1, 0), Last: at,
				FixedIn: "v1.4.0", Site: "main.load (load.go:7)", Program: "`pay`",
				Hosts:    []index.Count{{Value: "web1", N: 2}, {Value: "web2", N: 1}, {Value: "web3", N: 1}, {Value: "web4", N: 1}, {Value: "web5", N: 1}, {Value: "web6", N: 1}},
				Versions: []index.Count{{Value: "v1.5.0", N: 7}},
				Always:   []index.Variable{{Path: "main.load.tier", Value: `"premium_plus"`}},
				Differ:   []index.Varying{{Path: "main.load.n"}},
				Similar:  []string{"g65a74a91681b"},
			},
		},
	}
}

// TestGolden shows a night in each format.
func TestGolden(t *testing.T) {
	for format, file := range map[string]string{"text": "night.txt", "markdown": "night.md", "json": "night.json"} {
		var b bytes.Buffer
		if err := Write(&b, oneNight(), format); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s differs (accept with -update):\n%s", path, &b)
		}
	}
}

// TestJSONReadsBack: what a program gets is the night.
func TestJSONReadsBack(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, oneNight(), "json"); err != nil {
		t.Fatal(err)
	}
	var n Night
	if err := json.Unmarshal(b.Bytes(), &n); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(n.Groups, oneNight().Groups) {
		t.Errorf("read back as\n%+v", n.Groups)
	}
}

// TestLists are bounded, and say what is missing.
func TestLists(t *testing.T) {
	n := oneNight()
	for range 2 * maxShown {
		n.Groups = append(n.Groups, n.Groups[0])
		n.Outcome.Failed = append(n.Outcome.Failed, n.Outcome.Failed[0])
	}
	var b bytes.Buffer
	if err := Write(&b, n, "text"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"New: 101, came back: 1\n", "\n  and 52 more: sdcore list\n", "Failed: 101\n", "\n  and 51 more\n"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("%q is missing in\n%s", text, &b)
		}
	}
}

// TestMarkdownIsQuiet has GitHub's Markdown read a night: texts of crashed processes are
// code, and nothing else is made of them.
func TestMarkdownIsQuiet(t *testing.T) {
	n := oneNight()
	evil := "`<script>alert(1)</script>` **b** [x](http://e) ![i](http://e) @all #1 http://e.example | ~~~"
	for i := range n.Groups {
		g := &n.Groups[i]
		g.Title, g.Message, g.Site, g.Program, g.FixedIn, g.Similar = evil, evil, evil, evil, evil, []string{evil}
		g.Hosts, g.Versions = []index.Count{{Value: evil, N: 1}}, []index.Count{{Value: evil, N: 1}}
		g.Always, g.Differ = []index.Variable{{Path: evil, Value: evil}}, []index.Varying{{Path: evil}}
	}
	n.Host, n.Outcome.Failed = evil, []batch.File{{Path: evil, Reason: evil}}
	var b bytes.Buffer
	if err := Write(&b, n, "markdown"); err != nil {
		t.Fatal(err)
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	doc := md.Parser().Parse(text.NewReader(b.Bytes()))
	spans := 0
	err := ast.Walk(doc, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node.Kind() {
		case ast.KindCodeSpan:
			spans++
			return ast.WalkSkipChildren, nil
		case ast.KindDocument, ast.KindHeading, ast.KindList, ast.KindListItem, ast.KindTextBlock, ast.KindParagraph:
		case ast.KindText:
			if s := string(node.(*ast.Text).Segment.Value(b.Bytes())); strings.ContainsAny(s, "<[@#") || strings.Contains(s, "http") {
				t.Errorf("outside of code: %q", s)
			}
		default:
			t.Errorf("a %s: %s", node.Kind(), node.Lines().Value(b.Bytes()))
		}
		return ast.WalkContinue, nil
	})
	if err != nil || spans < 25 {
		t.Errorf("%d spans of code, %v", spans, err)
	}
}
