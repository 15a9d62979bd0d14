package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/safedump/sdcore/triage/discover"
)

// errWorker is what a worker's death is called in a failed row.
var errWorker = errors.New("the worker died")

// maxSaid is how much is kept of what a worker says before it dies. It is only
// looked at, never shown: a panic's text may hold what the core holds.
const maxSaid = 64 << 10

// said keeps the beginning of a worker's output.
type said struct{ bytes.Buffer }

func (s *said) Write(p []byte) (int, error) {
	if room := maxSaid - s.Len(); room > 0 {
		s.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// work runs a worker and returns its answer.
func (b *batch) work(ctx context.Context, j *job, readable []string) (*answer, error) {
	data, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, j.Bounds.Time)
	defer cancel()
	var out said
	cmd := exec.CommandContext(ctx, b.o.Worker[0], b.o.Worker[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &out, &out
	cmd.Dir = j.Dir
	cmd.Env = append(slices.Clone(b.o.Env), fmt.Sprintf("GOMEMLIMIT=%d", j.Bounds.Memory/10*8), fmt.Sprintf("GOMAXPROCS=%d", b.processors), "TMPDIR="+j.Dir)
	cmd.WaitDelay = time.Second
	err = b.isolated(cmd, j, readable)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("it took longer than %v", j.Bounds.Time)
	case err != nil:
		b.fail.at("worker.died")
		return nil, b.died(err, out.Bytes(), j)
	}
	return readAnswer(j.Dir, j.Key)
}

// died says why a worker died, in words of our own.
func (b *batch) died(err error, said []byte, j *job) error {
	for _, sign := range []string{"out of memory", "cannot allocate memory", "failed to reserve", "pthread_create failed"} {
		if bytes.Contains(said, []byte(sign)) {
			return fmt.Errorf("it needs more than %d bytes of memory (--worker-memory): %w", j.Bounds.Memory, errWorker)
		}
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", errWorker, exit.ProcessState)
	}
	return fmt.Errorf("%w: %w", errWorker, err)
}

// readable are the files and directories that a worker for an item reads.
func (b *batch) readable(it *discover.Item) []string {
	paths := []string{it.Path, b.store.binaries()}
	const beside = ".sidecar.json"
	paths = append(paths, it.Path+beside)
	for _, suffix := range []string{".core", ".crash.txt"} {
		if base, ok := strings.CutSuffix(it.Path, suffix); ok {
			paths = append(paths, base+beside)
		}
	}
	paths = append(paths, b.o.Readable...)
	paths = append(paths, b.o.BinaryDirs...)
	paths = append(paths, b.o.DebugDirs...)
	paths = append(paths, b.o.SourceDirs...)
	return append(paths, b.binaries.Named()...)
}
