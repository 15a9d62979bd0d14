package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/safedump/sdcore/export"
)

// writeTemp writes a file under a temporary name in dir, 0600, and returns
// that name. Nothing is left behind on an error.
func writeTemp(dir string, write func(io.Writer) error) (name string, err error) {
	f, err := os.CreateTemp(dir, ".sdcore-*.tmp")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// writeFile writes a file so that it appears whole or not at all, replacing
// one of the same name. What a symbolic link leads to is replaced, not the
// link; a pipe or a device (-o /dev/null, run as root) is written to.
func writeFile(path string, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil {
		switch {
		case info.IsDir():
			return fmt.Errorf("%s is a directory", path)
		case !info.Mode().IsRegular():
			return writeDevice(path, write)
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
	}
	tmp, err := writeTemp(filepath.Dir(path), write)
	if err == nil {
		if err = os.Rename(tmp, path); err != nil {
			os.Remove(tmp)
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeDevice writes to what is no file. A pipe that nobody reads is an error,
// not waited for.
func writeDevice(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// saveReport writes a report into the report directory, or, where that can't
// be written, into a new private directory below the temporary one. It
// returns the path. A file of the same name is kept: an equal one is the
// result, beside a different one the new file gets a number.
func (a *app) saveReport(name string, write func(io.Writer) error) (string, error) {
	dir, err := reportDir()
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		var path string
		if path, err = saveNew(dir, name, write); err == nil || errors.Is(err, export.ErrSecret) {
			return path, err // it can't be written elsewhere either
		}
	}
	fallback, ferr := os.MkdirTemp("", "safedump-fallback-")
	if ferr != nil {
		return "", errors.Join(err, ferr)
	}
	path, ferr := saveNew(fallback, name, write)
	if ferr != nil {
		os.Remove(fallback)
		return "", fmt.Errorf("%w; and in the fallback directory: %w", err, ferr)
	}
	fmt.Fprintf(a.stderr, "sdcore: %s; saved to a fallback directory instead\n", oneLine(err.Error()))
	return path, nil
}

// saveNew writes a file into dir without replacing a different one.
func saveNew(dir, name string, write func(io.Writer) error) (string, error) {
	const tries = 1000
	tmp, err := writeTemp(dir, write)
	if err != nil {
		return "", fmt.Errorf("write to %s: %w", dir, err)
	}
	defer os.Remove(tmp)
	base, suffix := name, ""
	if i := strings.Index(name, ".safedump.json"); i > 0 {
		base, suffix = name[:i], name[i:]
	}
	path := filepath.Join(dir, name)
	for i := 2; i < tries; i++ {
		// Link, unlike rename, fails where the name is taken.
		err := os.Link(tmp, path)
		if err == nil || sameContents(tmp, path) {
			return path, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("write %s: %w", path, err)
		}
		path = filepath.Join(dir, fmt.Sprintf("%s-%d%s", base, i, suffix))
	}
	return "", fmt.Errorf("write %s: %d files of that name", path, tries)
}

// sameContents reports whether two saved reports are equal but for the times at
// which secrets were removed from them: a core that is analyzed again gives the
// same report.
func sameContents(a, b string) bool {
	x, err := storedBytes(a)
	if err != nil {
		return false
	}
	y, err := storedBytes(b)
	if err != nil || len(x) != len(y) { // all times are equally long
		return false
	}
	return bytes.Equal(x, y) || bytes.Equal(withoutTimes(x), withoutTimes(y))
}

// storedBytes reads a saved report, compressed or not.
func storedBytes(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(zip, maxStoredReport))
}

// recordStamp is the time of an audit record in JSON, in both of the layouts
// that a file has. In a string the quotes would be escaped.
var recordStamp = regexp.MustCompile(`("rule": ?"(?:[^"\\]|\\.)*",\s*"timestamp": ?)"[^"\\]*"`)

func withoutTimes(report []byte) []byte { return recordStamp.ReplaceAll(report, []byte(`$1""`)) }
