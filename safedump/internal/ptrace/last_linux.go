//go:build amd64 || arm64

package ptrace

import "syscall"

// AtExit seizes thread tid and calls atEnd while it stands before its end, its
// descriptors still open; then it lets it go. seized is called before it waits.
// AtExit returns false when the end can't be seen.
func AtExit(tid int, seized, atEnd func()) bool {
	err := Seize(tid, TraceExit)
	seized()
	if err != nil {
		return false
	}
	for {
		ws, _, err := Wait(tid, 0)
		if err != nil || ws.Exited() || ws.Signaled() {
			return false
		}
		switch event := Event(ws); {
		case event == EventExit:
			atEnd()
			return Detach(tid, 0) == nil
		case event == EventStop && ws.StopSignal() != syscall.SIGTRAP:
			err = Listen(tid) // job control: stay stopped
		case event != 0:
			err = Cont(tid, 0)
		default:
			err = Cont(tid, int(ws.StopSignal()))
		}
		if err != nil {
			return false
		}
	}
}
