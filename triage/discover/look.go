package discover

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/sidecar"
)

// Suffixes of the files of others.
const (
	textSuffix   = ".crash.txt"
	apportSuffix = ".crash"
)

// unfinished tells by its name a file that is not written to its end:
// systemd-coredump's and the helper's have other names until then.
func unfinished(name string) bool {
	return strings.HasPrefix(name, ".#") || strings.HasSuffix(name, ".tmp")
}

// notOurs tells by their names files that lie beside cores and are none.
func notOurs(path string) bool {
	for _, suffix := range []string{".sidecar.json", ".safedump.json", ".safedump.json.gz", ".db", ".db-wal", ".db-shm"} {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}

// look says what a file is. skipped is the reason why one that belongs here
// can't be used.
func (w *walker) look(f *file) (it Item, skipped string, is bool) {
	it = Item{Path: f.path, Host: f.host, Signature: f.sig}
	name := filepath.Base(f.path)
	readSystemdName(&it, name)
	if w.o.Known != nil {
		if id, kind, ok := w.o.Known(f.path, f.sig); ok {
			it.ID, it.Kind, it.Known = id, kind, true
			return it, "", true
		}
	}
	switch {
	case strings.HasSuffix(name, textSuffix):
		return lookText(it)
	case strings.HasSuffix(name, apportSuffix) && isApport(f.path):
		return lookApport(it)
	}
	head, err := corefile.Peek(f.path)
	switch {
	case err == nil:
	case errors.Is(err, corefile.ErrCompressed) && strings.HasPrefix(name, "core."):
		return it, "compressed in a way that is not read: unpack it first", false
	case errors.Is(err, fs.ErrPermission):
		return it, reason(err), false
	default:
		return it, "", false // most files of a directory are something else
	}
	it.Kind, it.ID, it.Format = Core, head.ID, head.Format
	if head.PID != 0 {
		it.PID, it.Program = head.PID, head.Name
	}
	return it, "", true
}

// lookText takes a crash text of the helper's that has a traceback. It is empty
// while the program lives.
func lookText(it Item) (Item, string, bool) {
	if !crashtext.Is(it.Path) {
		return it, "", false
	}
	it.Kind, it.Origin = Text, "helper"
	id, err := fileID(it.Path, it.Size)
	if err != nil {
		return it, reason(err), false
	}
	it.ID = id
	if s, err := sidecar.Read(sidecar.OfText(it.Path)); err == nil {
		it.PID, it.Program = s.PID, filepath.Base(s.Executable)
	} else if pid, program, ok := helperName(filepath.Base(it.Path)); ok {
		it.PID, it.Program = pid, program
	}
	return it, "", true
}

// helperName reads PROGRAM-TIME-PID.crash.txt.
func helperName(name string) (pid int, program string, ok bool) {
	parts := strings.Split(strings.TrimSuffix(name, textSuffix), "-")
	if len(parts) < 3 {
		return 0, "", false
	}
	pid, err := strconv.Atoi(parts[len(parts)-1])
	return pid, strings.Join(parts[:len(parts)-2], "-"), err == nil
}

// idBytes is how much of a file its ID is made of.
const idBytes = 32 << 10

// fileID names a file by its first bytes and its size.
func fileID(path string, size int64) (string, error) {
	f, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, idBytes)); err != nil {
		return "", err
	}
	io.WriteString(sum, strconv.FormatInt(size, 10))
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// open opens a regular file; anything else is refused before it can block.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, corefile.ErrNotFile)
	}
	return f, nil
}

// reason is an error without the path.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
