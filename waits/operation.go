package waits

import (
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// source says where the record of what is waited for is.
type source uint8

const (
	noRecord    source = iota
	inChannel          // g.waiting, and the queues of its channels
	inSemaphore        // runtime.semtable
	inCond             // the list of a sync.Cond
)

// operation is what the goroutines on one stack do to wait.
type operation struct {
	kind   report.WaitKind // "" when they don't wait
	op     string
	source source
	// part is the field of the object that the semaphore is: "sema", "writerSem",
	// "w.sema" in the words of package sync.
	part string
	at   int // the frame that waits, as the program sees it; -1 when there is none
}

// call is a function that waits, with what that means.
type call struct {
	op operation
	// inside is the operation that it has to be the caller of, "" for any.
	inside string
}

// calls are the functions that goroutines wait in, as go1.21 to go1.27 have them:
// package sync's, what those call in package internal/sync since go1.24, and the
// runtime's.
func calls() map[string]call {
	mutex := operation{kind: report.WaitMutex, op: "lock", source: inSemaphore, part: "sema"}
	receive := operation{kind: report.WaitChannel, op: "receive", source: inChannel}
	send := operation{kind: report.WaitChannel, op: "send", source: inChannel}
	block := operation{kind: report.WaitNothing, op: "select"}
	choose := operation{kind: report.WaitChannel, op: "select", source: inChannel}
	poll := operation{kind: report.WaitNetwork, op: "poll"}
	return map[string]call{
		"sync.(*Mutex).lockSlow":                {op: mutex},
		"sync.(*Mutex).Lock":                    {op: mutex},
		"internal/sync.(*Mutex).lockSlow":       {op: mutex},
		"internal/sync.(*Mutex).Lock":           {op: mutex},
		"sync.(*RWMutex).RLock":                 {op: operation{kind: report.WaitRWMutex, op: "rlock", source: inSemaphore, part: "readerSem"}},
		"sync.(*RWMutex).Lock":                  {op: operation{kind: report.WaitRWMutex, op: "lock", source: inSemaphore, part: "writerSem"}},
		"sync.(*WaitGroup).Wait":                {op: operation{kind: report.WaitWaitGroup, op: "wait", source: inSemaphore, part: "sema"}},
		"sync.runtime_notifyListWait":           {op: operation{kind: report.WaitCond, op: "wait", source: inCond}},
		"sync.(*Cond).Wait":                     {op: operation{kind: report.WaitCond, op: "wait", source: inCond}},
		"sync.(*Once).doSlow":                   {op: operation{kind: report.WaitOnce, op: "wait", source: inSemaphore, part: "m.sema"}, inside: "sync.(*Mutex).Lock"},
		"internal/poll.runtime_pollWait":        {op: poll},
		"internal/poll.runtime_Semacquire":      {op: operation{kind: report.WaitSemaphore, op: "lock", source: inSemaphore}},
		"sync.runtime_Semacquire":               {op: operation{kind: report.WaitSemaphore, op: "lock", source: inSemaphore}},
		"sync.runtime_SemacquireMutex":          {op: operation{kind: report.WaitSemaphore, op: "lock", source: inSemaphore}},
		"runtime.semacquire1":                   {op: operation{kind: report.WaitSemaphore, op: "lock", source: inSemaphore}},
		"runtime.semacquire":                    {op: operation{kind: report.WaitSemaphore, op: "lock", source: inSemaphore}},
		"runtime.chanrecv1":                     {op: receive},
		"runtime.chanrecv2":                     {op: receive},
		"runtime.chanrecv":                      {op: receive},
		"runtime.chansend1":                     {op: send},
		"runtime.chansend":                      {op: send},
		"runtime.selectgo":                      {op: choose},
		"runtime.block":                         {op: block},
		"time.Sleep":                            {op: operation{kind: report.WaitTimer, op: "sleep"}},
		"runtime.netpollblock":                  {op: poll},
		"runtime.corostart":                     {op: operation{kind: report.WaitRuntime, op: "coroutine"}},
		"runtime.coroswitch":                    {op: operation{kind: report.WaitRuntime, op: "coroutine"}},
		"internal/sync.runtime_SemacquireMutex": {op: operation{kind: report.WaitSemaphore, op: "lock", source: inSemaphore}},
	}
}

// classifier tells what goroutines do that stand on a stack.
type classifier struct{ calls map[string]call }

// classify looks at a stack from its innermost frame. What is nearest to it
// decides, unless package sync calls it to do something larger: RWMutex.Lock and
// Once.Do lock a Mutex of their own, Cond.Wait one of the program's.
func (c *classifier) classify(g *corefile.Goroutine, frames []corefile.Frame) operation {
	op, last := operation{at: -1}, ""
	for i := range frames {
		f := frames[i].Function
		if frames[i].SystemStack {
			continue
		}
		if !machinery(f) {
			op.at = i
			break
		}
		next, ok := c.calls[f]
		if !ok || next.op.kind == "" {
			continue
		}
		switch {
		case op.kind == "" || op.kind == report.WaitSemaphore && op.part == "" && next.op.source == inSemaphore,
			next.op.kind == report.WaitNetwork && op.source == noRecord:
			next.op.at = -1
			op = next.op
		case f == "sync.(*RWMutex).Lock" && op.kind == report.WaitMutex && last == "sync.(*Mutex).Lock":
			op.kind, op.part = report.WaitRWMutex, "w.sema"
		case next.inside != "" && next.inside == last:
			next.op.at = -1
			op = next.op
		}
		last = f
	}
	return settle(op, g)
}

// settle checks an operation against what the scheduler says of the goroutine.
func settle(op operation, g *corefile.Goroutine) operation {
	switch {
	case g.Status == "syscall":
		return operation{kind: report.WaitSyscall, op: "call", at: op.at}
	case g.Status != "waiting" && g.Status != "leaked":
		return operation{at: op.at}
	case strings.HasSuffix(g.WaitReason, "(nil chan)"), g.WaitReason == "select (no cases)":
		op.kind, op.source, op.part = report.WaitNothing, noRecord, ""
	case op.kind == "":
		op = byReason(g.WaitReason, op.at)
	}
	if op.source == inSemaphore && strings.Contains(g.WaitReason, "chan ") || op.source == inChannel && strings.HasPrefix(g.WaitReason, "sync.") {
		op = byReason(g.WaitReason, op.at) // the stack is not that of this wait
	}
	return op
}

// byReason is what can be told of a wait without its stack.
func byReason(reason string, at int) operation {
	switch {
	case strings.HasPrefix(reason, "chan receive"):
		return operation{kind: report.WaitChannel, op: "receive", source: inChannel, at: at}
	case strings.HasPrefix(reason, "chan send"):
		return operation{kind: report.WaitChannel, op: "send", source: inChannel, at: at}
	case strings.HasPrefix(reason, "select"):
		return operation{kind: report.WaitChannel, op: "select", source: inChannel, at: at}
	case strings.HasPrefix(reason, "sync.") && !strings.HasPrefix(reason, "sync.Cond"), reason == "semacquire":
		return operation{kind: report.WaitSemaphore, op: "lock", source: inSemaphore, at: at}
	case reason == "sleep":
		return operation{kind: report.WaitTimer, op: "sleep", at: at}
	case reason == "IO wait":
		return operation{kind: report.WaitNetwork, op: "poll", at: at}
	}
	return operation{kind: report.WaitRuntime, op: "wait", at: at}
}

// machinery reports whether a function belongs to what makes a program wait,
// not to the program: the runtime, package sync, system calls and the poller.
func machinery(function string) bool {
	for _, p := range [...]string{"runtime.", "sync.", "internal/sync.", "internal/poll.", "internal/race.", "internal/runtime/", "syscall.", "internal/syscall/", "runtime/"} {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	return function == "time.Sleep"
}
