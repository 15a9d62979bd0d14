package elfcore

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestSnapshot reads this very process, whose facts are known.
func TestSnapshot(t *testing.T) {
	if os.Getpagesize() != pageSize {
		t.Skip("pages of another size")
	}
	p, err := Snapshot(os.Getpid(), filterMappedPrivate)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if p.PID != os.Getpid() || p.PPID != os.Getppid() || p.UID != os.Getuid() || p.GID != os.Getgid() {
		t.Errorf("%d %d %d %d", p.PID, p.PPID, p.UID, p.GID)
	}
	if !strings.HasPrefix(p.Args, os.Args[0]) || !strings.HasPrefix(exe, "/") || !strings.Contains(exe, p.Comm) {
		t.Errorf("args %q, comm %q", p.Args, p.Comm)
	}
	if p.Filter&filterMappedPrivate == 0 || len(p.Auxv) == 0 || len(p.Auxv)%16 != 0 {
		t.Errorf("filter %#x, %d bytes of auxv", p.Filter, len(p.Auxv))
	}
	if len(p.Threads) < 2 { // a Go program has more than one
		t.Errorf("threads %v", p.Threads)
	}
	var own, touched bool
	for _, m := range p.Mappings {
		own = own || (m.Path == exe && m.Exec)
		touched = touched || (m.Touched && m.Write && !m.hasFile())
	}
	if !own || !touched {
		t.Errorf("mappings: own text %v, written memory %v", own, touched)
	}
	note := fileNote(p.Mappings)
	if !bytes.Contains(note, []byte(exe+"\x00")) {
		t.Error("NT_FILE lacks the executable")
	}
	if _, err := Snapshot(1<<30, 0); err == nil {
		t.Error("a process that does not exist was read")
	}
}
