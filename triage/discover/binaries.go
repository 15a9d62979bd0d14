package discover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile"
)

// Binaries is an index of executables and debug files by build ID. A file that
// has not changed since it was read is not read again.
type Binaries struct {
	files map[string]binary // by path
	dirty bool
}

type binary struct {
	sig       Signature
	gnu, goID string
	named     bool // by a core, not found below a directory
	present   bool // seen by the running Update
}

// binariesHead is the first line of the file, with its version. Each line
// behind it is a file: GNU build ID, Go build ID, size, time, inode, "named" or
// "-", quoted path; "-" stands for no build ID. A worker looks lines up by
// their IDs without reading them all into a map.
const binariesHead = "sdcore binaries 1"

// Bounds of the index.
const (
	maxBinaries  = 1 << 20
	maxIndexFile = 1 << 30
	maxNamed     = 256
)

// ReadBinaries reads an index. One that is not there or is damaged is empty: it
// is made again.
func ReadBinaries(path string) (*Binaries, error) {
	b := &Binaries{files: map[string]binary{}}
	data, err := readIndex(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return b, err
	}
	for line := range strings.Lines(string(data)) {
		path, f, ok := parseBinary(strings.TrimSuffix(line, "\n"))
		if ok && len(b.files) < maxBinaries {
			b.files[path] = f
		}
	}
	return b, nil
}

func readIndex(path string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxIndexFile))
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte(binariesHead+"\n")) {
		return nil, nil // another version's
	}
	return data, nil
}

func parseBinary(line string) (path string, f binary, ok bool) {
	cells := strings.SplitN(line, "\t", 7)
	if len(cells) != 7 {
		return "", f, false
	}
	size, err1 := strconv.ParseInt(cells[2], 10, 64)
	modified, err2 := strconv.ParseInt(cells[3], 10, 64)
	ino, err3 := strconv.ParseUint(cells[4], 10, 64)
	path, err4 := strconv.Unquote(cells[6])
	f = binary{sig: Signature{size, modified, ino}, gnu: noDash(cells[0]), goID: noDash(cells[1]), named: cells[5] == "named"}
	return path, f, errors.Join(err1, err2, err3, err4) == nil
}

func noDash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

func dashed(s string) string {
	if s == "" || strings.ContainsAny(s, "\t\n") {
		return "-"
	}
	return s
}

// Update brings the index up to date with what is below the directories. What
// cores named themselves stays as long as it is there.
func (b *Binaries) Update(ctx context.Context, dirs []string) ([]Skipped, error) {
	w := walker{left: maxBinaries, seen: map[inode]bool{}, links: true}
	for _, dir := range dirs {
		if err := w.root(ctx, dir); err != nil {
			return nil, err
		}
	}
	for i := range w.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b.see(w.files[i].path, w.files[i].sig, false)
	}
	for path, f := range b.files {
		if f.named && !f.present {
			if sig := SignatureOf(path); sig != (Signature{}) {
				b.see(path, sig, true)
			}
		}
	}
	for path, f := range b.files {
		if !f.present {
			delete(b.files, path)
			b.dirty = true
			continue
		}
		f.present = false
		b.files[path] = f
	}
	return w.found.Skipped, nil
}

// see takes a file that is there. Files that are no executables are remembered,
// too: most of a tree is.
func (b *Binaries) see(path string, sig Signature, named bool) {
	f, ok := b.files[path]
	if !ok || f.sig != sig {
		f = binary{sig: sig, named: named}
		f.gnu, f.goID, _ = corefile.BuildIDs(path) // none where it is no executable
		b.dirty = true
	}
	f.present = true
	b.files[path] = f
}

// Name adds a file that a core says it was started from, and reports whether it
// has one of the build IDs.
func (b *Binaries) Name(path, gnu, goID string) bool {
	sig := SignatureOf(path)
	if sig == (Signature{}) || len(b.Named()) >= maxNamed {
		return false
	}
	f, ok := b.files[path]
	if !ok || f.sig != sig {
		g, o, err := corefile.BuildIDs(path)
		if err != nil {
			return false
		}
		f = binary{sig: sig, gnu: g, goID: o, named: true}
	}
	if !(gnu != "" && f.gnu == gnu || goID != "" && f.goID == goID) {
		return false
	}
	b.files[path], b.dirty = f, true
	return true
}

// Named are the files that only cores name, sorted.
func (b *Binaries) Named() []string {
	var out []string
	for path, f := range b.files {
		if f.named {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// Changed names what is there for a build: it is another one as soon as a file
// with that build ID appears, changes or goes.
func (b *Binaries) Changed(gnu, goID string) string {
	var out []string
	for path, f := range b.files {
		if gnu != "" && f.gnu == gnu || goID != "" && f.goID == goID {
			out = append(out, fmt.Sprintf("%s %d %d", path, f.sig.Size, f.sig.Modified))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// Len is how many files have a build ID.
func (b *Binaries) Len() int {
	n := 0
	for _, f := range b.files {
		if f.gnu != "" || f.goID != "" {
			n++
		}
	}
	return n
}

// Dirty reports whether the index differs from what was read.
func (b *Binaries) Dirty() bool { return b.dirty }

// Write writes the index.
func (b *Binaries) Write(w io.Writer) error {
	paths := make([]string, 0, len(b.files))
	for path := range b.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	var buf bytes.Buffer
	buf.WriteString(binariesHead + "\n")
	for _, path := range paths {
		f := b.files[path]
		named := "-"
		if f.named {
			named = "named"
		}
		fmt.Fprintf(&buf, "%s\t%s\t%d\t%d\t%d\t%s\t%q\n", dashed(f.gnu), dashed(f.goID), f.sig.Size, f.sig.Modified, f.sig.Inode, named, path)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// Lookup returns the files with one of the build IDs from an index on disk,
// executables' own names first where the paths are equal but for .debug.
func Lookup(index, gnu, goID string) []string {
	data, err := readIndex(index)
	if err != nil {
		return nil
	}
	var out []string
	for _, want := range []string{"\n" + dashed(gnu) + "\t", "\t" + dashed(goID) + "\t"} {
		if strings.Trim(want, "\n\t") == "-" {
			continue
		}
		for rest := data; ; {
			i := bytes.Index(rest, []byte(want))
			if i < 0 {
				break
			}
			start := bytes.LastIndexByte(rest[:i+1], '\n') + 1
			end := bytes.IndexByte(rest[start:], '\n')
			if end < 0 {
				break
			}
			path, f, ok := parseBinary(string(rest[start : start+end]))
			if ok && (gnu != "" && f.gnu == gnu || goID != "" && f.goID == goID) && !slices.Contains(out, path) {
				out = append(out, path)
			}
			rest = rest[start+end:]
		}
	}
	return out
}
