package main

import (
	"fmt"
	"io"
	"os"
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
		fmt.Fprintf(p.w, "\r\x1b[K%s: %d of %d (%d %%)", stage, done, total, 100*done/total)
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s ...", stage)
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
