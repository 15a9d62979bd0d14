package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress shows on a terminal's stderr what takes longer than a second. On
// anything else it shows nothing.
type progress struct {
	w       io.Writer // nil: show nothing
	mu      sync.Mutex
	start   time.Time
	last    time.Time
	visible bool
}

const (
	progressAfter = time.Second            // work that is done before shows nothing
	progressEvery = 100 * time.Millisecond // between two updates
	barWidth      = 24                     // characters
)

func newProgress(stderr io.Writer) *progress {
	p := &progress{}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = f
	}
	return p
}

// update is a sdcore.Options.Progress.
func (p *progress) update(stage string, done, total int) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.start.IsZero() {
		p.start = now
	}
	if now.Sub(p.start) < progressAfter || now.Sub(p.last) < progressEvery {
		return
	}
	p.last, p.visible = now, true
	if total > 0 {
		fmt.Fprintf(p.w, "\r\x1b[K%s %s %3.0f %%", stage, bar(done, total), 100*float64(done)/float64(total))
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s ...", stage)
}

// bar draws how much of total is done.
func bar(done, total int) string {
	full := int(barWidth * float64(min(max(done, 0), total)) / float64(total))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}

// clear removes the line before anything else is printed.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.visible {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.visible = false
	}
}
