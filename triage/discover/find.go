package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say where and how to look. The zero value looks at nothing.
type Options struct {
	// Dirs are looked at with what is below them.
	Dirs []string
	// Host is where the files are from. With HostDirs the name of the
	// directory below one of Dirs says it instead.
	Host     string
	HostDirs bool
	// Settle is how long a file must not have changed before Now: one that is
	// still being written is left for the next time. 0 takes all.
	Settle time.Duration
	Now    time.Time
	// Known, when set, tells the ID of a file that was looked at before and has
	// not changed: it is then not opened.
	Known func(path string, s Signature) (id string, kind Kind, ok bool)
	// Jobs is how many files are looked at at a time; 0 means 4.
	Jobs int
	// MaxFiles bounds the files and directories; 0 means a million.
	MaxFiles int
}

// Kind says what a file holds.
type Kind string

// The kinds of files.
const (
	Core   Kind = "core"   // an ELF core, plain or compressed
	Apport Kind = "apport" // a .crash file with a core in it
	Text   Kind = "text"   // a crash text that the helper kept
)

// Signature tells whether a file is still the one that was looked at.
type Signature struct {
	Size     int64
	Modified int64 // nanoseconds since 1970
	Inode    uint64
}

// Item is one thing to report.
type Item struct {
	Kind Kind
	Path string
	Host string
	Signature
	// ID names the contents: a copy has the same.
	ID string
	// Known is true for a file that Options.Known knew.
	Known bool
	// Origin is who wrote it, by its name: "systemd-coredump", "apport",
	// "helper", or "".
	Origin string
	// What its name or its first bytes say; zero where they do not.
	Format  string // of compression
	PID     int
	Program string
	UID     int
	BootID  string
	Time    time.Time // of the crash
	// CoveredBy is, for a crash text, the core that tells the same death.
	CoveredBy string
}

// Skipped is a file that looks as if it belonged here and can't be used.
type Skipped struct{ Path, Reason string }

// Found is what Find found.
type Found struct {
	Items   []Item // by path
	Skipped []Skipped
	Files   int // regular files seen
	Writing int // of them still being written
}

const (
	defaultFiles = 1_000_000
	maxDepth     = 32
	defaultJobs  = 4
)

// Find looks through the directories. The error is that of a directory that
// was named and can't be read; what is wrong further down is in Skipped.
func Find(ctx context.Context, o Options) (Found, error) {
	w := walker{o: o, left: cmp.Or(o.MaxFiles, defaultFiles), seen: map[inode]bool{}}
	for _, dir := range o.Dirs {
		if err := w.root(ctx, dir); err != nil {
			return Found{}, err
		}
	}
	if err := w.classify(ctx); err != nil {
		return Found{}, err
	}
	f := &w.found
	slices.SortFunc(f.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(f.Skipped, func(a, b Skipped) int { return strings.Compare(a.Path, b.Path) })
	pair(f.Items)
	return *f, nil
}

// walker collects files first and looks at them then.
type walker struct {
	o     Options
	links bool // take files that links lead to
	left  int
	seen  map[inode]bool // directories
	files []file
	found Found
}

type inode struct{ dev, ino uint64 }

// file is a regular file.
type file struct {
	path, host string
	sig        Signature
}

// root walks one directory that was named, or takes one file.
func (w *walker) root(ctx context.Context, dir string) error {
	info, err := os.Stat(dir) // the name itself may be a link
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		w.add(dir, w.o.Host, info)
		return nil
	}
	type level struct {
		dir, host string
		depth     int
		dev       uint64
	}
	for queue := []level{{dir, w.o.Host, 0, 0}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := os.Stat(at.dir)
		if err != nil || !w.enter(info, at.dir, at.dev) {
			w.skip(at.dir, err)
			continue
		}
		entries, err := readDir(at.dir, w.left+1)
		if err != nil && at.depth == 0 {
			return err
		}
		w.skip(at.dir, err)
		if w.left -= len(entries); w.left < 0 {
			w.skip(at.dir, fmt.Errorf("more than %d entries in all: the rest was not looked at", cmp.Or(w.o.MaxFiles, defaultFiles)))
			entries, queue = entries[:len(entries)+w.left], queue[:1]
		}
		for _, e := range entries {
			path := filepath.Join(at.dir, e.Name())
			switch {
			case e.IsDir() && at.depth == maxDepth:
				w.skip(path, fmt.Errorf("more than %d levels deep", maxDepth))
			case e.IsDir():
				host := at.host
				if w.o.HostDirs && at.depth == 0 {
					host = e.Name()
				}
				queue = append(queue, level{path, host, at.depth + 1, device(info)})
			case e.Type().IsRegular():
				if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
					w.add(path, at.host, info)
				}
			case w.links && e.Type()&fs.ModeSymlink != 0:
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					w.add(path, at.host, info)
				}
			}
		}
		if w.left < 0 {
			return nil
		}
	}
	return nil
}

// enter reports whether a directory is to be looked at: once, and only where
// files are stored. /proc has a core of the kernel's memory.
func (w *walker) enter(info fs.FileInfo, dir string, parent uint64) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return false
	}
	id := inode{uint64(st.Dev), st.Ino}
	if w.seen[id] {
		return false
	}
	w.seen[id] = true
	return id.dev == parent || !pseudo(dir)
}

// The magic numbers of file systems without files of their own. Source: Linux
// 6.12, include/uapi/linux/magic.h.
const (
	procMagic    = 0x9fa0
	sysMagic     = 0x62656572
	cgroupMagic  = 0x63677270
	debugMagic   = 0x64626720
	tracingMagic = 0x74726163
)

func pseudo(dir string) bool {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return true
	}
	return slices.Contains([]int64{procMagic, sysMagic, cgroupMagic, debugMagic, tracingMagic}, int64(st.Type))
}

func device(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev)
	}
	return 0
}

// readDir lists a directory by name, max entries at most.
func readDir(dir string, max int) ([]fs.DirEntry, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(max)
	if len(entries) > 0 || errors.Is(err, io.EOF) {
		err = nil
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (w *walker) skip(path string, err error) {
	if err != nil {
		w.found.Skipped = append(w.found.Skipped, Skipped{path, reason(err)})
	}
}

// add takes a file unless it is of no interest by its name or still written to.
func (w *walker) add(path, host string, info fs.FileInfo) {
	w.found.Files++
	if unfinished(filepath.Base(path)) || notOurs(path) || info.Size() == 0 {
		return
	}
	if w.o.Settle > 0 && info.ModTime().After(w.o.Now.Add(-w.o.Settle)) {
		w.found.Writing++
		return
	}
	w.files = append(w.files, file{path, host, signature(info)})
}

func signature(info fs.FileInfo) Signature {
	s := Signature{Size: info.Size(), Modified: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Inode = st.Ino
	}
	return s
}

// SignatureOf is the signature of a regular file, the zero one where there is
// none.
func SignatureOf(path string) Signature {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return Signature{}
	}
	return signature(info)
}

// classify looks into the files, several at a time.
func (w *walker) classify(ctx context.Context) error {
	jobs := cmp.Or(w.o.Jobs, defaultJobs)
	type look struct {
		item    Item
		is      bool
		skipped string
	}
	looks := make([]look, len(w.files))
	var group sync.WaitGroup
	for j := range jobs {
		group.Go(func() {
			for i := j; i < len(looks) && ctx.Err() == nil; i += jobs {
				l := &looks[i]
				l.item, l.skipped, l.is = w.look(&w.files[i])
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range looks {
		switch l := &looks[i]; {
		case l.is:
			w.found.Items = append(w.found.Items, l.item)
		case l.skipped != "":
			w.found.Skipped = append(w.found.Skipped, Skipped{w.files[i].path, l.skipped})
		}
	}
	return nil
}
