package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/safedump/sdcore/corefile"
)

// maxListed bounds how many files of a directory are looked at.
const maxListed = 10000

// errNothingFound ends a command that was given no file and found none.
var errNothingFound = errors.New("nothing found")

// newest finds the newest file of a kind in the current directory and in the
// report directory, and prints its name.
func (a *app) newest(kind string, is func(path string) bool) (string, error) {
	dirs := []string{"."}
	if home, err := reportDir(); err == nil {
		dirs = append(dirs, home)
	}
	var best string
	var bestTime time.Time
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		if len(entries) > maxListed {
			entries = entries[:maxListed]
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || !info.ModTime().After(bestTime) {
				continue
			}
			if path := filepath.Join(dir, e.Name()); is(path) {
				best, bestTime = path, info.ModTime()
			}
		}
	}
	if best == "" {
		return "", fmt.Errorf("no %s in %s: %w", kind, strings.Join(dirs, " or "), errNothingFound)
	}
	fmt.Fprintf(a.stderr, "Newest %s: %s\n", kind, best)
	return best, nil
}

// isCore tells a core by its first bytes, whatever its name, compressed or not.
func isCore(path string) bool { return corefile.IsCore(path) }

// isReport tells a report by its name: any JSON could be one.
func isReport(path string) bool {
	return strings.HasSuffix(path, ".safedump.json") || strings.HasSuffix(path, ".safedump.json.gz")
}
