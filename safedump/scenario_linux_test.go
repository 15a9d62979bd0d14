package safedump

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// playHost plays the scenarios that need Linux.
func playHost(name string, p *played) bool {
	switch name {
	case "crash":
		p.install(Options{})
		p.print()
		crash()
	case "reverted":
		if err := writeFilter(0x23); err != nil {
			panic(err)
		}
		p.note()
		p.install(Options{})
		p.uninstall()
		p.print()
		crash()
	case "forbidden":
		if err := syscall.Setrlimit(rlimitCore, &syscall.Rlimit{}); err != nil {
			panic(err)
		}
		p.install(Options{})
		p.print()
	case "undumpable":
		if err := setDumpable(false); err != nil {
			panic(err)
		}
		p.install(Options{KeepFilter: true})
		p.print()
	case "dumpable on request":
		if err := setDumpable(false); err != nil {
			panic(err)
		}
		p.install(Options{SetDumpable: true})
		p.print()
	case "kept":
		if err := writeFilter(0x20); err != nil {
			panic(err)
		}
		p.note()
		p.install(Options{Traceback: "keep", KeepLimit: true, KeepFilter: true, NoCrashText: true, NoSidecar: true})
		p.print()
	default:
		return false
	}
	return true
}

// crash dereferences nil where the compiler does not see it.
func crash() {
	var p *[1 << 20]int
	runtime.KeepAlive(p)
	_ = p[len(os.Args)]
}

// TestInstallYieldsCore crashes a process for real and opens what it left.
func TestInstallYieldsCore(t *testing.T) {
	p, stderr, dir, state := run(t, "crash")
	ws, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !ws.Signaled() || ws.Signal() != syscall.SIGABRT {
		t.Fatalf("ended by %v, want SIGABRT", state)
	}
	s := p.Statuses[0]
	if text, err := os.ReadFile(s.CrashText); s.Has(CodeCrashText) {
		if err != nil || !bytes.Contains(text, []byte("nil pointer dereference")) {
			t.Errorf("crash text %q: %v, %d bytes without the panic", s.CrashText, err, len(text))
		}
		if !strings.Contains(stderr, "nil pointer dereference") {
			t.Error("the crash text is missing on stderr")
		}
	} else if !s.Has(CodeCrashTextUnsupported) {
		t.Errorf("no word of the crash text: %s", s)
	}
	if s.Core.Destination != ToFile {
		t.Skipf("this host writes no core file: %s", s)
	}
	path := s.Core.Path
	if s.Core.Glob {
		matches, err := filepath.Glob(path)
		if err != nil || len(matches) != 1 {
			t.Fatalf("%s matches %q: %v", path, matches, err)
		}
		path = matches[0]
	}
	if inDir := strings.HasPrefix(path, dir); !inDir {
		t.Cleanup(func() { os.Remove(path) })
	}
	core, err := elf.Open(path)
	if err != nil {
		t.Fatalf("Status told %s: %v", path, err)
	}
	defer core.Close()
	if core.Type != elf.ET_CORE {
		t.Errorf("%s is %v, want ET_CORE", path, core.Type)
	}
}

func TestUninstallReverts(t *testing.T) {
	p, _, dir, state := run(t, "reverted")
	if p.Limits[0].Soft == p.Limits[0].Hard {
		t.Log("RLIMIT_CORE was at its hard limit already")
	} else if p.Limits[1].Soft != p.Limits[1].Hard {
		t.Errorf("Install left RLIMIT_CORE at %+v", p.Limits[1])
	}
	if p.Filters[1] != 0x33 {
		t.Errorf("Install left coredump_filter at %#x, want 0x33", p.Filters[1])
	}
	if p.Limits[2] != p.Limits[0] || p.Filters[2] != p.Filters[0] {
		t.Errorf("after Uninstall: %+v %#x, before Install: %+v %#x", p.Limits[2], p.Filters[2], p.Limits[0], p.Filters[0])
	}
	if p.Errors[1] != "<nil>" || p.Enabled[2] {
		t.Errorf("Uninstall: %s, Enabled %v", p.Errors[1], p.Enabled[2])
	}
	if state.ExitCode() != 2 {
		t.Errorf("after Uninstall a panic ends by %v, want exit status 2", state)
	}
	if left := files(t, filepath.Join(dir, ".safedump")); len(left) != 0 {
		t.Errorf("Uninstall left %q", left)
	}
}

func TestKeepOptions(t *testing.T) {
	p, _, dir, _ := run(t, "kept")
	s := p.Statuses[0]
	if p.Limits[1] != p.Limits[0] || p.Filters[1] != 0x20 {
		t.Errorf("changed: %+v %#x", p.Limits[1], p.Filters[1])
	}
	if !s.Has(CodeTracebackKept) || !s.Has(CodeFilterNoMemory) || !p.NoCore[0] || s.Core.Destination != ToNowhere {
		t.Errorf("status: %s, error %s", s, p.Errors[0])
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("files: %q", left)
	}
}

func TestInstallSaysWhyNot(t *testing.T) {
	for name, want := range map[string]Code{"forbidden": CodeLimitZero, "undumpable": CodeDumpableNo} {
		t.Run(name, func(t *testing.T) {
			p, stderr, _, state := run(t, name)
			if !state.Success() || stderr != "" {
				t.Fatalf("%v, stderr %q", state, stderr)
			}
			s := p.Statuses[0]
			if s.Core.Pattern == "" || strings.HasPrefix(s.Core.Pattern, "|") || strings.HasPrefix(s.Core.Pattern, "@") {
				if want == CodeLimitZero {
					t.Skipf("a limit does not count for core_pattern %q", s.Core.Pattern)
				}
			}
			if !s.Has(want) || !p.NoCore[0] || s.Core.Destination != ToNowhere {
				t.Errorf("error %s, status:\n%s", p.Errors[0], s)
			}
		})
	}
}

func TestDiagnoseDirectory(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		dir  string
		want Code
	}{
		{dir, CodeDirectoryWritable},
		{filepath.Join(dir, "missing"), CodeDirectoryMissing},
		{`/c/*`, CodeDirectoryUnknown},
		{"/proc", CodeDirectoryUnwritable},
	}
	if os.Getuid() == 0 {
		tests = tests[:3] // root may write anywhere
	}
	for _, tt := range tests {
		var s Status
		s.diagnoseDirectory(tt.dir)
		if !s.Has(tt.want) {
			t.Errorf("%s: %+v, want %s", tt.dir, s.Diagnoses, tt.want)
		}
	}
}

func TestDiagnoseLimit(t *testing.T) {
	tests := []struct {
		limit Limit
		to    Destination
		want  Code
		sev   Severity
	}{
		{Limit{}, ToFile, CodeLimitUnreadable, Warn},
		{Limit{Unlimited, Unlimited, true}, ToFile, CodeLimitUnlimited, OK},
		{Limit{0, Unlimited, true}, ToFile, CodeLimitZero, Fail},
		{Limit{4095, 4095, true}, ToFile, CodeLimitZero, Fail},
		{Limit{1 << 20, 1 << 20, true}, ToFile, CodeLimitBounded, Warn},
		{Limit{0, 0, true}, ToPipe, CodeLimitIgnored, Warn},
		{Limit{1, 1, true}, ToPipe, CodeLimitZero, Fail},
	}
	for _, tt := range tests {
		if d := diagnoseLimit(tt.limit, tt.to); d.Code != tt.want || d.Severity != tt.sev {
			t.Errorf("%+v to %s: %s/%s, want %s/%s", tt.limit, tt.to, d.Code, d.Severity, tt.want, tt.sev)
		}
	}
}

func TestDiagnosePattern(t *testing.T) {
	tests := []struct {
		core      Core
		container string
		want      Code
		sev       Severity
	}{
		{Core{Destination: ToFile, Path: "/c/core"}, "", CodePatternFile, OK},
		{Core{Destination: ToNowhere}, "", CodePatternEmpty, Fail},
		{Core{Destination: ToNowhere, Pattern: "|"}, "", CodePatternInvalid, Fail},
		{Core{Destination: ToUnknown, Pattern: "core"}, "", CodePatternInvalid, Warn},
		{Core{Destination: ToSocket, Pattern: "@x"}, "", CodePatternSocket, Warn},
		{Core{Destination: ToPipe, Handler: "/usr/lib/systemd/systemd-coredump"}, "", CodePatternSystemd, OK},
		{Core{Destination: ToPipe, Handler: "/usr/lib/systemd/systemd-coredump"}, "/.dockerenv exists", CodePatternSystemd, Warn},
		{Core{Destination: ToPipe, Handler: "/usr/share/apport/apport"}, "", CodePatternApport, Warn},
		{Core{Destination: ToPipe, Handler: "/usr/libexec/abrt-hook-ccpp"}, "", CodePatternABRT, Warn},
		{Core{Destination: ToPipe, Handler: "/opt/x"}, "", CodePatternPipe, Warn},
	}
	for _, tt := range tests {
		if d := diagnosePattern(tt.core, tt.container); d.Code != tt.want || d.Severity != tt.sev || d.Message == "" {
			t.Errorf("%+v: %+v, want %s/%s", tt.core, d, tt.want, tt.sev)
		}
	}
}

func TestRestrictedNeedsAbsolutePattern(t *testing.T) {
	for pattern, want := range map[string]Severity{"core": Fail, "/c/core": Warn, "|/x": Warn} {
		s := Status{Core: parsePattern(pattern, patternFacts{cwd: "/w"})}
		s.diagnoseRestricted()
		if got := s.Diagnoses[0]; got.Severity != want || got.Code != CodeDumpableRestricted {
			t.Errorf("%q: %+v, want %s", pattern, got, want)
		}
	}
}

func TestAuxSecure(t *testing.T) {
	entry := func(k, v byte) []byte {
		return append(append([]byte{k}, make([]byte, 7)...), append([]byte{v}, make([]byte, 7)...)...)
	}
	tests := []struct {
		auxv          []byte
		secure, known bool
	}{
		{nil, false, false},
		{entry(auxSecure, 1)[:15], false, false},
		{append(entry(3, 9), entry(auxSecure, 0)...), false, true},
		{append(entry(3, 9), entry(auxSecure, 1)...), true, true},
		{entry(3, 1), false, false},
	}
	for i, tt := range tests {
		if secure, known := auxSecureOf(tt.auxv); secure != tt.secure || known != tt.known {
			t.Errorf("%d: %v %v, want %v %v", i, secure, known, tt.secure, tt.known)
		}
	}
}
