package sdcore_test

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
)

// placeSize is the number of bytes read at a place.
const placeSize = 32

// TestMemoryAgainstViewcore compares raw memory of every segment of every core,
// beginning, end and places between them, with what viewcore's read prints. What
// viewcore can't read is no opinion. Memory that we say is not there must not be
// in the core.
func TestMemoryAgainstViewcore(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the fixtures' cores; run without -short (make test)")
	}
	tool := filepath.Join(t.TempDir(), "viewcore")
	if out, err := exec.Command("go", "build", "-o", tool, "golang.org/x/debug/cmd/viewcore").CombinedOutput(); err != nil {
		coretest.Unavailable(t, "viewcore does not build: %v\n%s", err, out)
	}
	opinions := 0
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue // viewcore wants debug information
		}
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			c, err := corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			places := placesOf(t, f.Core, c.Memory())
			read := viewcoreReads(tool, f, places)
			counts := map[corefile.Provenance]int{}
			refused := 0
			for _, p := range places {
				want, ok := read[p]
				if !ok {
					refused++
					continue
				}
				got, from, ok := c.Memory().View(p, placeSize)
				switch {
				case ok && !bytes.Equal(got, want):
					t.Errorf("0x%x (%v): %x, viewcore reads %x", p, from, got, want)
				case ok:
					counts[from]++
				default:
					t.Errorf("0x%x is %v, but in the core: viewcore reads %x", p, from, want)
				}
			}
			opinions += len(places) - refused
			t.Logf("%d places, the same from %v, %d without an opinion of viewcore", len(places), counts, refused)
		})
	}
	t.Logf("%d places compared", opinions)
	if opinions == 0 {
		t.Error("viewcore has no opinion at all")
	}
}

// placesOf picks places in all segments of a core that are in the core or, as
// we say, in a file; the same ones each time. Those in the core come first.
func placesOf(t *testing.T, core string, m *corefile.Memory) []uint64 {
	t.Helper()
	f, err := elf.Open(core)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out, inFiles []uint64
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Memsz < placeSize || int64(p.Vaddr) < 0 { // viewcore's numbers have a sign
			continue
		}
		last := p.Memsz - placeSize
		for _, off := range []uint64{0, 0x78, last / 9, last / 5, last / 3, last / 2, last - last/3, last - last/7, last} {
			off &^= 7
			if _, _, ok := m.View(p.Vaddr+off, placeSize); off+placeSize <= p.Filesz {
				out = append(out, p.Vaddr+off)
			} else if ok {
				inFiles = append(inFiles, p.Vaddr+off)
			}
		}
	}
	return append(out, inFiles...)
}

// maxRuns bounds the runs of viewcore for one core: it ends at the first place
// that it can't read, and is asked for the rest again.
const maxRuns = 4

// viewcoreReads asks viewcore for the bytes at all places.
func viewcoreReads(tool string, f coretest.Files, places []uint64) map[uint64][]byte {
	read := map[uint64][]byte{}
	for range maxRuns {
		n := 0
		for at, b := range viewcoreRun(tool, f, places) {
			read[at] = b
			n++
		}
		if n+1 >= len(places) {
			break
		}
		places = places[n+1:]
	}
	return read
}

// viewcoreRun asks viewcore for the bytes at places, until it gives up.
func viewcoreRun(tool string, f coretest.Files, places []uint64) map[uint64][]byte {
	var commands bytes.Buffer
	for _, p := range places {
		fmt.Fprintf(&commands, "read %x %d\n", p, placeSize)
	}
	cmd := exec.Command(tool, f.Core, "--exe", f.Bin)
	cmd.Dir, cmd.Stdin = f.Dir, &commands
	out, _ := cmd.CombinedOutput()
	read := map[uint64][]byte{}
	var addr uint64 // of the place that is being printed
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		at, digits, ok := strings.Cut(lines.Text(), ": ")
		var a uint64
		if _, err := fmt.Sscanf(at, "%x", &a); !ok || err != nil {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			continue
		}
		if a != addr+uint64(len(read[addr])) || len(read[addr]) >= placeSize {
			addr = a
		}
		read[addr] = append(read[addr], b...)
	}
	for addr, b := range read {
		if len(b) != placeSize {
			delete(read, addr)
		}
	}
	return read
}
