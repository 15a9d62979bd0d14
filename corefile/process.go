package corefile

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/safedump/sdcore/report"
)

// maxStack bounds how much of the initial stack is searched and how much of
// it is copied: Linux allows 6 MiB of arguments and environment (fs/exec.c,
// bprm_set_stack_limit).
const maxStack = 8 << 20

// readProcess reads who the process was: NT_PRPSINFO, and arguments and
// environment from the initial stack.
func (c *Core) readProcess() report.Process {
	p := report.Process{PID: c.notes.info.pid, Name: c.notes.info.name}
	if !c.notes.hasInfo {
		c.problem("process", true, "PID and name are unknown: no NT_PRPSINFO note")
	}
	args, env, ok := c.initialStack()
	if !ok {
		from := "unknown"
		if c.notes.info.args != "" {
			p.Args = strings.Fields(c.notes.info.args)
			from = "from NT_PRPSINFO (79 bytes at most, split at spaces)"
		}
		c.problem("process", true, "the initial stack was not found: arguments are %s, the environment is unknown", from)
		return p
	}
	p.Args = args
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		p.Env = append(p.Env, report.EnvVar{Name: name, Value: value})
		p.EnvNames = append(p.EnvNames, name)
		if name == "PWD" {
			p.Dir = value
		}
	}
	slices.Sort(p.EnvNames)
	p.EnvNames = slices.Compact(p.EnvNames)
	return p
}

// initialStack reads what the kernel put on the stack when the program
// started, upwards: argc, argv, 0, envp, 0, auxv, strings. The vector is found
// by the copy of it in NT_AUXV. Source: Linux 6.12, fs/binfmt_elf.c,
// create_elf_tables.
func (c *Core) initialStack() (args, env []string, ok bool) {
	top, ok := c.notes.auxv[atExecFn]
	if !ok {
		if top, ok = c.notes.auxv[atRandom]; !ok {
			return nil, nil, false
		}
	}
	stack, start := c.stackBelow(top)
	at := findVector(stack, c.notes.auxvRaw)
	if at < 0 {
		return nil, nil, false
	}
	envp, at, ok := pointersBelow(stack, at, start)
	if !ok {
		return nil, nil, false
	}
	argv, at, ok := pointersBelow(stack, at+8, start)
	if !ok || binary.LittleEndian.Uint64(stack[at:]) != uint64(len(argv)) {
		return nil, nil, false
	}
	budget := maxStack
	args, whole := c.stackStrings(argv, &budget)
	env, wholeEnv := c.stackStrings(envp, &budget)
	if !whole || !wholeEnv {
		c.problem("process", true, "some arguments or environment variables could not be read")
	}
	return args, env, true
}

// stackBelow returns the memory below top, maxStack at most, and its address.
func (c *Core) stackBelow(top uint64) (stack []byte, start uint64) {
	r := c.mem.find(top)
	if r == nil || r.data == nil {
		return nil, 0
	}
	start = r.start
	if top-start > maxStack {
		start = (top - maxStack) &^ 7
	}
	return r.data[start-r.start : top-r.start], start
}

// findVector finds the auxiliary vector in the stack by its first two entries
// and returns its offset, -1 when it is not there. Stacks are aligned to words.
func findVector(stack, auxv []byte) int {
	if len(auxv) < 32 {
		return -1
	}
	for end := len(stack); ; {
		at := bytes.LastIndex(stack[:end], auxv[:32])
		if at < 0 || at%8 == 0 {
			return at
		}
		end = at + 31
	}
}

// pointersBelow reads the list of pointers that ends with a null word right
// before offset at. It starts behind another null word or behind a number
// that is not an address of this stack. at is the offset of that word.
func pointersBelow(stack []byte, end int, start uint64) (list []uint64, at int, ok bool) {
	at = end - 8
	if at < 0 || binary.LittleEndian.Uint64(stack[at:]) != 0 {
		return nil, 0, false
	}
	for at -= 8; at >= 0; at -= 8 {
		w := binary.LittleEndian.Uint64(stack[at:])
		if w < start {
			slices.Reverse(list)
			return list, at, true
		}
		list = append(list, w)
	}
	return nil, 0, false
}

// stackStrings reads the strings at addrs within a budget of bytes, up to the
// first one that can't be read.
func (c *Core) stackStrings(addrs []uint64, budget *int) (list []string, whole bool) {
	list = []string{}
	for _, a := range addrs {
		s, ok := c.stackString(a, *budget)
		if !ok {
			return list, false
		}
		*budget -= len(s) + 1
		list = append(list, s)
	}
	return list, true
}

// stackString reads a C string of less than limit bytes.
func (c *Core) stackString(addr uint64, limit int) (string, bool) {
	r := c.mem.find(addr)
	if r == nil || r.data == nil || limit <= 0 {
		return "", false
	}
	b := r.data[addr-r.start:]
	b = b[:min(len(b), limit, math.MaxInt32)]
	n := bytes.IndexByte(b, 0)
	if n < 0 {
		return "", false
	}
	return string(b[:n]), true
}
