package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/triage/index"
	"github.com/safedump/sdcore/triage/night"
)

// failpoints reads from the sources at which places a batch or a worker can be
// made to die: each write, rename and commit. Those of other commands are single
// transactions of the index.
func failpoints(t *testing.T) []string {
	t.Helper()
	root := coretest.Root(t)
	var found []string
	for _, dir := range []string{"triage/batch", "triage/index", "cmd/sdcore"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range regexp.MustCompile(`(?:fail\.at|\bfail)\("([a-z.]+)"\)`).FindAllStringSubmatch(string(text), -1) {
				found = append(found, m[1])
			}
			for _, m := range regexp.MustCompile(`writeFile\([^"\n]*"([a-z]+)", (w|b)\.fail`).FindAllStringSubmatch(string(text), -1) {
				who := map[string]string{"w": "worker:", "b": ""}[m[2]]
				found = append(found, who+m[1]+".write", who+m[1]+".rename", who+m[1]+".renamed")
			}
			for _, m := range regexp.MustCompile(`x\.write\(ctx, "([a-z]+)"`).FindAllStringSubmatch(string(text), -1) {
				found = append(found, m[1]+".commit", m[1]+".committed")
			}
		}
	}
	slices.Sort(found)
	others := []string{"mark.commit", "mark.committed", "remove.commit", "remove.committed", "worker.died"}
	return slices.DeleteFunc(slices.Compact(found), func(s string) bool { return slices.Contains(others, s) })
}

// state is what a store holds in the end, without what differs by the time.
type state struct {
	Crashes []index.Listed
	Groups  []index.Group
	Files   []string
	Stats   stats
}

// TestBatchKilledAnywhere kills a batch at every write, rename and commit, lets
// another one go on, and compares: nothing lost, nothing twice, no half report,
// and every new crash was told.
func TestBatchKilledAnywhere(t *testing.T) {
	killedAnywhere(t, slices.DeleteFunc(failpoints(t), func(s string) bool {
		return strings.HasPrefix(s, "home.") // of an index that hosts share
	}), func(*testing.T) []string { return nil })
}

// TestPostgresBatchKilledAnywhere does so with the index in PostgreSQL.
func TestPostgresBatchKilledAnywhere(t *testing.T) {
	server := postgresServer(t)
	killedAnywhere(t, failpoints(t), func(t *testing.T) []string { return []string{"--db", postgresSchema(t, server).String()} })
}

// killedAnywhere kills a batch at each of these places. index says, by flags,
// where a new index is.
func killedAnywhere(t *testing.T, points []string, index func(t *testing.T) []string) {
	if testing.Short() {
		t.Skip("some sixty batches: `make test` runs it")
	}
	if len(points) < 25 {
		t.Fatalf("only %d places: they are not read: %q", len(points), points)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"good": readFile(t, coretest.Core(t, "customerror").Core),
		"bad":  readFile(t, coretest.Core(t, "customerror").Core)[:500],
		"pay-20261129T120000.000000000-9.crash.txt": []byte("panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x1d\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bins := filepath.Dir(coretest.Core(t, "customerror").Bin)
	want, _ := finish(t, dir, bins, t.TempDir(), index(t)...)
	if len(want.Crashes) != 2 || len(want.Groups) != 2 || len(want.Files) != 2 || want.Stats.Files[0].Value != "failed" {
		t.Fatalf("without being killed: %+v", want)
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			store, where := t.TempDir(), index(t)
			told, err := runBatch(dir, bins, store, point, where...)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("it was not killed there: %v\n%s", err, told)
			}
			got, second := finish(t, dir, bins, store, where...)
			if a, b := asJSON(t, got), asJSON(t, want); !bytes.Equal(a, b) {
				t.Errorf("it ends with\n%s\nwant\n%s", a, b)
			}
			for _, g := range want.Groups {
				if !strings.Contains(told, g.Name) && !slices.ContainsFunc(second.Groups, func(n night.Group) bool { return n.Name == g.Name }) {
					t.Errorf("%s was told by none of both", g.Name)
				}
			}
			whole := []string{"worker:answer.renamed", "report.move", "report.moved", "occurrence.commit"}
			if resumed := second.Outcome.Resumed; slices.Contains(whole, point) && resumed != 1 {
				t.Errorf("%d answers that were whole were taken up, want 1", resumed)
			}
		})
	}
}

func runBatch(dir, bins, store, point string, where ...string) (string, error) {
	path, err := exec.LookPath("sdcore")
	if err != nil {
		return "", err
	}
	args := []string{"batch", dir, "--store", store, "--settle", "0", "--bin-path", bins, "--jobs", "1", "--host", "h", "--format", "json"}
	cmd := exec.Command(path, append(args, where...)...)
	cmd.Env = append(os.Environ(), failpointVariable+"="+point)
	out, err := cmd.Output()
	return string(out), err
}

// finish runs a batch to its end and returns what the store holds then.
func finish(t *testing.T, dir, bins, store string, where ...string) (state, night.Night) {
	t.Helper()
	out, err := runBatch(dir, bins, store, "", where...)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitNew && exit.ExitCode() != exitPartial) {
		t.Fatalf("%v\n%s", err, out)
	}
	var n night.Night
	if err := json.Unmarshal([]byte(out), &n); err != nil {
		t.Fatal(err)
	}
	var s state
	for _, ask := range []struct {
		to   any
		args []string
	}{
		{&s.Crashes, []string{"list", "--all"}}, {&s.Groups, []string{"list"}}, {&s.Stats, []string{"stats"}},
	} {
		args := append(append(ask.args, "--store", store, "--format", "json"), where...)
		out, err := exec.Command("sdcore", args...).Output()
		if err == nil {
			err = json.Unmarshal(out, ask.to)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.Crashes {
		s.Crashes[i].ReportDir = strings.TrimPrefix(s.Crashes[i].ReportDir, store)
	}
	reports, err := filepath.Glob(filepath.Join(store, "reports", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range reports {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := exec.Command("sdcore", "view", path).Run(); err != nil {
			t.Errorf("%s is no whole report: %v", path, err)
		}
		s.Files = append(s.Files, filepath.Base(path))
		f.Close()
	}
	if left, err := os.ReadDir(filepath.Join(store, "work")); err != nil || len(left) > 0 {
		t.Errorf("%d workers' directories are left, %v", len(left), err)
	}
	return s, n
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}
