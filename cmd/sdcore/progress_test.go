package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.update("reading", 1, 2)
	p.clear()
	if out.Len() != 0 {
		t.Errorf("what is no terminal got %q", out.String())
	}
	p = &progress{w: &out}
	p.update("reading", 1, 2)
	if out.Len() != 0 {
		t.Errorf("shown at once: %q", out.String())
	}
	for _, tt := range []struct {
		done, total int
		want        string
	}{
		{0, 0, "reading ..."},
		{0, 1 << 40, "reading [------------------------]   0 %"},
		{1 << 39, 1 << 40, "reading [############------------]  50 %"},
		{1 << 40, 1 << 40, "reading [########################] 100 %"},
	} {
		out.Reset()
		p.start, p.last = time.Now().Add(-2*progressAfter), time.Time{}
		p.update("reading", tt.done, tt.total)
		if got := out.String(); got != "\r\x1b[K"+tt.want {
			t.Errorf("%d of %d: %q, want %q", tt.done, tt.total, got, tt.want)
		}
	}
	out.Reset()
	if p.update("reading", 1, 2); out.Len() != 0 {
		t.Errorf("shown again at once: %q", out.String())
	}
	if p.clear(); !strings.HasSuffix(out.String(), "\x1b[K") {
		t.Errorf("not cleared: %q", out.String())
	}
}
