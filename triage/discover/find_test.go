package discover

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/safedump/sdcore/internal/coretest"
)

// synth makes a core of a process with a number, and its binary.
func synth(pid int, gnuID string) (core, binary []byte) {
	c := coretest.NewSynthCrash("/srv/pay", gnuID, coretest.SynthGoID, false)
	c.Core.Notes[0][1] = coretest.PRPSInfo(pid, "pay", "./pay -v")
	core, _ = c.Core.Bytes()
	binary, _ = c.Binary.Bytes()
	return core, binary
}

func pack(t testing.TB, format string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "zstd":
		w, e := zstd.NewWriter(&b)
		if e != nil {
			t.Fatal(e)
		}
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	case "gzip":
		w := gzip.NewWriter(&b)
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	case "lz4":
		w := lz4.NewWriter(&b)
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noon is when the files of the tests were written.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func write(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600), os.Chtimes(path, noon, noon)); err != nil {
		t.Fatal(err)
	}
	return path
}

func find(t testing.TB, o Options) Found {
	t.Helper()
	f, err := Find(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func byName(f Found) map[string]Item {
	m := map[string]Item{}
	for _, it := range f.Items {
		m[filepath.Base(it.Path)] = it
	}
	return m
}

const systemdName = `core.pay\x2eserver.1000.0123456789abcdef0123456789abcdef.4711.1795953600000000`

const traceback = "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x1d\n"

// Cores are found by their contents, whatever their names; everything else is
// left alone.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	core, binary := synth(7, coretest.SynthGNUID)
	write(t, filepath.Join(dir, "anything.jpg"), core)
	for i, format := range []string{"zstd", "gzip", "lz4"} {
		other, _ := synth(100+i, coretest.SynthGNUID)
		write(t, filepath.Join(dir, "web1", "c."+format), pack(t, format, other))
	}
	sysd, _ := synth(4711, coretest.SynthGNUID)
	write(t, filepath.Join(dir, systemdName+".zst"), pack(t, "zstd", sysd))
	write(t, filepath.Join(dir, "binary"), binary)
	write(t, filepath.Join(dir, "text"), []byte(traceback)) // somebody's log
	write(t, filepath.Join(dir, "pay-20261129T120000.000000000-9.crash.txt"), []byte(traceback))
	write(t, filepath.Join(dir, "live-20261129T120000.000000000-10.crash.txt"), nil)
	write(t, filepath.Join(dir, "x.sidecar.json"), []byte("{}"))
	write(t, filepath.Join(dir, ".#core.unfinished"), core)
	write(t, filepath.Join(dir, "core.old.0.0123456789abcdef0123456789abcdef.5.1.xz"), []byte("\xfd7zXZ\x00 and more"))
	f := find(t, Options{Dirs: []string{dir}, Host: "here"})
	got := byName(f)
	if len(f.Items) != 6 {
		t.Errorf("%d items: %+v", len(f.Items), f.Items)
	}
	for name, want := range map[string]Item{
		"anything.jpg":       {Kind: Core, PID: 7, Program: "pay"},
		"c.zstd":             {Kind: Core, Format: "zstd", PID: 100, Program: "pay"},
		"c.gzip":             {Kind: Core, Format: "gzip", PID: 101, Program: "pay"},
		"c.lz4":              {Kind: Core, Format: "lz4", PID: 102, Program: "pay"},
		systemdName + ".zst": {Kind: Core, Format: "zstd", PID: 4711, Program: "pay", Origin: "systemd-coredump", UID: 1000, BootID: "0123456789abcdef0123456789abcdef", Time: noon.AddDate(0, 0, 0)},
		"pay-20261129T120000.000000000-9.crash.txt": {Kind: Text, PID: 9, Program: "pay", Origin: "helper"},
	} {
		it := got[name]
		if it.ID == "" || it.Host != "here" || it.Size == 0 || it.Modified != noon.UnixNano() {
			t.Errorf("%s: %+v", name, it)
		}
		want.Path, want.Host, want.Signature, want.ID = it.Path, it.Host, it.Signature, it.ID
		if it != want {
			t.Errorf("%s:\n%+v, want\n%+v", name, it, want)
		}
	}
	if len(f.Skipped) != 1 || !strings.HasSuffix(f.Skipped[0].Path, ".xz") || !strings.Contains(f.Skipped[0].Reason, "unpack it first") {
		t.Errorf("skipped: %+v", f.Skipped)
	}
	// The directory below says the host, where asked for.
	hosts := byName(find(t, Options{Dirs: []string{dir}, Host: "here", HostDirs: true}))
	if hosts["c.zstd"].Host != "web1" || hosts["anything.jpg"].Host != "here" {
		t.Errorf("hosts %q and %q", hosts["c.zstd"].Host, hosts["anything.jpg"].Host)
	}
	// Known files are not opened: it could not be told what this one is.
	known := find(t, Options{Dirs: []string{dir}, Known: func(path string, s Signature) (string, Kind, bool) {
		return "known", Core, filepath.Base(path) == "text"
	}})
	if it := byName(known)["text"]; !it.Known || it.ID != "known" || it.Kind != Core {
		t.Errorf("%+v", it)
	}
	// What was written to a moment ago is left for the next time.
	if f := find(t, Options{Dirs: []string{dir}, Settle: time.Minute, Now: noon.Add(time.Second)}); len(f.Items) != 0 || f.Writing == 0 {
		t.Errorf("%d items, %d being written", len(f.Items), f.Writing)
	}
	if f := find(t, Options{Dirs: []string{dir}, Settle: time.Minute, Now: noon.Add(time.Hour)}); len(f.Items) != 6 {
		t.Errorf("%d items an hour later", len(f.Items))
	}
}

// A copy has the same ID, another crash of the same build has not.
func TestIDs(t *testing.T) {
	dir := t.TempDir()
	a, _ := synth(1, coretest.SynthGNUID)
	b, _ := synth(2, coretest.SynthGNUID)
	for name, data := range map[string][]byte{"a": a, "copy": a, "b": b, "cut": a[:len(a)-1]} {
		write(t, filepath.Join(dir, name), data)
	}
	got := byName(find(t, Options{Dirs: []string{dir}}))
	if got["a"].ID != got["copy"].ID || got["a"].ID == got["b"].ID || got["a"].ID == got["cut"].ID {
		t.Errorf("%+v", got)
	}
}

// What blocks, has no end or leads in circles is neither opened nor followed.
func TestFindIsSafe(t *testing.T) {
	dir := t.TempDir()
	core, _ := synth(1, coretest.SynthGNUID)
	write(t, filepath.Join(dir, "real", "core"), core)
	if err := errors.Join(
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		syscall.Mkfifo(filepath.Join(dir, "x.crash"), 0o600),
		syscall.Mkfifo(filepath.Join(dir, "x.crash.txt"), 0o600),
		os.Symlink(dir, filepath.Join(dir, "real", "loop")),
		os.Symlink("/dev/zero", filepath.Join(dir, "zero")),
		os.Symlink("/proc/kcore", filepath.Join(dir, "core.kernel")),
		os.Symlink(filepath.Join(dir, "real", "core"), filepath.Join(dir, "link")),
	); err != nil {
		t.Fatal(err)
	}
	deep := dir
	for range maxDepth + 2 {
		deep = filepath.Join(deep, "d")
	}
	write(t, filepath.Join(deep, "core"), core)
	f := find(t, Options{Dirs: []string{dir, dir + "/real"}})
	if len(f.Items) != 1 || f.Items[0].Path != filepath.Join(dir, "real", "core") {
		t.Errorf("%+v", f.Items)
	}
	if len(f.Skipped) != 1 || !strings.Contains(f.Skipped[0].Reason, "levels deep") {
		t.Errorf("%+v", f.Skipped)
	}
	if f := find(t, Options{Dirs: []string{"/proc/self"}}); f.Files != 0 {
		t.Errorf("%d files in /proc", f.Files)
	}
	if f := find(t, Options{Dirs: []string{dir}, MaxFiles: 1}); len(f.Skipped) == 0 {
		t.Error("a bound that was reached is not told")
	}
	if _, err := Find(context.Background(), Options{Dirs: []string{dir + "/none"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if os.Getuid() != 0 { // root reads everything
		closed := write(t, filepath.Join(dir, "closed"), core)
		if err := os.Chmod(closed, 0); err != nil {
			t.Fatal(err)
		}
		if f := find(t, Options{Dirs: []string{dir}}); !slices.ContainsFunc(f.Skipped, func(s Skipped) bool { return s.Path == closed }) {
			t.Errorf("%+v", f.Skipped)
		}
	}
}

func TestSystemdNames(t *testing.T) {
	const boot = "0123456789abcdef0123456789abcdef"
	for name, want := range map[string]string{
		"core.pay.0." + boot + ".12.1795953600000000":       "pay",
		"core.a.b.c.0." + boot + ".12.1795953600000000.lz4": "a.b.c",
		`core.a\x2fb\x.0.` + boot + ".12.1795953600000000":  `a/b\x`,
		"core.pay.0." + boot + ".12.-5":                     "",
		"core.pay.0." + boot + ".12.9999999999999999999":    "",
		"core.pay.0." + boot + ".12.999999999999999999":     "",
		"core.pay.0.xyz.12.1795953600000000":                "",
		"core.pay.-1." + boot + ".12.1795953600000000":      "",
		"core.1234": "",
		"core":      "",
	} {
		var it Item
		readSystemdName(&it, name)
		if it.Program != want || (want == "") != (it.Origin == "") {
			t.Errorf("%s: %+v", name, it)
		}
	}
}

// A text is covered by a core of the same process and time, and by no other.
func TestPair(t *testing.T) {
	text := Item{Kind: Text, Path: "t", Host: "h", PID: 9, Program: "a-long-program-name", Signature: Signature{Modified: noon.UnixNano()}}
	same := Item{Kind: Core, Path: "c", Host: "h", PID: 9, Program: "a-long-program-", Signature: Signature{Modified: noon.Add(time.Minute).UnixNano()}}
	for name, change := range map[string]func(*Item){
		"other number": func(c *Item) { c.PID = 8 },
		"other name":   func(c *Item) { c.Program = "b" },
		"other host":   func(c *Item) { c.Host = "i" },
		"other day":    func(c *Item) { c.Modified += int64(24 * time.Hour) },
		"no number":    func(c *Item) { c.PID = 0 },
	} {
		c := same
		change(&c)
		items := []Item{c, text}
		if pair(items); items[1].CoveredBy != "" {
			t.Errorf("%s: covered", name)
		}
	}
	items := []Item{text, same}
	if pair(items); items[0].CoveredBy != "c" {
		t.Error("the same process: not covered")
	}
}

// apportFile is a .crash file as apport writes it.
func apportFile(t testing.TB, core []byte) []byte {
	zip := pack(t, "gzip", core)
	var b bytes.Buffer
	b.WriteString("ProblemType: Crash\nArchitecture: amd64\nDate: Sun Nov 29 12:00:00 2026\nExecutablePath: /srv/pay\nProcStatus:\n Name:\tpay\n Pid:\t4711\n")
	b.WriteString("CoreDump: base64\n")
	for _, part := range [][]byte{zip[:10], zip[10 : len(zip)/2], zip[len(zip)/2:]} {
		fmt.Fprintf(&b, " %s\n", base64.StdEncoding.EncodeToString(part))
	}
	b.WriteString("UserGroups: adm\n")
	return b.Bytes()
}

func TestApport(t *testing.T) {
	dir := t.TempDir()
	core, _ := synth(4711, coretest.SynthGNUID)
	path := write(t, filepath.Join(dir, "_srv_pay.0.crash"), apportFile(t, core))
	write(t, filepath.Join(dir, "other.crash"), []byte("ProblemType: Package\n"))
	f := find(t, Options{Dirs: []string{dir}})
	if len(f.Items) != 1 || f.Items[0].Kind != Apport || f.Items[0].PID != 4711 || f.Items[0].Program != "pay" || f.Items[0].Time.IsZero() {
		t.Fatalf("%+v", f.Items)
	}
	var out bytes.Buffer
	if err := UnpackApport(&out, path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), pack(t, "gzip", core)) {
		t.Error("not the core that went in")
	}
	if err := UnpackApport(&bytes.Buffer{}, path, 100); err == nil {
		t.Error("a limit was passed")
	}
	for name, data := range map[string]string{
		"no core":  "ProblemType: Crash\nDate: x\n",
		"damaged":  "ProblemType: Crash\nCoreDump: base64\n !!!!\n",
		"one line": "ProblemType: Crash\n" + strings.Repeat("x", maxApportLine+10),
	} {
		if err := UnpackApport(&bytes.Buffer{}, write(t, filepath.Join(dir, name), []byte(data)), 1<<20); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzApport: no panic, no more than the limit.
func FuzzApport(f *testing.F) {
	f.Add(string(apportFile(f, []byte("core"))))
	f.Fuzz(func(t *testing.T, data string) {
		path := filepath.Join(t.TempDir(), "x.crash")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		_ = UnpackApport(&out, path, 1000)
		if out.Len() > 1000 {
			t.Error("more than the limit")
		}
		lookApport(Item{Path: path})
	})
}

// BenchmarkFind10000 looks for cores among ten thousand files: a tenth are
// cores, a tenth compressed ones, the rest logs and binaries.
func BenchmarkFind10000(b *testing.B) {
	dir := b.TempDir()
	_, binary := synth(1, coretest.SynthGNUID)
	cores := 0
	for i := range 10_000 {
		data := []byte(strings.Repeat("a log line\n", 100))
		switch i % 10 {
		case 0:
			data, _ = synth(i+2, coretest.SynthGNUID)
			cores++
		case 1:
			data, _ = synth(i+2, coretest.SynthGNUID)
			data = pack(b, "zstd", data)
			cores++
		case 2:
			data = binary
		}
		write(b, filepath.Join(dir, fmt.Sprint(i/1000), fmt.Sprint(i)), data)
	}
	for b.Loop() {
		if f := find(b, Options{Dirs: []string{dir}}); len(f.Items) != cores {
			b.Fatalf("%d items, want %d", len(f.Items), cores)
		}
	}
}
