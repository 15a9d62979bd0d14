package hostcheck

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// monitorComm is the name of the helper's monitor, as the kernel cuts it.
const monitorComm = "safedump-monito"

// monitor looks for the helper's monitor among the children of the process.
// Where there is one, what stops the kernel's core does not stop the monitor's.
// Whether it may read the process, only the process knows: its sidecar tells.
func (c *checker) monitor() {
	pid := c.monitorPID()
	if pid == 0 {
		return
	}
	for i, f := range c.report.Findings {
		if f.Status == Fail {
			c.report.Findings[i].Status = Warn
			c.report.Findings[i].Detail += " (counts for a core of the kernel's, not for the monitor's)"
		}
	}
	c.report.Core = Core{Destination: ToMonitor, Pattern: c.report.Core.Pattern}
	c.add(CheckMonitor, CodeMonitorPresent, OK, fmt.Sprintf("process %d is the helper's monitor of %s: it takes the core; where to, or why it can't, the sidecar tells", pid, c.who()), "")
}

// monitorPID is 0 where there is none, or where the kernel lists no children.
func (c *checker) monitorPID() int {
	if c.pid == 0 {
		return 0
	}
	task := c.path("proc", strconv.Itoa(c.pid), "task")
	threads, err := os.ReadDir(task)
	if err != nil {
		return 0
	}
	for _, thread := range threads {
		children, err := c.read("proc", strconv.Itoa(c.pid), "task", thread.Name(), "children")
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(child)
			if err != nil {
				continue
			}
			comm, err := c.read("proc", child, "comm")
			if err == nil && strings.TrimSpace(string(comm)) == monitorComm {
				return pid
			}
		}
	}
	return 0
}
