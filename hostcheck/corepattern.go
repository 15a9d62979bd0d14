package hostcheck

import (
	"path/filepath"
	"strconv"
	"strings"
)

// patternFacts is what the specifiers of core_pattern stand for in a process.
// An empty string means that the value can't be told before the crash.
type patternFacts struct {
	pid         int    // 0 when it is not known
	uid, gid    int    // -1 when they are not known
	dumpable    string // %d
	signal      string // %s: SIGABRT, by which Go programs die at traceback level crash
	host        string // %h
	comm        string // %e: the kernel's name of the crashing thread
	exe         string // %E, %f: absolute path of the executable
	limit       string // %c: soft RLIMIT_CORE
	cwd         string // where a relative pattern starts
	usesPID     bool   // core_uses_pid
	initialPIDs bool   // pid is also the number in the host's namespace (%P)
}

// parsePattern reads core_pattern (core(5); fs/coredump.c, format_corename,
// Linux 6.18). The answer's Destination is ToUnknown for an invalid one.
func parsePattern(pattern string, f patternFacts) Core {
	pattern = strings.TrimSuffix(pattern, "\n")
	c := Core{Pattern: pattern}
	switch {
	case strings.HasPrefix(pattern, "|"):
		c.Destination = ToPipe
		c.Handler = strings.TrimSpace(pattern[1:])
		if c.Handler == "" {
			c.Destination = ToNowhere
		}
		return c
	case strings.HasPrefix(pattern, "@"):
		c.Destination = ToSocket
		c.Handler = strings.TrimLeft(pattern, "@")
		return c
	case pattern == "" && !f.usesPID:
		c.Destination = ToNowhere
		return c
	}
	name, glob := expandPattern(pattern, f)
	if !filepath.IsAbs(name) {
		if f.cwd == "" {
			c.Destination, c.Path, c.Glob = ToUnknown, name, glob
			return c
		}
		dir := f.cwd
		if glob {
			dir = globEscape(dir)
		}
		name = filepath.Join(dir, name)
	}
	c.Destination, c.Path, c.Glob = ToFile, name, glob
	return c
}

// expandPattern replaces the specifiers; where a value is known only at the
// crash it puts a "*" and answers glob.
func expandPattern(pattern string, f patternFacts) (name string, glob bool) {
	if name, ok := expandWith(pattern, f, ""); ok {
		return name, false
	}
	name, _ = expandWith(pattern, f, "*")
	return name, true
}

// expandWith puts unknown in place of a value that is not known. With an
// unknown other than "" the known parts are escaped for filepath.Match.
func expandWith(pattern string, f patternFacts, unknown string) (name string, whole bool) {
	var b strings.Builder
	whole = true
	literal := func(s string) {
		if unknown != "" {
			s = globEscape(s)
		}
		b.WriteString(s)
	}
	hasPID := false
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			literal(pattern[i : i+1])
			continue
		}
		if i++; i == len(pattern) {
			break // the kernel drops a single % at the end
		}
		if pattern[i] == '%' {
			literal("%")
			continue
		}
		hasPID = hasPID || pattern[i] == 'p'
		value, known, drop := f.specifier(pattern[i])
		switch {
		case drop:
		case known:
			literal(value)
		default:
			whole = false
			b.WriteString(unknown)
		}
	}
	if !hasPID && f.usesPID {
		literal(".")
		if value, known := number(f.pid, f.pid > 0); known {
			literal(value)
		} else {
			whole = false
			b.WriteString(unknown)
		}
	}
	return b.String(), whole
}

// specifier returns what stands for %c. drop is set for letters that the
// kernel does not know: it writes nothing for them.
func (f patternFacts) specifier(c byte) (value string, known, drop bool) {
	text := func(s string) (string, bool, bool) { return escapeSlashes(s), s != "", false }
	switch c {
	case 'p':
		value, known = number(f.pid, f.pid > 0)
	case 'P':
		value, known = number(f.pid, f.pid > 0 && f.initialPIDs)
	case 'u':
		value, known = number(f.uid, f.uid >= 0)
	case 'g':
		value, known = number(f.gid, f.gid >= 0)
	case 'd':
		return text(f.dumpable)
	case 's':
		return text(f.signal)
	case 'h':
		return text(f.host)
	case 'e':
		return text(f.comm)
	case 'f':
		if f.exe == "" {
			return "", false, false
		}
		return text(filepath.Base(f.exe))
	case 'E':
		return text(f.exe)
	case 'c':
		return text(f.limit)
	case 'i', 'I', 't', 'C': // thread, time, processor: known at the crash
	default:
		drop = true // %F is for pipes only
	}
	return value, known, drop
}

func number(v int, known bool) (string, bool) { return strconv.Itoa(v), known }

// escapeSlashes does what cn_esc_printf of fs/coredump.c does to a value:
// no slash, and no name that means a directory.
func escapeSlashes(s string) string {
	switch s {
	case ".":
		return "!"
	case "..":
		return "!."
	}
	return strings.ReplaceAll(s, "/", "!")
}

// globEscape makes s match only itself in path/filepath.Match.
func globEscape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(`*?[\`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// handlerCode names the program that a pipe pattern starts.
func handlerCode(command string) Code {
	program := command
	if i := strings.IndexAny(program, " \t"); i >= 0 {
		program = program[:i]
	}
	base := filepath.Base(program)
	switch {
	case strings.HasPrefix(base, "systemd-coredump"):
		return CodePatternSystemd
	case base == "apport":
		return CodePatternApport
	case strings.HasPrefix(base, "abrt"):
		return CodePatternABRT
	case base == "false", base == "true":
		return CodePatternDiscard
	case base == "wsl-capture-crash", base == "cdc", strings.HasPrefix(base, "core-dump"):
		return CodePatternRuntime // of WSL, and of agents that run on the nodes of clusters
	}
	return CodePatternPipe
}
