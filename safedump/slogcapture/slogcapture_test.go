package slogcapture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/safedump"
	"github.com/safedump/sdcore/safedump/slogcapture"
)

func TestHandler(t *testing.T) {
	dir := t.TempDir()
	c := &safedump.Capturer{Options: safedump.CaptureOptions{Dir: dir}, Report: func(r safedump.Result, err error) {
		if err != nil {
			t.Error(err)
		}
	}}
	var text bytes.Buffer
	log := slog.New(slogcapture.New(slog.NewTextHandler(&text, nil), slogcapture.Options{Capturer: c})).With("service", "pay").WithGroup("g")
	log.Debug("not enabled")
	log.Warn("not an error")
	log.Error("charge failed", "order", 7, "err", fmt.Errorf("gateway: %w", io.ErrUnexpectedEOF))
	log.Error("charge failed again", "order", 8)
	if got := strings.Count(text.String(), "\n"); got != 3 || !strings.Contains(text.String(), "service=pay g.order=7") {
		t.Errorf("the next handler got %q", text.String())
	}
	sidecars, err := filepath.Glob(filepath.Join(dir, "*.sidecar.json"))
	if err != nil || len(sidecars) != 1 {
		t.Fatalf("sidecars %q, %v, want one", sidecars, err)
	}
	b, err := os.ReadFile(sidecars[0])
	if err != nil {
		t.Fatal(err)
	}
	var sc struct {
		Capture struct {
			Reason string
			Error  struct{ Type, Message string }
			Caller struct {
				Function string
				Line     int
			}
		}
	}
	if err := json.Unmarshal(b, &sc); err != nil {
		t.Fatal(err)
	}
	if got := sc.Capture; got.Reason != "logged: charge failed" || got.Error.Message != "gateway: unexpected EOF" ||
		!strings.HasSuffix(got.Caller.Function, "slogcapture_test.TestHandler") || got.Caller.Line == 0 {
		t.Errorf("sidecar: %+v", got)
	}
}
