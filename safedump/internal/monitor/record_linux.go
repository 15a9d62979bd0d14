//go:build amd64 || arm64

package monitor

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// maxDumps bounds the list in a record.
const maxDumps = 64

// recordFile is a Record on its way to the disk. It is written over itself,
// never anew: a full disk does not hinder that. All methods work without a
// file, so that the monitor does.
type recordFile struct {
	Record
	file      *os.File
	size      int
	killed    uint64 // OOMKills at the start
	firstRead bool
	blind     bool // /proc is of no use
}

// newRecord makes the file; with an error the record is kept in memory.
func newRecord(path string, pid int) (*recordFile, error) {
	r := &recordFile{Record: Record{Version: Version, PID: pid, MonitorPID: os.Getpid(),
		StartTime: time.Now().UTC().Format(time.RFC3339Nano), State: "running"}}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		r.file = f
		// For those who clean up: this process lives. Without locks they don't.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	return r, err
}

// measure writes the host's memory down when it has changed by a twentieth, and
// reports whether it has.
func (r *recordFile) measure() (changed bool) {
	if r.blind {
		return false
	}
	m := readMemory(r.PID)
	if m.RSS == 0 {
		return false // gone, or /proc is
	}
	if !r.firstRead {
		r.firstRead, r.killed = true, m.OOMKills
	} else if old := r.Memory.RSS; m.RSS < old+old/20 && m.RSS+old/20 > old {
		return false
	}
	r.Memory = &m
	_ = r.write() // the figures before stay
	return true
}

// killedForMemory reports whether the kernel killed for memory since the start,
// and whether that could be read. In a group without memory even the look at it
// may fail, until the dead are gone: it is repeated for two seconds.
func (r *recordFile) killedForMemory() (killed, known bool) {
	if r.Memory == nil {
		return false, true // there never was anything to read
	}
	for tries := 0; tries < 40; tries++ {
		m := readMemory(os.Getpid()) // the host is gone; this process is in its group
		if m.Group == r.Memory.Group {
			return m.OOMKills > r.killed, true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false, false
}

// empty reports whether nothing happened that somebody might ask for.
func (r *recordFile) empty() bool { return len(r.Dumps) == 0 && !r.Memory.Tight() }

func (r *recordFile) state(s string) {
	r.State = s
	_ = r.write() // the state before stays
}

func (r *recordFile) add(d Dump) {
	if len(r.Dumps) == maxDumps {
		r.Dumps = append(r.Dumps[:0], r.Dumps[1:]...)
		r.DumpsDropped++
	}
	r.Dumps = append(r.Dumps, d)
	_ = r.write() // the core itself is there
}

// replace takes the place of the last dump.
func (r *recordFile) replace(d Dump) { r.Dumps[len(r.Dumps)-1] = d }

func (r *recordFile) text(n, lost int) { r.TextBytes += int64(n); r.TextLost += int64(lost) }

func (r *recordFile) textKept() int64 { return r.TextBytes - r.TextLost }

// write pads with spaces up to the length of the record before: JSON allows
// them, and the file never holds the rest of a longer one.
func (r *recordFile) write() error {
	if r.file == nil {
		return nil
	}
	b, err := json.MarshalIndent(r.Record, "", "  ")
	if err != nil {
		return err
	}
	const blocks = 4096
	for len(b) == 0 || len(b)%blocks != blocks-1 || len(b)+1 < r.size {
		b = append(b, ' ')
	}
	r.size = len(b) + 1
	_, err = r.file.WriteAt(append(b, '\n'), 0)
	return err
}

func (r *recordFile) finish(state string) error {
	r.State = state
	return r.write()
}

// drop removes a record that tells nothing.
func (r *recordFile) drop() {
	if r.file == nil {
		return
	}
	if err := os.Remove(r.file.Name()); err == nil || errors.Is(err, fs.ErrNotExist) {
		r.file = nil
	}
}
