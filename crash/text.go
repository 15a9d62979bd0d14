package crash

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// describe names the signals that programs die of, as runtime.sigtable of Go
// 1.26 has them; others by number.
func describe(n int) string {
	switch n {
	case 2:
		return "SIGINT: interrupt"
	case 3:
		return "SIGQUIT: quit"
	case sigILL:
		return "SIGILL: illegal instruction"
	case sigTRAP:
		return "SIGTRAP: trace trap"
	case sigABRT:
		return "SIGABRT: abort"
	case sigBUS:
		return "SIGBUS: bus error"
	case sigFPE:
		return "SIGFPE: floating-point exception"
	case 9:
		return "SIGKILL: kill"
	case sigSEGV:
		return "SIGSEGV: segmentation violation"
	case 15:
		return "SIGTERM: termination"
	case 31:
		return "SIGSYS: bad system call"
	}
	return "signal " + strconv.Itoa(n)
}

// Text is what Go itself prints for a crash before the first goroutine, made
// from the crash alone; it ends in a newline. It is "" for a snapshot and for
// an unknown crash.
func Text(c *report.Crash) string {
	var b strings.Builder
	switch c.Kind {
	case report.KindPanic:
		printPanics(&b, panics(&c.Exception, true))
	case report.KindFatal, report.KindDeadlock:
		if before := panics(&c.Exception, false); len(before) > 0 {
			printPanics(&b, before)
			b.WriteByte('\t')
		}
		b.WriteString("fatal error: " + c.Exception.Message + "\n")
	case report.KindSignal:
		b.WriteString(c.Exception.Message + "\n")
		return b.String()
	default:
		return ""
	}
	if s := c.Signal; s != nil {
		fmt.Fprintf(&b, "[signal %s code=%#x addr=%#x pc=%#x]\n", describe(s.Number), s.Code, uint64(s.Addr), uint64(s.PC))
	}
	return b.String()
}

// panics lists an exception and the earlier panics below it, newest first.
func panics(e *report.Exception, self bool) []*report.Exception {
	var out []*report.Exception
	if self {
		out = append(out, e)
	}
	for i := range e.Sub {
		if e.Sub[i].Relation == report.RelationEarlier {
			out = append(out, &e.Sub[i])
		}
	}
	return out
}

// printPanics is runtime.printpanics of Go 1.26 over a list instead of links.
func printPanics(b *strings.Builder, chain []*report.Exception) {
	for i := len(chain) - 1; i >= 0; i-- {
		e := chain[i]
		if i+1 < len(chain) {
			if chain[i+1].Repanicked {
				continue
			}
			if !chain[i+1].Goexit {
				b.WriteByte('\t')
			}
		}
		if e.Goexit {
			continue
		}
		b.WriteString("panic: " + e.Message)
		switch {
		case e.Recovered && e.Repanicked:
			b.WriteString(" [recovered, repanicked]")
		case e.Recovered:
			b.WriteString(" [recovered]")
		}
		b.WriteByte('\n')
	}
}
