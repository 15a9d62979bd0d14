package discover

import (
	"strconv"
	"strings"
	"syscall"
	"time"
)

const nonblock = syscall.O_NONBLOCK

// readSystemdName takes what the name of one of systemd-coredump's files says:
// core.COMM.UID.BOOTID.PID.MICROSECONDS, with .zst, .lz4 or .xz behind it.
// Source: systemd 257, src/coredump/coredump.c, make_filename.
func readSystemdName(it *Item, name string) {
	rest, ok := strings.CutPrefix(name, "core.")
	if !ok {
		return
	}
	for _, suffix := range []string{".zst", ".lz4", ".xz"} {
		rest = strings.TrimSuffix(rest, suffix)
	}
	parts := strings.Split(rest, ".")
	if len(parts) < 5 {
		return
	}
	n := len(parts)
	uid, err1 := strconv.Atoi(parts[n-4])
	pid, err2 := strconv.Atoi(parts[n-2])
	us, err3 := strconv.ParseInt(parts[n-1], 10, 64)
	boot := parts[n-3]
	if err1 != nil || err2 != nil || err3 != nil || uid < 0 || pid <= 0 || !isBootID(boot) || us <= 0 || us > maxMicros {
		return
	}
	it.Origin, it.UID, it.PID, it.BootID = "systemd-coredump", uid, pid, boot
	it.Program = unescape(strings.Join(parts[:n-4], "."))
	it.Time = time.UnixMicro(us).UTC()
}

// maxMicros is the year 9999, the last one that a report's time can say.
const maxMicros = 253402300799 * 1_000_000

func isBootID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// unescape undoes \x2e, as systemd writes what a name must not have.
func unescape(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\x`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if len(after) >= 2 {
			if c, err := strconv.ParseUint(after[:2], 16, 8); err == nil {
				b.WriteByte(byte(c))
				s = after[2:]
				continue
			}
		}
		b.WriteString(`\x`)
		s = after
	}
}
