package capture

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func status(tid uint32) note {
	b := make([]byte, 336)
	binary.LittleEndian.PutUint32(b[prPID:], tid)
	return note{"", ntPRStatus, b}
}

func TestKernelOrder(t *testing.T) {
	delve := []note{{"Delve Header", ntDelve, []byte("x")}, {"", 3, []byte("psinfo")}, {"", 6, []byte("auxv")},
		status(7), {"", ntXState, []byte("seven")}, status(9), {"", ntXState, []byte("nine")}}
	files := []fileMapping{{0x1000, 0x2000, 0x3000, "/bin/x"}}
	b, threads, err := kernelOrder(delve, 9, files)
	if err != nil || threads != 2 {
		t.Fatalf("%d threads, %v", threads, err)
	}
	got, err := parseNotes(b)
	if err != nil {
		t.Fatal(err)
	}
	want := []note{{"CORE", ntPRStatus, delve[5].data}, {"CORE", 3, []byte("psinfo")}, {"CORE", 6, []byte("auxv")}, {"CORE", ntFile, fileNote(files)},
		{"LINUX", ntXState, []byte("nine")}, {"CORE", ntPRStatus, delve[3].data}, {"LINUX", ntXState, []byte("seven")}}
	if len(got) != len(want) {
		t.Fatalf("%d notes, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].name != want[i].name || got[i].typ != want[i].typ || !bytes.Equal(got[i].data, want[i].data) {
			t.Errorf("note %d: %s %#x %d bytes, want %s %#x", i, got[i].name, got[i].typ, len(got[i].data), want[i].name, want[i].typ)
		}
	}
	if _, _, err := kernelOrder(delve, 8, nil); err == nil {
		t.Error("a core without the dying thread was accepted")
	}
	if _, _, err := kernelOrder([]note{{"", ntPRStatus, make([]byte, 8)}}, 8, nil); err == nil {
		t.Error("a status of 8 bytes was accepted")
	}
}

func TestFileNote(t *testing.T) {
	le := binary.LittleEndian
	b := fileNote([]fileMapping{{0x1000, 0x2000, 0x3000, "/a"}, {0x5000, 0x6000, 0, "/b c"}})
	if le.Uint64(b) != 2 || le.Uint64(b[8:]) != pageSize || le.Uint64(b[16:]) != 0x1000 || le.Uint64(b[32:]) != 3 || string(b[64:]) != "/a\x00/b c\x00" {
		t.Errorf("%x", b)
	}
}

func TestParseMaps(t *testing.T) {
	got := filesOf(parseMaps("00400000-004ad000 r-xp 00001000 fe:00 5248  /srv/a b\nc000000000-c000400000 rw-p 00000000 00:00 0\n" +
		"7f00-8f00 r--p 0 00:00 0 [vdso]\nx-y r--p 0 0 0 /bad\n1000-2000 r--p 0 0 0 /new\\012line\n"))
	want := []fileMapping{{0x400000, 0x4ad000, 0x1000, "/srv/a b"}, {0x1000, 0x2000, 0, "/new\nline"}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// FuzzParseNotes: no panic, and what is parsed is written again the same.
func FuzzParseNotes(f *testing.F) {
	f.Add(appendNote(appendNote(nil, note{"CORE", 1, []byte("abcde")}), note{"LINUX", 2, nil}))
	f.Add([]byte{5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 'C'})
	f.Fuzz(func(t *testing.T, b []byte) {
		notes, err := parseNotes(b)
		if err != nil {
			return
		}
		var again []byte
		for _, n := range notes {
			again = appendNote(again, n)
		}
		back, err := parseNotes(again)
		if err != nil || len(back) != len(notes) {
			t.Fatalf("%d notes became %d: %v", len(notes), len(back), err)
		}
		for i := range notes {
			if notes[i].typ != back[i].typ || !bytes.Equal(notes[i].data, back[i].data) {
				t.Errorf("note %d changed", i)
			}
		}
	})
}

func TestSparseWriter(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := &sparseWriter{file: f}
	var want []byte
	for _, p := range [][]byte{[]byte("head"), make([]byte, 3*holeSize), bytes.Repeat([]byte("x"), holeSize+1), make([]byte, 10*holeSize)} {
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
		want = append(want, p...)
	}
	if pos, err := w.Seek(0, 1); err != nil || pos != int64(len(want)) {
		t.Errorf("position %d, %v, want %d", pos, err, len(want))
	}
	if _, err := w.Seek(1, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{0, 0}); err != nil { // zeros over something
		t.Fatal(err)
	}
	want[1], want[2] = 0, 0
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v, want %d equal ones", len(got), err, len(want))
	}
	if _, err := w.Seek(-1, 0); err == nil {
		t.Error("Seek before the start succeeded")
	}
}
