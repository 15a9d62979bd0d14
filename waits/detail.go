package waits

import (
	"fmt"
	"strings"
	"time"

	"github.com/safedump/sdcore/report"
)

// maxPollStack bounds the bytes of a stack in which the record of a file is looked for.
const maxPollStack = 2048

// detail says more of a wait that no other goroutine ends, "" where nothing is known.
func (a *analysis) detail(i int) string {
	op := a.operation(i)
	switch op.kind {
	case report.WaitNetwork:
		return a.polled(i, op)
	case report.WaitSyscall:
		return a.call(i, op)
	case report.WaitTimer:
		// The clock stood at a.now at least.
		if until := a.in.Goroutines[i].SleepUntil; until > a.now && a.now > 0 {
			return "at most " + (time.Duration(until-a.now) + time.Millisecond - 1).Truncate(time.Millisecond).String() + " more"
		}
	}
	return ""
}

// polled finds the file that a goroutine waits for: its runtime.pollDesc, which lies in
// the frames that wait, names the goroutine in turn.
func (a *analysis) polled(i int, op *operation) string {
	l, g := &a.lay, &a.in.Goroutines[i]
	if !l.pollFD.ok || !l.pollRead.ok || !l.pollWrite.ok {
		return ""
	}
	st, err := a.in.Stack(a.ctx, i)
	if err != nil || op.at < 0 || op.at >= len(st.Frames) {
		return ""
	}
	end := min(st.Frames[op.at].CFA, g.SP+maxPollStack)
	for at := (g.SP + 7) &^ 7; at < end; at += 8 {
		w, err := a.in.Memory.Uint64(at)
		if err != nil || w == 0 || w%8 != 0 {
			continue
		}
		for _, way := range []struct {
			place place
			name  string
		}{{l.pollRead, "read"}, {l.pollWrite, "write"}} {
			if by, err := a.in.Memory.Uint64(w + way.place.off); err != nil || by != g.Addr {
				continue
			}
			if fd, err := a.in.Memory.Uint64(w + l.pollFD.off); err == nil && fd < 1<<31 {
				return fmt.Sprintf("fd %d, to %s", fd, way.name)
			}
		}
	}
	return ""
}

// call finds the number of a system call, where the frame that made it still has it.
func (a *analysis) call(i int, op *operation) string {
	st, err := a.in.Stack(a.ctx, i)
	if err != nil {
		return ""
	}
	for j := range st.Frames {
		if op.at >= 0 && j >= op.at {
			break
		}
		fr := &st.Frames[j]
		if !strings.HasPrefix(fr.Function, "syscall.") && !strings.HasPrefix(fr.Function, "internal/runtime/syscall") {
			continue
		}
		for _, v := range a.variables(fr) {
			if (v.name == "trap" || v.name == "num") && !v.stale {
				if n, ok := v.number(a); ok && n < 1<<12 {
					return fmt.Sprintf("system call %d", n)
				}
			}
		}
	}
	return ""
}

// number is the value of a variable of eight bytes.
func (v *variable) number(a *analysis) (uint64, bool) {
	if v.typ.Size != 8 {
		return 0, false
	}
	return v.word(a)
}
