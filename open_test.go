package sdcore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
)

// Without a binary the error says where it was looked for.
func TestNoBinarySaysWhere(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ gnuID, says string }{
		{coretest.SynthGNUID, "looked in " + dir + " (1 files, 0 of them programs, none with the core's build ID), /gone/pay (can't be used: no such file or directory), "},
		{"", "it holds no build ID to find its binary by"},
	} {
		b, _ := coretest.NewSynthCrash("/gone/pay", tt.gnuID, "", false).Core.Bytes()
		core := filepath.Join(dir, "core")
		if err := os.WriteFile(core, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sdcore.Analyze(context.Background(), core, "", sdcore.Options{BinaryDirs: []string{dir}})
		if !errors.Is(err, sdcore.ErrNoBinary) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v", err)
		}
	}
}

// A bomb is refused by the bound of the caller.
func TestBombRefused(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 64 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	core := filepath.Join(t.TempDir(), "core")
	if err := os.WriteFile(core, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	stages := map[string]bool{}
	_, err = sdcore.Analyze(context.Background(), core, "", sdcore.Options{MaxUnpacked: 16 << 20, Progress: func(stage string, _, _ int) { stages[stage] = true }})
	if !errors.Is(err, corefile.ErrTooLarge) || !strings.Contains(err.Error(), "at most 16777216 may be unpacked") {
		t.Errorf("%v", err)
	}
	if !stages["unpacking the core (zstd)"] {
		t.Errorf("progress of %v", stages)
	}
}
