package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sdcore": main, "victim": victim, "ask": ask})
}

// TestScripts runs the scripts that need no core.
func TestScripts(t *testing.T) {
	runScripts(t, filepath.Join("testdata", "script"), []string{"GOCACHE=" + goEnv(t, "GOCACHE"), "GOFLAGS=" + goEnv(t, "GOFLAGS")})
}

// goEnv asks go for one of its settings: the scripts have another home.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestCoreScripts runs the scripts on real cores. $NAME_core, $NAME_bin and
// $NAME_dir are the files of fixture NAME, its dots as underscores; $split is
// splitBinary's directory.
func TestCoreScripts(t *testing.T) {
	var vars []string
	for _, name := range []string{"payment", "payment.stripped", "nilderef", "deadlock", "manywait", "customerror", "heapgraph", "heapgraph.grown", "heaplocals", "memprofile", "leaks"} {
		f := coretest.Core(t, name)
		name = strings.ReplaceAll(name, ".", "_") // variables have no dots
		vars = append(vars, name+"_core="+f.Core, name+"_bin="+f.Bin, name+"_dir="+f.Dir)
	}
	vars = append(vars, "root="+coretest.Root(t), "split="+splitBinary(t))
	runScripts(t, filepath.Join("testdata", "cores"), vars)
}

// splitBinary makes a directory with payment's binary, stripped, and under
// "debug" the file that its debug information went to.
func splitBinary(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	stripped, debug := coretest.Split(t, coretest.Core(t, "payment").Bin, "")
	for name, data := range map[string][]byte{"payment": stripped, "debug/payment.debug": debug} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func runScripts(t *testing.T, dir string, vars []string) {
	testscript.Run(t, testscript.Params{
		Dir:           dir,
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"exits": cmdExits, "pack": cmdPack, "launch": cmdLaunch, "forget": cmdForget, "tracker": cmdTracker},
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, vars...)
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("NO_COLOR", "1")
			env.Setenv("SOURCE_DATE_EPOCH", "1795348800") // the time of audit records
			return nil
		},
	})
}

// cmdExits runs a command and checks its exact exit status:
//
//	exits 3 sdcore analyze core bin
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exits: %v", err)
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ee *exec.ExitError
		if !errors.As(err, &ee) {
			ts.Fatalf("exits: %v", err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit status %d, want %d", args[1], got, want)
	}
}

// cmdPack compresses a file:
//
//	pack zstd core core.zst
func cmdPack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: pack zstd|gzip|lz4 IN OUT")
	}
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	out, err := os.Create(ts.MkAbs(args[2]))
	ts.Check(err)
	var w io.WriteCloser
	switch args[0] {
	case "zstd":
		w, err = zstd.NewWriter(out)
		ts.Check(err)
	case "gzip":
		w = gzip.NewWriter(out)
	case "lz4":
		w = lz4.NewWriter(out)
	default:
		ts.Fatalf("pack: no format %q", args[0])
	}
	_, err = w.Write(data)
	ts.Check(errors.Join(err, w.Close(), out.Close()))
}

// cmdForget copies a core that no longer knows where its binary was:
//
//	forget core copy
func cmdForget(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: forget CORE COPY")
	}
	ts.Check(forgetBinary(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// forgetBinary copies a core and replaces the paths of its binary in it.
func forgetBinary(from, to string) error {
	c, err := corefile.Open(context.Background(), from, "", corefile.Options{})
	if err != nil {
		return err
	}
	paths := c.ExecutablePaths()
	if err := c.Close(); err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	for _, path := range paths {
		data = bytes.ReplaceAll(data, []byte(path), []byte("/"+strings.Repeat("x", len(path)-1)))
	}
	return os.WriteFile(to, data, 0o600)
}

// cmdLaunch starts a Go program that runs on, counts in the file "beat", and
// puts its number into a variable:
//
//	launch PID
func cmdLaunch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: launch VARIABLE")
	}
	path, err := exec.LookPath("victim")
	ts.Check(err)
	cmd := exec.Command(path)
	cmd.Dir = ts.MkAbs(".")
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill() // may have ended
		_ = cmd.Wait()         // killed
	})
	_, err = io.ReadFull(out, make([]byte, len(victimReady)))
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(cmd.Process.Pid))
}

const victimReady = "ready"

// victim is the program that cmdLaunch starts.
func victim() {
	for n := 0; ; n++ {
		if err := os.WriteFile("beat", []byte(strconv.Itoa(n)), 0o600); err != nil {
			panic(err)
		}
		if n == 0 {
			os.Stdout.WriteString(victimReady)
		}
		time.Sleep(time.Millisecond)
	}
}
