package safedump

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// Bounds of the work of one Install.
const (
	maxListed    = 20000       // names of a directory that grew large
	maxSidecar   = 1 << 20     // bytes of a sidecar
	maxCores     = 16          // that one pattern may match
	emptyForSure = time.Hour   // that a file without a sidecar, of which nothing came yet, is left alone
	tornForSure  = time.Minute // that a core on its way is left alone, locked or not
)

// goroutinesSuffix is that of a file of goroutine stacks, tornSuffix that of a
// core that Capture has not finished.
const (
	goroutinesSuffix = ".goroutines.txt"
	tornSuffix       = coreSuffix + ".tmp"
)

// remains are what one process left in Options.Dir, and the cores of the kernel
// that are its for sure.
type remains struct {
	base    string // path without suffix
	files   []string
	bytes   int64
	time    time.Time // of the newest file
	nothing bool      // the process ended without a crash
	lock    *os.File  // held while the files are judged and removed
}

// retain removes what earlier processes left in dir past the bounds, and all
// that those left which did not crash. What belongs to a living process is
// locked by it; a lock that can't be had, for whatever reason, means that the
// files stay. Several processes may do this at once.
func retain(dir string, keep Keep, now time.Time) {
	if !locksWork {
		return
	}
	crashes := dead(dir, now)
	sort.Slice(crashes, func(i, j int) bool { return crashes[i].time.After(crashes[j].time) })
	n, bytes := 0, int64(0)
	for _, c := range crashes {
		if !c.nothing {
			n++
			bytes += c.bytes
			over := keep.Crashes > 0 && n > keep.Crashes || keep.Bytes > 0 && bytes > keep.Bytes || keep.Age > 0 && now.Sub(c.time) > keep.Age
			if n == 1 || !over {
				c.unlock()
				continue
			}
			bytes -= c.bytes
		}
		for _, path := range c.files {
			_ = os.Remove(path) // what stays is removed by the next Install
		}
		c.unlock()
	}
}

func (c *remains) unlock() {
	if c.lock != nil {
		_ = c.lock.Close() // only read from
	}
}

// dead lists what processes that have ended left in dir, locked.
func dead(dir string, now time.Time) []*remains {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxListed) // as many as there are
	made := map[string][]string{}         // what lies beside sidecar and text, by base
	for _, name := range names {
		if base, ok := ourBase(name); ok {
			made[base] = append(made[base], filepath.Join(dir, name))
		}
	}
	var all []*remains
	for base, paths := range made {
		if c := look(filepath.Join(dir, base), paths, now); c != nil {
			all = append(all, c)
		}
	}
	return all
}

// look judges the files of one process; nil when it lives, or when there is
// nothing that is surely ours.
func look(base string, paths []string, now time.Time) *remains {
	c := &remains{base: base}
	sc, found := c.readSidecar()
	if found && c.lock == nil {
		return nil
	}
	// A crash text is locked by the runtime's duplicate of its descriptor or by
	// the monitor, a record by the monitor.
	text, record := base+crashTextSuffix, base+monitor.RecordSuffix
	for _, path := range []string{text, record} {
		if !c.claim(path) {
			c.unlock()
			return nil
		}
	}
	if c.lock == nil {
		return lookTorn(base, paths, now)
	}
	info, err := os.Lstat(text)
	printed := err == nil && info.Size() > 0
	cores := c.addCores(sc) + c.addBeside(paths)
	c.nothing = !printed && cores == 0 && !recordMatters(record) && (!found || sc.CrashText != "" || sc.Core.Destination == ToMonitor)
	if !found && c.nothing && now.Sub(c.time) < emptyForSure {
		c.unlock() // its sidecar may be on the way
		return nil
	}
	return c
}

// lookTorn is look for a core that never got its name: Capture's process died.
func lookTorn(base string, paths []string, now time.Time) *remains {
	for _, path := range paths {
		if path != base+tornSuffix {
			continue
		}
		c := &remains{base: base, nothing: true}
		if c.claim(path) && c.lock != nil && now.Sub(c.time) > tornForSure {
			return c
		}
		c.unlock()
	}
	return nil
}

// claim adds a file if it is there and one of ours; false means that somebody
// has its lock. The first lock is kept until the files are judged and removed.
func (c *remains) claim(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !ours(info) {
		return true
	}
	f := openLocked(path)
	if f == nil {
		return false
	}
	c.add(path, info)
	if c.lock == nil {
		c.lock = f
		return true
	}
	return f.Close() == nil // only read from
}

// addBeside adds what the process, or its monitor, made of it.
func (c *remains) addBeside(paths []string) (dumps int) {
	for _, path := range paths {
		for _, suffix := range []string{coreSuffix, monitor.ReportSuffix, goroutinesSuffix} {
			info, err := os.Lstat(path)
			if strings.HasSuffix(path, suffix) && err == nil && ours(info) {
				c.add(path, info)
				dumps++
			}
		}
	}
	return dumps
}

// readSidecar reads and locks the sidecar; found says that there is a file. One
// that is locked, or none of ours, leaves no lock.
func (c *remains) readSidecar() (sc sidecar, found bool) {
	path := c.base + sidecarSuffix
	info, err := os.Lstat(path)
	if err != nil {
		return sidecar{}, !errors.Is(err, os.ErrNotExist)
	}
	if !ours(info) || info.Size() > maxSidecar {
		return sidecar{}, true
	}
	f := openLocked(path)
	if f == nil {
		return sidecar{}, true
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSidecar))
	if err != nil || json.Unmarshal(b, &sc) != nil || sc.Version == 0 || !strings.HasSuffix(c.base, "-"+strconv.Itoa(sc.PID)) {
		_ = f.Close() // only read from
		return sidecar{}, true
	}
	c.lock = f
	c.add(path, info)
	return sc, true
}

func (c *remains) add(path string, info os.FileInfo) {
	c.files = append(c.files, path)
	c.bytes += info.Size()
	if info.ModTime().After(c.time) {
		c.time = info.ModTime()
	}
}

// addCores adds the cores of the kernel that are of this process: at the place
// that the sidecar tells, newer than it, and with its number in their notes.
func (c *remains) addCores(sc sidecar) (cores int) {
	if sc.Core.Destination != ToFile || !filepath.IsAbs(sc.Core.Path) {
		return cores
	}
	paths := []string{sc.Core.Path}
	if sc.Core.Glob {
		found, err := filepath.Glob(sc.Core.Path)
		if err != nil || len(found) > maxCores {
			return cores
		}
		paths = found
	}
	start, err := time.Parse(time.RFC3339Nano, sc.StartTime)
	if err != nil {
		return cores
	}
	for _, path := range paths {
		if path == c.base+coreSuffix {
			continue // addBeside counts it
		}
		info, err := os.Lstat(path)
		if err == nil && ours(info) && info.ModTime().After(start) && isCoreOf(path, sc.PID) {
			c.add(path, info)
			cores++
		}
	}
	return cores
}

// ourBase takes the suffix off a name that begins as baseName makes it. The
// dumps of a process that lives on have a number before their suffix.
func ourBase(name string) (base string, ok bool) {
	for _, suffix := range []string{sidecarSuffix, crashTextSuffix, monitor.RecordSuffix, monitor.ReportSuffix, coreSuffix, tornSuffix, goroutinesSuffix} {
		if base, ok = strings.CutSuffix(name, suffix); ok {
			break
		}
	}
	if !ok {
		return "", false
	}
	if before, number, cut := cutLast(base, '.'); cut && !strings.Contains(number, "-") {
		base = before
	}
	rest, pid, ok := cutLast(base, '-')
	if _, err := strconv.ParseUint(pid, 10, 31); err != nil || !ok {
		return "", false
	}
	_, at, ok := cutLast(rest, '-')
	_, err := time.Parse(timeLayout, at)
	return base, ok && err == nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// openLocked opens a file and locks it; nil when somebody else holds the lock
// or the file is gone.
func openLocked(path string) *os.File {
	f, err := openNoFollow(path)
	if err != nil {
		return nil
	}
	if !lockFile(f) {
		_ = f.Close() // nothing was written
		return nil
	}
	return f
}

// unlocked reports whether nobody holds the lock of a file.
func unlocked(path string) bool {
	f := openLocked(path)
	if f == nil {
		return false
	}
	return f.Close() == nil
}

// isCoreOf reports whether a file is the core of a process with this number.
func isCoreOf(path string, pid int) bool {
	f, err := openNoFollow(path)
	if err != nil {
		return false
	}
	defer f.Close()
	n, err := corePID(f)
	return err == nil && n == pid
}
