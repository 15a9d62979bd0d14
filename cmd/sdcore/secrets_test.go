package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// plantedSecret is one that fixtures/secrets told of.
type plantedSecret struct {
	Channel, Class, Name, Secret string
}

// group is what is counted together: places by class, and tokens of a provider
// by provider, because they are the same in every place.
func (p plantedSecret) group() string {
	if p.Class == "provider" {
		return "provider " + p.Name
	}
	return p.Channel + ", " + p.Class
}

// TestPlantedSecrets runs every command in every format over the core of
// fixtures/secrets and looks for thousands of planted secrets, plain, encoded and
// in pieces.
func TestPlantedSecrets(t *testing.T) {
	f := coretest.Core(t, "secrets")
	planted := readPlanted(t, f)
	if len(planted) < 3000 {
		t.Fatalf("only %d secrets were planted", len(planted))
	}
	search := newSecretSearch(planted)
	checkDecoded(t, f, planted, search)

	leaks := map[int]bool{}
	where := map[string][]string{}
	outputs := plantedOutputs(t, f)
	for name, out := range outputs {
		if len(out) < 10 {
			t.Errorf("%s: only %d bytes", name, len(out))
		}
		for i, form := range search.find(out) {
			g := planted[i].group()
			leaks[i] = true
			if at := name + " (" + form + ")"; !slices.Contains(where[g], at) {
				where[g] = append(where[g], at)
			}
		}
	}
	for g, list := range where {
		slices.Sort(list)
		t.Errorf("%s: leaks in %s", g, strings.Join(list, ", "))
	}
	plantedTable(t, planted, leaks, len(outputs))
}

// plantedTable compares the table in docs/redaction.md with what was counted, or
// writes it.
func plantedTable(t *testing.T, planted []plantedSecret, left map[int]bool, outputs int) {
	t.Helper()
	classes := []string{"named", "typed", "provider", "pair", "left"}
	var channels []string
	counts := map[string]map[string]int{"all": {}}
	for i, p := range planted {
		if counts[p.Channel] == nil {
			counts[p.Channel], channels = map[string]int{}, append(channels, p.Channel)
		}
		for _, row := range []string{p.Channel, "all"} {
			counts[row][p.Class]++
			if left[i] {
				counts[row]["left"]++
			}
		}
	}
	slices.Sort(channels)
	var b strings.Builder
	fmt.Fprintf(&b, "%d secrets, looked for in %d outputs.\n\n| place | named | typed | provider | pair | something left |\n|---|---|---|---|---|---|\n", len(planted), outputs)
	for _, row := range append(channels, "all") {
		b.WriteString("| " + row + " |")
		for _, class := range classes {
			fmt.Fprintf(&b, " %d |", counts[row][class])
		}
		b.WriteByte('\n')
	}
	path := filepath.Join(coretest.Root(t), "docs", "redaction.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- measured: planted -->\n", "<!-- end of planted -->\n"
	before, rest, ok := strings.Cut(string(page), begin)
	old, after, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Errorf("docs/redaction.md has no section between %q and %q", begin, end)
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case old != b.String():
		t.Errorf("docs/redaction.md has other numbers of planted secrets: run with -update:\n%s", b.String())
	}
}

func readPlanted(t *testing.T, f coretest.Files) (list []plantedSecret) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.Dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		text, ok := strings.CutPrefix(line, "SECRET ")
		if !ok {
			continue
		}
		var p plantedSecret
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if p.Channel == "" || p.Class == "" || len(p.Secret) < 8 {
			t.Fatalf("a secret of channel %q, class %q has %d bytes", p.Channel, p.Class, len(p.Secret))
		}
		list = append(list, p)
	}
	return list
}

// everything are limits that cut nothing.
var everything = report.Limits{MaxString: -1, MaxItems: -1, MaxDepth: -1, MaxNodes: 1 << 20, MaxFrames: 512, MaxSize: -1}

// checkDecoded makes sure that there is something to redact: the secrets are in
// the report before.
func checkDecoded(t *testing.T, f coretest.Files, planted []plantedSecret, search *secretSearch) {
	t.Helper()
	rep, err := sdcore.Analyze(context.Background(), f.Core, f.Bin, sdcore.Options{Tier: 4, Globals: true, Limits: everything})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	found, missing := search.find(raw), map[string]int{}
	for i, p := range planted {
		if _, ok := found[i]; !ok {
			missing[p.Channel+", "+p.Class]++
		}
	}
	for g, n := range missing {
		t.Errorf("%s: %d planted secrets are not in the report before it is redacted: nothing is tested", g, n)
	}
}

// plantedOutputs are what the commands print and write, by command line.
func plantedOutputs(t *testing.T, f coretest.Files) map[string][]byte {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("NO_COLOR", "1")
	for _, token := range []string{"SDCORE_TRACKER_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN", "REDMINE_API_KEY"} {
		t.Setenv(token, "") // with one, attach asks the tracker
	}
	saved := filepath.Join(home, "saved.json")
	all := []string{"--max-items", "-1", "--max-depth", "-1", "--max-string", "-1", "--full"}
	with := func(args ...string) []string { return append(args, all...) }
	analyze, goroutines := []string{"analyze", f.Core, f.Bin}, []string{"goroutines", f.Core, f.Bin, "--all", "--locals", "--tier", "4"}
	lines := [][]string{
		append(with(analyze...), "--tier", "4", "-o", saved),
		append(slices.Clone(analyze), "--tier", "1"),
		append(slices.Clone(analyze), "--tier", "4", "--no-save", "--max-string", "20"),
		append(with(analyze...), "--tier", "4", "--no-save", "--format", "json", "--max-size", "0"),
		append(with(analyze...), "--tier", "4", "--no-save", "--format", "jsonl", "--max-size", "0"),
		append(with(analyze...), "--tier", "4", "--no-save", "--format", "go", "--go-frame", "all"),
		append(with("globals", f.Core, f.Bin), "--format", "text"),
		append(with("globals", f.Core, f.Bin), "--format", "json"),
		append(with("globals", f.Core, f.Bin), "--format", "jsonl"),
		{"info", f.Core, f.Bin, "--full"},
		{"info", f.Core, f.Bin, "--format", "json"},
		{"view", saved, "--full"},
		{"view", saved, "--format", "json"},
		{"view", saved, "main.containers.settings"},
		{"view", saved, "--redactions"},
		{"redact", saved},
		{"redact", saved, "--tier", "1", "-o", filepath.Join(home, "again.json")},
	}
	for _, preset := range []string{"minimal", "production", "development", "debug", "shape"} {
		lines = append(lines, append(with(analyze...), "--preset", preset, "--no-save", "--format", "json"), []string{"redact", saved, "--preset", preset})
	}
	for tier := 0; tier <= 4; tier++ {
		lines = append(lines, append(slices.Clone(analyze), "--tier", fmt.Sprint(tier), "--no-save", "--format", "json"))
	}
	for _, format := range []string{"text", "jsonl", "markdown", "go"} {
		lines = append(lines, append(slices.Clone(analyze), "--tier", "4", "--no-save", "--format", format))
	}
	for _, format := range []string{"text", "json", "jsonl", "traceback", "pprof"} {
		lines = append(lines, append(with(goroutines...), "--format", format))
	}
	for _, format := range []string{"json", "text", "markdown", "jsonl", "html", "go"} {
		lines = append(lines, []string{"convert", saved, "--format", format})
	}
	for _, path := range []string{"main.fields.account", "main.texts.blocks", "main.globalCredentials"} {
		for _, format := range []string{"text", "json", "go"} {
			lines = append(lines, append(with("print", f.Core, f.Bin, path), "--format", format))
		}
	}
	for _, format := range []string{"text", "json"} {
		for _, question := range [][]string{{"histogram"}, {"retained", "--by", "object"}, {"retained", "--by", "root"}, {"suspects", "--share", "0.001"}, {"strings"}, {"waste"}} {
			args := append([]string{"heap", question[0], f.Core, f.Bin, "--top", "-1", "--format", format}, question[1:]...)
			lines = append(lines, args)
		}
		for _, typ := range []string{"string bytes", "[]uint8", "map[string]string group"} {
			lines = append(lines, []string{"heap", "paths", f.Core, f.Bin, typ, "--top", "20", "--format", format})
		}
		lines = append(lines, append(slices.Clone(analyze), "--tier", "4", "--no-save", "--heap", "--format", format))
	}
	lines = append(lines, []string{"heap", "pprof", f.Core, f.Bin}, []string{"heap", "diff", f.Core, f.Core, f.Bin, "--format", "json"})
	for _, format := range []string{"text", "json", "dot"} {
		lines = append(lines, []string{"waits", f.Core, f.Bin, "--format", format})
	}
	for _, tracker := range []string{"github", "gitlab", "redmine"} { // Markdown with and without the JSON, plain text
		lines = append(lines, []string{"attach", saved, "--tracker", tracker, "--project", "a/b", "--url", "http://127.0.0.1:1", "--dry-run"})
	}
	out := map[string][]byte{}
	for _, args := range lines {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), args, nil, &stdout, &stderr); code != exitComplete && code != exitPartial {
			t.Errorf("%s: exit status %d: %d bytes on stderr", args, code, stderr.Len())
		}
		out[commandLine(f, home, args)] = append(inflated(stdout.Bytes()), stderr.Bytes()...)
	}
	err := filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out["file name "+filepath.Base(path)] = []byte(filepath.Base(path) + "\x00")
		out["file "+filepath.Base(path)] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// commandLine is what a command is called in a message.
func commandLine(f coretest.Files, home string, args []string) string {
	s := strings.Join(args, " ")
	s = strings.ReplaceAll(s, " "+f.Core+" "+f.Bin, "")
	s = strings.ReplaceAll(s, home+"/", "")
	return strings.ReplaceAll(s, " --max-items -1 --max-depth -1 --max-string -1 --full", " --all-of-it")
}

// inflated is what is in a gzip stream, as profiles are.
func inflated(b []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return b
	}
	return out
}
