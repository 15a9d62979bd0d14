package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/crashtext"
)

// maxListed bounds how many files of a directory are looked at.
const maxListed = 10000

// errNothingFound ends a command that was given no file and found none.
var errNothingFound = errors.New("nothing found")

// newest finds the newest file of a kind in the current directory and in the
// report directory, and prints its name.
func (a *app) newest(kind string, is func(path string) bool) (string, error) {
	path, _ := newestFile(is)
	return a.found(kind, path)
}

// found tells the name of the newest file of a kind.
func (a *app) found(kind, path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("no %s in %s: %w", kind, strings.Join(searchDirs(), " or "), errNothingFound)
	}
	fmt.Fprintf(a.stderr, "Newest %s: %s\n", kind, path)
	return path, nil
}

// sameDeath is how much older than the crash text a core may be that is of the
// same death: the text of 100 000 goroutines takes its time.
const sameDeath = time.Minute

// newestCrash finds the newest core, or a crash text when there is no core
// from about that time: a core tells all that the text does.
func (a *app) newestCrash() (string, error) {
	core, dumped := newestFile(isCore)
	text, printed := newestFile(isCrashText)
	if core != "" && !printed.After(dumped.Add(sameDeath)) {
		return a.found("core", core)
	}
	if text != "" {
		return a.found("crash text", text)
	}
	return a.found("core or crash text", "")
}

// searchDirs are the current directory and the report directory.
func searchDirs() []string {
	dirs := []string{"."}
	if home, err := reportDir(); err == nil {
		dirs = append(dirs, home)
	}
	return dirs
}

// newestFile finds the newest file of a kind; path is "" when there is none.
func newestFile(is func(path string) bool) (path string, modified time.Time) {
	for _, dir := range searchDirs() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		if len(entries) > maxListed {
			entries = entries[:maxListed]
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || !info.ModTime().After(modified) {
				continue
			}
			if p := filepath.Join(dir, e.Name()); is(p) {
				path, modified = p, info.ModTime()
			}
		}
	}
	return path, modified
}

// isCore tells a core by its first bytes, whatever its name, compressed or not.
func isCore(path string) bool { return corefile.IsCore(path) }

// isCrashText tells a text that the helper keeps: by its name, because others
// that hold a traceback may be about something else, and by its contents,
// because it is empty while the program lives.
func isCrashText(path string) bool {
	return strings.HasSuffix(path, ".crash.txt") && crashtext.Is(path)
}

// isReport tells a report by its name: any JSON could be one.
func isReport(path string) bool {
	return strings.HasSuffix(path, ".safedump.json") || strings.HasSuffix(path, ".safedump.json.gz")
}
