package sdcore

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/safedump/sdcore/report"
)

const (
	sourceBefore  = 4       // lines shown before the line of a frame
	sourceAfter   = 2       // lines shown after it
	maxSourceFile = 4 << 20 // bytes; a larger file is no source
	maxSourceLine = 400     // bytes kept of a line
)

// sourceReader reads lines around a frame from source files. File names come
// from the binary's debug information, which is not trusted: only regular
// files with the suffix of a source file are opened.
type sourceReader struct {
	dirs  []string
	files map[string][]string // lines by recorded path, nil when not found
}

func newSourceReader(dirs []string) *sourceReader {
	return &sourceReader{dirs: dirs, files: map[string][]string{}}
}

// around returns the lines around line of the file with the recorded path, nil
// when the source is not at hand.
func (r *sourceReader) around(path string, line int) *report.Source {
	lines, seen := r.files[path]
	if !seen {
		lines = r.find(path)
		r.files[path] = lines
	}
	if line < 1 || line > len(lines) {
		return nil
	}
	first := max(line-sourceBefore, 1)
	last := min(line+sourceAfter, len(lines))
	return &report.Source{First: first, Lines: slices.Clone(lines[first-1 : last])}
}

// find opens the recorded path, then the longest suffix of it that exists in
// one of the directories.
func (r *sourceReader) find(path string) []string {
	if !sourceSuffix(path) {
		return nil
	}
	if filepath.IsAbs(path) {
		if lines := readLines(path); lines != nil {
			return lines
		}
	}
	parts := strings.Split(filepath.ToSlash(filepath.Clean(path)), "/")
	for i := range parts {
		suffix := filepath.Join(parts[i:]...)
		if !filepath.IsLocal(suffix) {
			continue
		}
		for _, dir := range r.dirs {
			if lines := readLines(filepath.Join(dir, suffix)); lines != nil {
				return lines
			}
		}
	}
	return nil
}

func sourceSuffix(path string) bool {
	return slices.Contains([]string{".go", ".s", ".c", ".h", ".cc", ".cpp"}, filepath.Ext(path))
}

// readLines reads a regular file. It does not block on a pipe or device that
// has been put in its place.
func readLines(path string) []string {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxSourceFile {
		return nil
	}
	lines := []string{}
	in := bufio.NewScanner(io.LimitReader(f, maxSourceFile))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		text := strings.TrimRight(in.Text(), " \t\r")
		if len(text) > maxSourceLine {
			text = strings.ToValidUTF8(text[:maxSourceLine], "")
		}
		lines = append(lines, text)
	}
	if in.Err() != nil {
		return nil
	}
	return lines
}
