package safedump

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestDumpLaterRefuses(t *testing.T) {
	if err := DumpLater(0, false, false); err == nil {
		t.Error("DumpLater in no time was accepted")
	}
	if err := DumpLater(time.Second, false, false); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("without Install: %v", err)
	}
	Cancel() // does nothing
}

func TestOnSignalRefuses(t *testing.T) {
	for _, sig := range []os.Signal{os.Kill, syscall.SIGSEGV, syscall.SIGABRT} {
		if err := OnSignal(sig, Action{}); err == nil && refused(sig) != nil {
			t.Errorf("%v was accepted", sig)
		}
	}
	if refused(os.Kill) == nil || refused(os.Interrupt) != nil {
		t.Errorf("kill: %v, interrupt: %v", refused(os.Kill), refused(os.Interrupt))
	}
	if err := OnSignal(os.Interrupt, Action{Do: 99}); err == nil {
		t.Error("unknown work was accepted")
	}
	if Unregister(os.Interrupt) {
		t.Error("what was refused is registered")
	}
}
