package main

import (
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/term"
)

// app is what commands share: the streams and what is known of the terminal.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	progress       *progress
	pager          *pager       // nil unless asked for
	patient        *atomic.Bool // a signal ends it at its own time: batch
	width          int          // of stdout's terminal, 0 when it is none
	color          bool         // stdout wants colour
}

// fallbackWidth is used where stdout is not a terminal.
const fallbackWidth = 100

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, patient: &atomic.Bool{}}
	if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.width = fallbackWidth
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			a.width = w
		}
		// https://no-color.org: set and not empty means no colour.
		a.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	a.progress = newProgress(stderr)
	return a
}

// textWidth is the width that text is laid out for.
func (a *app) textWidth() int {
	if a.width > 0 {
		return a.width
	}
	return fallbackWidth
}

// reportDir is where reports are saved and looked for: ~/.safedump.
func reportDir() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".safedump"), nil
}
