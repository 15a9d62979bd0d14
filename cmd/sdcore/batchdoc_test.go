package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/coretest"
)

// TestBatchDocument runs the commands of docs/batch.md, one after the other, on
// a directory as it describes.
func TestBatchDocument(t *testing.T) {
	dir := t.TempDir()
	payment := readFile(t, coretest.Core(t, "payment").Core)
	for name, data := range map[string][]byte{
		"crash/web1/core.1": payment, "crash/web2/core.2": append(payment[:len(payment):len(payment)], 0), // another file
		"crash/web1/core.3": readFile(t, coretest.Core(t, "nilderef").Core),
		"releases/payment":  readFile(t, coretest.Core(t, "payment").Bin), "releases/nilderef": readFile(t, coretest.Core(t, "nilderef").Bin),
	} {
		path := filepath.Join(dir, name)
		at := time.Now().Add(-time.Duration(len(name)) * time.Hour)
		if name == "crash/web1/core.3" {
			at = at.AddDate(0, 0, -1) // older than the others
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	examples := consoleExamples(string(readFile(t, filepath.Join(coretest.Root(t), "docs/batch.md"))))
	if len(examples) < 4 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, ex := range examples {
		words := splitWords(ex.command)
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "NO_COLOR=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitNew) {
			t.Errorf("%s: %v", ex.command, err)
		}
		if !ex.matches(string(out)) {
			t.Errorf("docs/batch.md says that %s prints\n%s\nbut it prints\n%s", ex.command, ex.output, out)
		}
	}
}

// TestPackaging finds the commands in packaging/ and parses them.
func TestPackaging(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(coretest.Root(t), "packaging", "*"))
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, file := range files {
		for _, m := range regexp.MustCompile(`/usr/local/bin/sdcore ([^|\n]*)`).FindAllStringSubmatch(string(readFile(t, file)), -1) {
			commands++
			root := newRootCommand(newApp(strings.NewReader(""), io.Discard, &bytes.Buffer{}))
			cmd, rest, err := root.Find(splitWords(strings.TrimSpace(m[1])))
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil || cmd == root {
				t.Errorf("%s: %q: %v", filepath.Base(file), m[1], err)
			}
		}
	}
	if commands < 3 {
		t.Errorf("%d commands: they are not read", commands)
	}
}
