package batch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/safedump/sdcore/triage/index"
)

// sourceFile holds, beside a worker's answer, which file of which crash
// directory it is about.
const sourceFile = "source.json"

// prepare makes the directory of a worker, without what an earlier one left.
func (b *batch) prepare(j *job, s *index.Source) error {
	if err := errors.Join(os.RemoveAll(j.Dir), os.Mkdir(j.Dir, 0o700)); err != nil {
		return err
	}
	return writeFile(filepath.Join(j.Dir, sourceFile), "source", b.fail, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(s)
	})
}

// resume takes up what a batch that was killed has left: whole answers. The
// rest is removed, and its crashes are dealt with again.
func (b *batch) resume(ctx context.Context) error {
	dirs, err := os.ReadDir(b.store.work())
	if err != nil {
		return err
	}
	for _, d := range dirs {
		dir := filepath.Join(b.store.work(), d.Name())
		s, a := leftover(dir, d.Name())
		if a == nil {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			continue
		}
		b.out.Resumed++
		if err := b.take(ctx, *s, a, dir); err != nil {
			return err
		}
	}
	return nil
}

// leftover reads what is whole in a worker's directory; nil where it is not.
func leftover(dir, key string) (*index.Source, *answer) {
	data, err := os.ReadFile(filepath.Join(dir, sourceFile))
	if err != nil {
		return nil, nil
	}
	var s index.Source
	if err := json.Unmarshal(data, &s); err != nil || s.Key != key {
		return nil, nil
	}
	a, err := readAnswer(dir, key)
	if err != nil || a.State == index.Waiting { // its binary may be there by now
		return nil, nil
	}
	return &s, a
}

// take puts an answer into the index: the report to its place, then occurrence
// and file in one transaction, then the answer away.
func (b *batch) take(ctx context.Context, s index.Source, a *answer, dir string) error {
	if err := b.record(ctx, s, a, dir); err != nil {
		return err
	}
	b.fail.at("answer.remove")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	b.fail.at("answer.removed")
	return nil
}

func (b *batch) record(ctx context.Context, s index.Source, a *answer, dir string) error {
	file := File{s.Path, a.Reason}
	s.State, s.Reason = a.State, a.Reason
	switch a.State {
	case index.Done:
		o := *a.Occurrence
		o.Report = reportName(s.Key)
		size, err := b.keep(filepath.Join(dir, reportFile), b.store.Report(o.Report))
		if errors.Is(err, errNoReport) { // the worker's fault, not the store's
			return b.record(ctx, s, &answer{State: index.Failed, Reason: err.Error()}, dir)
		}
		if err != nil {
			return err
		}
		o.Bytes = size
		added, err := b.index.Add(ctx, s, o, b.run)
		b.mu.Lock()
		defer b.mu.Unlock()
		if added {
			b.out.Reported++
		}
		return err
	case index.Waiting:
		b.mu.Lock()
		s.BuildID, s.GoID, s.Executable, s.Tried = a.BuildID, a.GoID, a.Executable, b.tried(a.BuildID, a.GoID, a.Executable)
		b.out.Waiting = append(b.out.Waiting, file)
		b.mu.Unlock()
	default:
		b.mu.Lock()
		b.out.Failed = append(b.out.Failed, file)
		b.mu.Unlock()
	}
	return b.index.Put(ctx, s, b.run)
}

// errNoReport means that a worker says that it is done, and has no report.
var errNoReport = errors.New("the worker's answer makes no sense: it has no report")

// keep moves a report to its place and returns its size. It is there already
// when a batch was killed behind this.
func (b *batch) keep(from, to string) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, err
	}
	if info, err := os.Lstat(from); err == nil && !info.Mode().IsRegular() {
		return 0, errNoReport
	}
	b.fail.at("report.move")
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	b.fail.at("report.moved")
	info, err := os.Lstat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errNoReport
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
