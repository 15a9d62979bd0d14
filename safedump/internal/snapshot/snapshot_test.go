//go:build linux && (amd64 || arm64)

package snapshot

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// roleVar makes the test binary a program that makes an image and waits.
const roleVar = "SNAPSHOT_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "":
		os.Exit(m.Run())
	case "orphan": // prints the PID of its image and waits to be killed
		out, err := os.CreateTemp("", "image")
		if err != nil {
			panic(err)
		}
		os.Remove(out.Name())
		im, err := Take(out)
		if err != nil {
			panic(err)
		}
		fmt.Println(im.PID())
		select {}
	}
}

func take(t *testing.T) (*Image, *os.File) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	im, err := Take(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return im, out
}

func (im *Image) proc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(im.pid), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func closed(t *testing.T, im *Image) {
	t.Helper()
	if err := im.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(im.pid))); err == nil {
		t.Errorf("process %d is still there", im.pid)
	}
}

// TestImage looks at an image from outside.
func TestImage(t *testing.T) {
	before := openFiles(t)
	im, out := take(t)
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", im.pid))
	if err != nil || len(fds) != 3 {
		t.Errorf("descriptors %v, %v, want three", fds, err)
	}
	// SIGKILL and SIGSTOP can't be blocked.
	for key, want := range map[string]string{"Threads:": "1", "Name:": "safedump-core", "SigBlk:": "fffffffffffbfeff"} {
		if got := im.statusLine(t, key); got != want {
			t.Errorf("%s %s, want %s", key, got, want)
		}
	}
	if got := im.proc(t, "oom_score_adj"); got != "1000\n" {
		t.Errorf("oom_score_adj %q", got)
	}
	regs := im.Registers()
	if pc := programCounter(regs); !strings.HasSuffix(runtime.FuncForPC(pc).Name(), "snapshot.Take") {
		t.Errorf("pc %#x is in %s", pc, runtime.FuncForPC(pc).Name())
	}
	if im.Pause <= 0 || im.Fork <= 0 || im.Fork > im.Pause || im.Wait < 0 {
		t.Errorf("pause %v, fork %v, wait %v", im.Pause, im.Fork, im.Wait)
	}
	if im.TID != syscall.Gettid() {
		t.Errorf("thread %d, want %d: the goroutine is not locked", im.TID, syscall.Gettid())
	}
	closed(t, im)
	out.Close()
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, %d were before", after, before)
	}
}

func (im *Image) statusLine(t *testing.T, key string) string {
	_, rest, _ := strings.Cut(im.proc(t, "status"), key)
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

func programCounter(regs []byte) uintptr {
	at := 16 // rip
	if runtime.GOARCH == "arm64" {
		at = 32
	}
	return uintptr(binary.LittleEndian.Uint64(regs[8*at:]))
}

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// TestFrozen: what the program writes after the stop is not in the image.
func TestFrozen(t *testing.T) {
	mem, err := syscall.Mmap(-1, 0, 3*pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	copy(mem, "before")
	copy(mem[pageSize:], "hole")
	copy(mem[2*pageSize:], "second")
	if err := syscall.Mprotect(mem[pageSize:2*pageSize], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	im, out := take(t)
	defer closed(t, im)
	copy(mem, "after!")
	w := im.NewWriter()
	addr := uint64(uintptr(unsafe.Pointer(&mem[0])))
	if err := errors.Join(w.Write(addr, 3*pageSize, pageSize), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if w.Written != 2*pageSize || w.Unreadable != pageSize {
		t.Errorf("written %d, unreadable %d", w.Written, w.Unreadable)
	}
	got, err := io.ReadAll(io.NewSectionReader(out, 0, 1<<20))
	if err != nil || len(got) != 4*pageSize {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	want := make([]byte, 4*pageSize)
	copy(want[pageSize:], "before")
	copy(want[3*pageSize:], "second")
	if !bytes.Equal(got, want) {
		t.Errorf("%q %q %q", got[pageSize:pageSize+8], got[2*pageSize:2*pageSize+8], got[3*pageSize:3*pageSize+8])
	}
}

// TestManyWrites needs more than one batch, with unreadable pages in it.
func TestManyWrites(t *testing.T) {
	const pages = 4*maxOps + 7
	mem, err := syscall.Mmap(-1, 0, pages*pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	for i := 0; i < pages; i++ {
		binary.LittleEndian.PutUint32(mem[i*pageSize:], uint32(i)+1)
	}
	bad := map[int]bool{0: true, 1: true, maxOps - 1: true, maxOps: true, 2*maxOps + 5: true, pages - 1: true}
	for i := range bad {
		if err := syscall.Mprotect(mem[i*pageSize:(i+1)*pageSize], syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	im, out := take(t)
	defer closed(t, im)
	w := im.NewWriter()
	addr := uint64(uintptr(unsafe.Pointer(&mem[0])))
	for i := uint64(0); i < pages; i++ {
		if err := w.Write(addr+i*pageSize, pageSize, i*pageSize); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if w.Unreadable != uint64(len(bad))*pageSize || w.Written+w.Unreadable != pages*pageSize {
		t.Errorf("written %d, unreadable %d", w.Written, w.Unreadable)
	}
	b := make([]byte, 4)
	for i := 0; i < pages; i++ {
		n, err := out.ReadAt(b, int64(i*pageSize))
		want := uint32(i) + 1
		if bad[i] {
			want = 0
		}
		if got := binary.LittleEndian.Uint32(b); n == 4 && got != want || n < 4 && !bad[i] {
			t.Errorf("page %d: %d, want %d (%v)", i, got, want, err)
		}
	}
}

// secret is in the image, in memory that does not move.
var secret = []byte("the memory of the image")

// TestFiles reads the image's files, by either way.
func TestFiles(t *testing.T) {
	im, _ := take(t)
	defer closed(t, im)
	ways := map[string]func(string) (*File, error){
		"parent": im.Open,
		"image":  func(name string) (*File, error) { return im.openThere("/proc/self/" + name) },
	}
	for way, open := range ways {
		t.Run(way, func(t *testing.T) { checkFiles(t, im.pid, open) })
	}
}

func checkFiles(t *testing.T, pid int, open func(string) (*File, error)) {
	f, err := open("stat")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil || !strings.HasPrefix(string(text), strconv.Itoa(pid)+" ") {
		t.Errorf("%q, %v", text, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := open("nothing"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%v, want ENOENT", err)
	}
	mem, err := open("mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	got := make([]byte, len(secret))
	if _, err := mem.ReadAt(got, int64(uintptr(unsafe.Pointer(&secret[0])))); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := mem.ReadAt(got, 16); err == nil {
		t.Error("address 16 was read")
	}
}

// TestMemory reads without /proc/self/mem.
func TestMemory(t *testing.T) {
	im, _ := take(t)
	defer closed(t, im)
	got := make([]byte, len(secret))
	if _, err := im.Memory().ReadAt(got, int64(uintptr(unsafe.Pointer(&secret[0])))); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := im.Memory().ReadAt(got, 16); !errors.Is(err, syscall.EFAULT) {
		t.Errorf("address 16: %v", err)
	}
}

// TestResidency compares mincore with pagemap on pages of both kinds.
func TestResidency(t *testing.T) {
	const pages = 64
	mem, err := syscall.Mmap(-1, 0, pages*pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	for i := 0; i < pages; i += 3 {
		mem[i*pageSize] = 1
	}
	im, _ := take(t)
	defer closed(t, im)
	off := int64(uintptr(unsafe.Pointer(&mem[0])) / pageSize * 8)
	p := make([]byte, 8*pages)
	if _, err := im.Residency().ReadAt(p, off); err != nil {
		t.Fatal(err)
	}
	pagemap, err := im.Open("pagemap")
	if err != nil {
		t.Skip(err)
	}
	q := make([]byte, len(p))
	if _, err := pagemap.ReadAt(q, off); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < pages; i++ {
		present := binary.LittleEndian.Uint64(p[8*i:])>>63 != 0
		if want := binary.LittleEndian.Uint64(q[8*i:])>>63 != 0; present != want || present != (i%3 == 0) {
			t.Errorf("page %d: mincore %v, pagemap %v", i, present, want)
		}
	}
}

// TestKill: whoever waits for a killed image gets an error at once.
func TestKill(t *testing.T) {
	im, _ := take(t)
	defer closed(t, im)
	im.Kill()
	if _, err := im.openThere("/proc/self/maps"); !errors.Is(err, ErrGone) {
		t.Errorf("%v, want ErrGone", err)
	}
}

// TestParentDies: an image does not outlive the program.
func TestParentDies(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"=orphan")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill() // that it was killed is the point
	_ = cmd.Wait()
	path := filepath.Join("/proc", strings.TrimSpace(line), "status")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(b), "State:\tZ") {
			return // gone, or dead and not yet collected by its new parent
		}
		if time.Now().After(deadline) {
			t.Fatalf("image %s outlived its program", line)
		}
	}
}

func TestGaps(t *testing.T) {
	tests := []struct {
		keep []int
		want string
		free int
	}{
		{[]int{3, 4, 7}, "[[0 2] [5 6] [8 4294967295]]", 0},
		{[]int{2, 0, 1}, "[[3 4294967295]]", 3},
		{[]int{0, 5, 1}, "[[2 4] [6 4294967295]]", 2},
	}
	for _, tt := range tests {
		if got := fmt.Sprint(gaps(tt.keep)); got != tt.want {
			t.Errorf("gaps(%v) = %s, want %s", tt.keep, got, tt.want)
		}
		if got := lowestFree(tt.keep); got != tt.free {
			t.Errorf("lowestFree(%v) = %d, want %d", tt.keep, got, tt.free)
		}
	}
}
