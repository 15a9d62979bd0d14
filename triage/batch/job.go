package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/safedump/sdcore/triage/index"
)

// job is what a worker is asked to do, on its standard input.
type job struct {
	Key    string    `json:"key"`
	Kind   string    `json:"kind"`
	Path   string    `json:"path"`
	Host   string    `json:"host"`
	Time   time.Time `json:"time"` // of the crash, if the name says it
	Origin string    `json:"origin"`
	// Dir is the only directory that it may write to.
	Dir        string   `json:"dir"`
	Binaries   string   `json:"binaries"` // the index of binaries
	DebugDirs  []string `json:"debug_dirs"`
	SourceDirs []string `json:"source_dirs"`
	Bounds     Bounds   `json:"bounds"`
}

// Bounds of a worker. Zero fields mean the defaults.
type Bounds struct {
	// Memory is the heap and all other private memory, in bytes. The core is
	// mapped and does not count.
	Memory int64 `json:"memory"`
	// Time is how long it may take.
	Time time.Duration `json:"time"`
	// Output is the size of a report on disk.
	Output int64 `json:"output"`
	// Unpacked is the size of a compressed core, unpacked; 0 means what has room.
	Unpacked int64 `json:"unpacked"`
}

// Defaults of Bounds.
const (
	DefaultMemory = 4 << 30
	DefaultTime   = 10 * time.Minute
	DefaultOutput = 64 << 20
)

func (b Bounds) withDefaults() Bounds {
	if b.Memory <= 0 {
		b.Memory = DefaultMemory
	}
	if b.Time <= 0 {
		b.Time = DefaultTime
	}
	if b.Output <= 0 {
		b.Output = DefaultOutput
	}
	return b
}

// answer is what a worker says in the end. Its texts were redacted, and are
// bounded and made printable by who reads them.
type answer struct {
	State      index.State       `json:"state"`
	Reason     string            `json:"reason,omitempty"`
	BuildID    string            `json:"build_id,omitempty"`
	GoID       string            `json:"go_id,omitempty"`
	Executable string            `json:"executable,omitempty"`
	Occurrence *index.Occurrence `json:"occurrence,omitempty"`
}

// Names of a worker's files in its directory.
const (
	reportFile = "report.safedump.json.gz"
	answerFile = "answer.json"
)

// maxAnswer bounds the bytes of an answer, and of a job.
const maxAnswer = 1 << 20

func readJob(r io.Reader) (*job, error) {
	var j job
	if err := json.NewDecoder(io.LimitReader(r, maxAnswer)).Decode(&j); err != nil {
		return nil, errors.New("a worker of `sdcore batch` reads its job from there: nothing to call by hand")
	}
	return &j, nil
}

// readAnswer reads and checks the answer of a worker.
func readAnswer(dir, key string) (*answer, error) {
	f, err := os.Open(filepath.Join(dir, answerFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil || len(data) > maxAnswer {
		return nil, errors.New("the worker's answer makes no sense")
	}
	switch {
	case a.State == index.Done && a.Occurrence != nil && a.Occurrence.Key == key:
	case a.State == index.Failed, a.State == index.Waiting:
	default:
		return nil, fmt.Errorf("the worker's answer makes no sense: state %.20q", a.State)
	}
	return &a, nil
}
