package hostcheck

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pipe explains a core_pattern that starts a program, and looks whether the
// program is there.
func (c *checker) pipe(core Core) {
	code := handlerCode(core.Handler)
	status, detail, remedy := Warn, "", ""
	switch code {
	case CodePatternSystemd:
		status, detail = OK, "cores go to systemd-coredump"
		remedy = "get one with: coredumpctl dump PID -o core"
	case CodePatternApport:
		detail = "cores go to apport, which keeps those of packaged programs, and others only when told to"
		remedy = "look in /var/lib/apport/coredump and /var/crash, or stop apport and set kernel.core_pattern=core.%p"
	case CodePatternABRT:
		detail = "cores go to ABRT, which keeps those of packaged programs, and others only when told to"
		remedy = "set ProcessUnpackaged = yes in /etc/abrt/abrt-action-save-package-data.conf; look in /var/spool/abrt"
	case CodePatternRuntime:
		detail = fmt.Sprintf("core_pattern %q hands cores to the collector of the container runtime or virtual machine", core.Pattern)
		remedy = "ask its owner where cores go; where that is out of reach use withcore, sdcore capture, or the helper's Capture"
	case CodePatternDiscard:
		c.add(CheckCorePattern, code, Fail, fmt.Sprintf("core_pattern %q hands cores to a program that throws them away", core.Pattern),
			"as root on the host: sysctl -w kernel.core_pattern=core.%p; where that is out of reach use withcore, sdcore capture, or the helper's Capture")
		return
	default:
		detail = fmt.Sprintf("core_pattern %q hands cores to a program", core.Pattern)
		remedy = "ask its owner where cores go"
	}
	if c.container != "" {
		status = Warn
		detail += "; the program runs on the host, outside of this container"
	}
	c.add(CheckCorePattern, code, status, detail, remedy)
	c.handler(code, core.Handler)
}

// handler looks at the program itself.
func (c *checker) handler(code Code, command string) {
	program, _, _ := strings.Cut(command, " ")
	switch {
	case c.container != "":
		c.add(CheckHandler, CodeHandlerUnknown, Warn, program+" is on the host, out of sight from this container", "ask on the host")
	case !c.exists(program):
		c.add(CheckHandler, CodeHandlerMissing, Fail, "core_pattern names "+program+", which does not exist",
			"install it, or as root: sysctl -w kernel.core_pattern=core.%p")
	case code == CodePatternSystemd && c.coredumpStorage() == "none":
		c.add(CheckHandler, CodeHandlerStorageNone, Fail, "systemd-coredump is told to keep no core (Storage=none)",
			"set Storage=external in /etc/systemd/coredump.conf")
	case code == CodePatternSystemd:
		c.add(CheckHandler, CodeHandlerPresent, OK, program+" exists and keeps cores in /var/lib/systemd/coredump", "")
	default:
		c.add(CheckHandler, CodeHandlerPresent, OK, program+" exists", "")
	}
}

// coredumpStorage is the last Storage= of systemd's coredump.conf(5) and its
// drop-ins, lower case; "" when none is set.
func (c *checker) coredumpStorage() string {
	storage := ""
	for _, path := range c.coredumpConfig() {
		b, err := c.read(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && strings.TrimSpace(key) == "Storage" {
				storage = strings.ToLower(strings.TrimSpace(value))
			}
		}
	}
	return storage
}

// coredumpConfig lists the files in the order in which they count: the main
// one, then drop-ins by name, of which /etc's hides /run's hides /usr/lib's.
func (c *checker) coredumpConfig() []string {
	dropIns := map[string]string{} // path by name
	for _, dir := range []string{"/usr/lib/systemd/coredump.conf.d", "/run/systemd/coredump.conf.d", "/etc/systemd/coredump.conf.d"} {
		entries, err := os.ReadDir(c.path(dir))
		if err != nil {
			continue
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".conf") {
				dropIns[e.Name()] = filepath.Join(dir, e.Name())
			}
		}
	}
	paths := []string{"/etc/systemd/coredump.conf"}
	for _, name := range slices.Sorted(maps.Keys(dropIns)) {
		paths = append(paths, dropIns[name])
	}
	return paths
}
