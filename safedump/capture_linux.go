//go:build amd64 || arm64

package safedump

import (
	"bufio"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/safedump/internal/elfcore"
	"github.com/safedump/sdcore/safedump/internal/headroom"
	"github.com/safedump/sdcore/safedump/internal/snapshot"
)

const (
	capturesSupported = true
	// headroomFloor is what a capture needs besides copies of the heap: page
	// tables and the pages of the disk cache that are being written.
	headroomFloor = 16 << 20
)

// captureCore makes the core, whole or not at all, and then its sidecar.
func captureCore(ctx context.Context, o CaptureOptions, why occasion) (r Result, err error) {
	begin := time.Now()
	record := newCaptureRecord(begin, o, why)
	// Heap, stacks and the first page of each file are what a core is for,
	// whatever the program's filter says.
	p, err := elfcore.Describe(os.Getpid(), filterAnonPrivate|filterELFHeaders)
	if err != nil {
		return r, err
	}
	if !o.IgnoreHeadroom {
		if err := checkHeadroom(); err != nil {
			return r, err
		}
	}
	dir, err := makeDir(o.Dir)
	if err != nil {
		return r, err
	}
	if err := checkSpace(dir); err != nil {
		return r, err
	}
	path := filepath.Join(dir, baseName(begin)+coreSuffix)
	out, err := os.OpenFile(path+".tmp", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return r, err
	}
	lockFile(out) // as long as this process or its image lives
	r, err = writeImage(ctx, out, p)
	err = errors.Join(err, out.Close())
	if err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		return Result{}, errors.Join(err, removeIfThere(out.Name()))
	}
	r.Path, r.Duration = path, time.Since(begin)
	if o.NoSidecar {
		return r, nil
	}
	record.measured(r)
	r.Sidecar, err = writeCaptureSidecar(path, begin, record)
	return r, err
}

// writeImage takes the image and has it write itself.
func writeImage(ctx context.Context, out *os.File, p *elfcore.Process) (r Result, err error) {
	im, err := snapshot.Take(out)
	if err != nil {
		return r, err
	}
	r.Pause, r.Fork, r.GCWait, r.Copied = im.Pause, im.Fork, im.Wait, -1
	stop := context.AfterFunc(ctx, im.Kill)
	defer func() {
		stop()
		if v := recover(); v != nil { // a fault of ours: the file goes, the program stays
			err = fmt.Errorf("panic: %v", v)
		}
		if ctx.Err() != nil && errors.Is(err, snapshot.ErrGone) {
			err = context.Cause(ctx)
		}
		err = errors.Join(err, im.Close())
	}()
	if p.Mappings, err = imageMappings(im); err != nil {
		return r, err
	}
	mem := im.Memory()
	if f, err := im.Open("mem"); err == nil {
		defer f.Close()
		mem = f
	}
	machine := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		machine = elf.EM_AARCH64
	}
	thread := elfcore.Thread{TID: im.TID, Regs: im.Registers()}
	layout, err := elfcore.Plan(machine, p, elfcore.Crash{Threads: []elfcore.Thread{thread}}, mem)
	if err != nil {
		return r, err
	}
	pages, done := imagePages(im)
	defer done()
	w := im.NewWriter()
	if err := layout.Runs(pages, func(run elfcore.Run) error { return w.Write(run.Addr, run.Len, run.Offset) }); err != nil {
		return r, err
	}
	if err := w.Flush(); err != nil {
		return r, err
	}
	if err := im.Alive(); err != nil {
		return r, err
	}
	if err := errors.Join(second(out.WriteAt(layout.Head, 0)), out.Truncate(layout.Size)); err != nil {
		return r, err
	}
	r.Size, r.Written, r.Unreadable = layout.Size, int64(w.Written)+int64(len(layout.Head)), int64(w.Unreadable)
	r.Copied = imagePrivate(im)
	return r, nil
}

func second(_ int, err error) error { return err }

// imageMappings are those of the moment of the clone. What the kernel has wiped
// in the image gets no bytes.
func imageMappings(im *snapshot.Image) ([]elfcore.Mapping, error) {
	smaps := true
	f, err := im.Open("smaps")
	if err != nil {
		smaps = false
		if f, err = im.Open("maps"); err != nil {
			return nil, err
		}
	}
	all, err := elfcore.ParseMappings(bufio.NewReaderSize(f, 64<<10), smaps)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].DontDump = all[i].DontDump || all[i].Wiped
	}
	return all, nil
}

// imagePages tells which pages of a mapping are there: by pagemap, else by
// mincore(2) where nothing is swapped out, else all of them.
func imagePages(im *snapshot.Image) (pages func(elfcore.Mapping) io.ReaderAt, done func()) {
	if f, err := im.Open("pagemap"); err == nil {
		return func(elfcore.Mapping) io.ReaderAt { return f }, func() { f.Close() }
	}
	pages = func(m elfcore.Mapping) io.ReaderAt {
		if m.Swapped {
			return nil
		}
		return im.Residency()
	}
	return pages, func() {}
}

// imagePrivate is the memory that the image no longer shares with the program,
// because one of them has changed or given it back since; -1 when unknown.
func imagePrivate(im *snapshot.Image) int64 {
	f, err := im.Open("smaps_rollup")
	if err != nil {
		return -1
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return -1
	}
	total := int64(0)
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) >= 2 && (fields[0] == "Private_Clean:" || fields[0] == "Private_Dirty:") {
			kb, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return -1
			}
			total += kb << 10
		}
	}
	return total
}

// checkHeadroom refuses when a garbage collection during the capture could get
// the process killed: it writes to about half of the pages of the heap, and
// each of them is then there twice.
func checkHeadroom() error {
	b, ok := headroom.Lowest()
	if !ok {
		return nil
	}
	return enough(b, heapSize())
}

func enough(b headroom.Bound, heap uint64) error {
	need := heap/2 + headroomFloor
	if b.Free >= need {
		return nil
	}
	return fmt.Errorf("%w: %s has %d MiB left, half of the heap and %d MiB need %d MiB", ErrHeadroom, b.Name, b.Free>>20, headroomFloor>>20, need>>20)
}

// heapSize is the memory in the heap's spans in use. Reading it stops nobody.
func heapSize() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(samples)
	total := uint64(0)
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			total += s.Value.Uint64()
		}
	}
	return total
}

// checkSpace refuses to fill a disk.
func checkSpace(dir string) error {
	free, err := freeSpace(dir)
	need := residentSize() + coreHeadroom
	if err != nil || free >= need {
		return nil // unknown is no reason: a full disk is an error later
	}
	return fmt.Errorf("%w: %d MiB in %s, a core may need %d MiB", ErrDiskSpace, free>>20, dir, need>>20)
}
