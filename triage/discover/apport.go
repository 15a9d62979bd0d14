package discover

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// apportHead is how the reports of crashes begin. Source: apport 2.28,
// problem_report.py, ProblemReport.write: "Key: value" lines, a value of more
// lines goes on behind a space, binary ones in base64, line by line.
const apportHead = "ProblemType: Crash\n"

// Bounds of an apport file.
const (
	maxApportLine = 4 << 20 // apport writes a megabyte before base64 in a line
	maxApportHead = 64 << 10
)

// ErrNoCore means that an apport file holds no core.
var ErrNoCore = errors.New("apport file without a core")

func isApport(path string) bool {
	f, err := open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(apportHead))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == apportHead
}

// lookApport takes an apport file. Whether there is a core in it is seen when
// it is unpacked.
func lookApport(it Item) (Item, string, bool) {
	it.Kind, it.Origin = Apport, "apport"
	id, err := fileID(it.Path, it.Size)
	if err != nil {
		return it, reason(err), false
	}
	it.ID = id
	f, err := open(it.Path)
	if err != nil {
		return it, reason(err), false
	}
	defer f.Close()
	in := bufio.NewScanner(io.LimitReader(f, maxApportHead))
	in.Buffer(nil, maxApportHead)
	for in.Scan() {
		line := in.Text()
		if pid, ok := strings.CutPrefix(line, " Pid:\t"); ok { // a line of ProcStatus
			it.PID, _ = strconv.Atoi(pid) // 0: unknown
		}
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "Date": // in the host's own time, as asctime(3) has it
			if t, err := time.ParseInLocation(time.ANSIC, value, time.Local); err == nil {
				it.Time = t.UTC()
			}
		case "ExecutablePath":
			it.Program = filepath.Base(value)
		}
	}
	return it, "", true // a longer line ends the search
}

// UnpackApport writes the core of an apport file to w, compressed as it is in
// there. It stops at limit bytes.
func UnpackApport(w io.Writer, path string, limit int64) error {
	f, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	inside := false
	for written := int64(0); ; {
		line, err := readLine(in)
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			if errors.Is(err, io.EOF) && inside {
				return nil
			}
			return fmt.Errorf("%s: %w", path, errors.Join(ErrNoCore, notEOF(err)))
		}
		switch {
		case !inside:
			inside = bytes.HasPrefix(line, []byte("CoreDump: base64"))
			continue
		case len(line) == 0 || line[0] != ' ':
			return nil
		}
		b := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
		n, err := base64.StdEncoding.Decode(b, bytes.TrimSpace(line))
		if err != nil {
			return fmt.Errorf("%s: the core in it is damaged after %d bytes", path, written)
		}
		if written += int64(n); written > limit {
			return fmt.Errorf("%s: its core has more than %d bytes", path, limit)
		}
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
	}
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readLine reads a line without its end, of bounded length.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxApportLine {
			return nil, errors.New("a line is too long")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}
