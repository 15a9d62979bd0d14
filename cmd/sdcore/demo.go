package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/capture"
)

func newDemoCommand(a *app) *cobra.Command {
	var f analyzeFlags
	var crash bool
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Crash something and report it, without a core of your own",
		Long: `Demo runs this program again as a small payment service that dies of a nil pointer,
takes its core under ptrace, and analyzes that: no core_pattern, no ulimit, no Go
toolchain needed. It takes the flags of analyze.`,
		Example: "  sdcore demo\n  sdcore demo --no-save --tier 2",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if crash {
				serveFridayNight()
				return nil
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return a.demo(cmd.Context(), &f)
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&crash, "crash", false, "be the program that crashes")
	_ = cmd.Flags().MarkHidden("crash")
	return cmd
}

// demo crashes a copy of this program and analyzes its core.
func (a *app) demo(ctx context.Context, f *analyzeFlags) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sdcore-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	core := filepath.Join(dir, "core")
	fmt.Fprintln(a.stderr, "Crashing a small payment service ...")
	a.progress.update("taking its core", 0, 0)
	defer hidePrograms()()
	_, err = capture.Child(ctx, capture.Command{
		Path: self, Args: []string{"demo", "--crash"},
		Stdout: filepath.Join(dir, "stdout"), Stderr: filepath.Join(dir, "stderr"),
	}, core)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	info, err := os.Stat(core)
	if err != nil {
		return errors.New("demo: the service died without a core")
	}
	fmt.Fprintf(a.stderr, "It died; its core has %d MB. What happened?\n\n", info.Size()>>20)
	return a.analyze(ctx, core, self, f)
}

// hidePrograms empties PATH and returns what restores it. delve looks for
// debuginfod-find there when the crashing program is linked dynamically, and
// runs it: a demo must not ask the network.
func hidePrograms() (restore func()) {
	path, had := os.LookupEnv("PATH")
	os.Setenv("PATH", "")
	return func() {
		if had {
			os.Setenv("PATH", path)
		}
	}
}
