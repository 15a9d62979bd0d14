//go:build linux && (amd64 || arm64)

package snapshot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// instruction is a line of go tool objdump.
type instruction struct {
	addr       uint64
	name, args string
}

// allowed lists, by architecture, what the code behind the clone may consist
// of: moves between registers and the shared memory, comparisons, jumps within
// itself, system calls. No call, no stack, nothing that could end up in
// morestack or the scheduler.
func allowed(arch string) (plain, jumps string) {
	if arch == "arm64" {
		return "MOVD ADD CMP SVC MOVZ ORR", "JMP B BGE BNE BEQ CBZ CBNZ"
	}
	return "MOVQ MOVL LEAQ XORL TESTQ CMPQ ADDQ INCQ SYSCALL", "JMP JE JNE JGE"
}

// TestNoGoBehindTheClone disassembles what the image executes, in the ways in
// which a program may be built.
func TestNoGoBehindTheClone(t *testing.T) {
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	tests := []struct {
		name, arch string
		env, flags []string
	}{
		{"plain", runtime.GOARCH, nil, nil},
		{"unoptimized", runtime.GOARCH, nil, []string{"-gcflags=-N -l"}},
		{"cover", runtime.GOARCH, nil, []string{"-cover", "-covermode=atomic", "-coverpkg=./..."}},
		{"race", runtime.GOARCH, []string{"CGO_ENABLED=1"}, []string{"-race"}},
		{"other architecture", other, []string{"GOARCH=" + other, "CGO_ENABLED=0"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "race" && !haveC() {
				if os.Getenv("SDCORE_REQUIRE_CORES") != "" {
					t.Fatal("no C compiler")
				}
				t.Skip("no C compiler")
			}
			if testing.Short() && tt.name != "plain" {
				t.Skip("short")
			}
			bin := filepath.Join(t.TempDir(), "bin")
			cmd := exec.Command("go", append(append([]string{"test", "-c", "-o", bin}, tt.flags...), ".")...)
			cmd.Env = append(os.Environ(), tt.env...)
			if b, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			serve := disassemble(t, bin, "serve")
			fork := disassemble(t, bin, "fork")
			faults := faultsOf(tt.arch, serve, serve, false)
			// Of fork itself everything counts from the clone on.
			faults = append(faults, faultsOf(tt.arch, behindClone(t, tt.arch, fork), append(fork, serve...), true)...)
			for _, f := range faults {
				t.Error(f)
			}
		})
	}
}

func haveC() bool {
	_, err := exec.LookPath("gcc")
	return err == nil
}

var objdumpLine = regexp.MustCompile(`^\s+\S+:\d+\s+0x([0-9a-f]+)\s+[0-9a-f]+\s+(\S+)\s*(.*)$`)

func disassemble(t *testing.T, bin, symbol string) (code []instruction) {
	t.Helper()
	b, err := exec.Command("go", "tool", "objdump", "-s", `internal/snapshot\.`+symbol+`(\.abi0)?$`, bin).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, line := range strings.Split(string(b), "\n") {
		m := objdumpLine.FindStringSubmatch(line)
		// The wrapper with Go's own calling convention is a function of the
		// same name, in a Go file.
		if m == nil || !strings.Contains(line, "fork_") {
			continue
		}
		addr, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, instruction{addr, m[2], strings.TrimSpace(m[3])})
	}
	if len(code) < 20 {
		t.Fatalf("%d instructions of %s:\n%s", len(code), symbol, b)
	}
	return code
}

// behindClone returns what follows the clone: the third system call of amd64
// (arch_prctl, rt_sigprocmask, clone), the second one of arm64.
func behindClone(t *testing.T, arch string, code []instruction) []instruction {
	t.Helper()
	name, calls := "SYSCALL", 3
	if arch == "arm64" {
		name, calls = "SVC", 2
	}
	for i, in := range code {
		if in.name == name {
			if calls--; calls == 0 {
				return code[i+1:]
			}
		}
	}
	t.Fatal("no clone found")
	return nil
}

// faultsOf lists the instructions that should not be there. In fork the parent
// goes on behind the clone: it stores the result in its caller's frame and
// returns.
func faultsOf(arch string, code, whole []instruction, parent bool) (faults []string) {
	plain, jumps := allowed(arch)
	inside := map[uint64]bool{}
	for _, in := range whole {
		inside[in.addr] = true
	}
	for _, in := range code {
		what := fmt.Sprintf("%#x: %s %s ", in.addr, in.name, in.args)
		switch {
		case parent && in.name == "RET", in.name == "?": // "?" is padding behind the end
		case has(jumps, in.name):
			if !jumpsInside(in, inside) {
				faults = append(faults, what+"leaves the code")
			}
		case !has(plain, in.name):
			faults = append(faults, what+"is not on the list")
		case strings.Contains(in.args, "SP"):
			if store := strings.HasPrefix(in.name, "MOV") && strings.HasSuffix(in.args, "SP)"); !parent || !store {
				faults = append(faults, what+"touches the stack")
			}
		}
	}
	return faults
}

// TestFaultsOf: the check can fail.
func TestFaultsOf(t *testing.T) {
	code := []instruction{{0x10, "MOVQ", "0x150(R12), R13"}, {0x14, "JMP", "0x10"}}
	bad := []instruction{
		{0x20, "CALL", "runtime.morestack_noctxt.abi0(SB)"}, {0x21, "CMPQ", "SP, 0x10(R14)"}, {0x22, "PUSHQ", "BP"},
		{0x23, "JLS", "0x10"}, {0x24, "JMP", "0x30"}, {0x25, "MOVQ", "AX, 0x8(SP)"}, {0x26, "RET", ""},
	}
	if got := faultsOf("amd64", code, code, false); len(got) != 0 {
		t.Errorf("good code: %q", got)
	}
	for _, in := range bad {
		if got := faultsOf("amd64", append(code, in), code, false); len(got) != 1 {
			t.Errorf("%v: %q, want one fault", in, got)
		}
	}
}

func has(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if w == word {
			return true
		}
	}
	return false
}

// jumpsInside looks at the target: an address, a distance in instructions
// (arm64), or the name of serve.
func jumpsInside(in instruction, inside map[uint64]bool) bool {
	fields := strings.Split(in.args, ", ")
	target := fields[len(fields)-1]
	if n, ok := strings.CutSuffix(target, "(PC)"); ok {
		distance, err := strconv.ParseInt(n, 10, 64)
		return err == nil && inside[uint64(int64(in.addr)+4*distance)]
	}
	if v, err := strconv.ParseUint(strings.TrimPrefix(target, "0x"), 16, 64); err == nil {
		return inside[v]
	}
	return strings.HasPrefix(target, "github.com/safedump/sdcore/safedump/internal/snapshot.serve")
}
