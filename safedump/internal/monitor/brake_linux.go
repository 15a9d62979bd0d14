//go:build amd64 || arm64

package monitor

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/safedump/sdcore/safedump/internal/elfcore"
	"github.com/safedump/sdcore/safedump/internal/ptrace"
)

// brakeWait bounds the wait for the dying thread to come to the brake: between
// its first write and its second it prints to stderr, which may block.
const brakeWait = time.Second

// waiter is a thread that waits in a system call: a line of
// /proc/PID/task/TID/syscall (proc(5)).
type waiter struct {
	number uint64
	args   [6]uint64
	sp, pc uint64
}

// atBrake waits until a thread of the host stands in a write to the pipe and
// returns it; 0 when none does in time.
func (c *child) atBrake(wait time.Duration) int {
	for deadline := time.Now().Add(wait); ; time.Sleep(200 * time.Microsecond) {
		ids := c.tasks()
		for _, tid := range ids {
			w, err := c.readWaiter(tid)
			if err == nil && w.number == syscall.SYS_WRITE && c.isBrake(w.args[0]) {
				return tid
			}
		}
		if len(ids) == 0 || time.Now().After(deadline) {
			return 0
		}
	}
}

// isBrake reports whether a descriptor of the host's is the pipe.
func (c *child) isBrake(fd uint64) bool {
	link, err := os.Readlink(c.proc(fmt.Sprintf("fd/%d", fd)))
	return err == nil && link == fmt.Sprintf("pipe:[%d]", c.brake)
}

// tasks lists the threads of the host.
func (c *child) tasks() []int {
	entries, err := os.ReadDir(c.proc("task"))
	if err != nil {
		return nil
	}
	var ids []int
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			ids = append(ids, tid)
		}
	}
	return ids
}

// readWaiter fails for a thread that runs.
func (c *child) readWaiter(tid int) (waiter, error) {
	b, err := os.ReadFile(c.proc(filepath.Join("task", strconv.Itoa(tid), "syscall")))
	if err != nil {
		return waiter{}, err
	}
	return parseWaiter(string(b))
}

// parseWaiter reads "NUMBER ARG*6 SP PC", "-1 SP PC" for a thread that waits
// for something else, or "running".
func parseWaiter(text string) (w waiter, err error) {
	fields := strings.Fields(text)
	if len(fields) != 9 && len(fields) != 3 {
		return w, fmt.Errorf("%d fields", len(fields))
	}
	var values []uint64
	for _, f := range fields[1:] {
		v, err := strconv.ParseUint(f, 0, 64)
		if err != nil {
			return w, err
		}
		values = append(values, v)
	}
	w.number = ^uint64(0)
	if len(fields) == 9 {
		if w.number, err = strconv.ParseUint(fields[0], 10, 64); err != nil {
			return w, err
		}
		copy(w.args[:], values)
		values = values[6:]
	}
	w.sp, w.pc = values[0], values[1]
	return w, nil
}

// waiting returns the threads that wait in the kernel, the given one first,
// and the numbers of the others, of whose registers nothing is known.
func (c *child) waiting(first int) (all []elfcore.Thread, missing []int) {
	ids := c.tasks()
	ptrace.Order(ids, first)
	for _, tid := range ids {
		w, err := c.readWaiter(tid)
		if err != nil {
			missing = append(missing, tid)
			continue
		}
		all = append(all, elfcore.Thread{TID: tid, Regs: w.registers()})
	}
	return all, missing
}

// registers is struct user_regs_struct with what is known.
func (w waiter) registers() []byte {
	var args [6]int
	number, sp, pc, count := 0, 0, 0, 0
	if runtime.GOARCH == "arm64" {
		args, number, sp, pc, count = [6]int{0, 1, 2, 3, 4, 5}, 8, 31, 32, 34
	} else { // rdi rsi rdx r10 r8 r9, orig_rax, rsp, rip
		args, number, sp, pc, count = [6]int{14, 13, 12, 7, 9, 8}, 15, 19, 16, 27
	}
	regs := make([]byte, 8*count)
	put := func(i int, v uint64) { binary.LittleEndian.PutUint64(regs[8*i:], v) }
	for i, n := range args {
		put(n, w.args[i])
	}
	put(number, w.number)
	put(sp, w.sp)
	put(pc, w.pc)
	return regs
}
