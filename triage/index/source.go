package index

import (
	"context"
	"database/sql"
	"errors"
)

// State is what became of a file of a crash directory.
type State string

// The states of a file.
const (
	Done    State = "done"    // reported
	Failed  State = "failed"  // can't be, Reason says why
	Waiting State = "waiting" // for its binary or its debug information
	Covered State = "covered" // a crash text whose core tells more
)

// Source is a file of a crash directory.
type Source struct {
	Key  string // its contents
	Path string
	Kind string
	// Size, Modified and Inode tell whether the file is still the same.
	Size, Modified int64
	Inode          uint64
	State          State
	// Reason says why it failed, or what it waits for.
	Reason string
	// BuildID and GoID are those of the binary that it waits for, Executable
	// where the core says that was; Tried names what was there at the last try.
	BuildID, GoID, Executable, Tried string
}

const sourceColumns = "key, path, kind, size, modified, inode, state, reason, build_id, go_id, executable, tried"

func scanSource(row interface{ Scan(...any) error }) (Source, error) {
	var s Source
	var ino int64
	err := row.Scan(&s.Key, &s.Path, &s.Kind, &s.Size, &s.Modified, &ino, &s.State, &s.Reason, &s.BuildID, &s.GoID, &s.Executable, &s.Tried)
	s.Inode = uint64(ino)
	for _, text := range s.texts() {
		*text = unstorable(*text)
	}
	return s, err
}

// texts are the ones that come from files and their names.
func (s *Source) texts() []*string {
	return []*string{&s.Path, &s.BuildID, &s.GoID, &s.Executable, &s.Tried}
}

// Source returns the file with these contents. ok is false where it is not
// known.
func (x *Index) Source(ctx context.Context, key string) (s Source, ok bool, err error) {
	s, err = scanSource(x.db.QueryRowContext(ctx, "SELECT "+sourceColumns+" FROM sources WHERE key = $1", key))
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, err
}

// SourceAt returns the file that was at a path of this host with this size, time
// and inode.
func (x *Index) SourceAt(ctx context.Context, path string, size, modified int64, inode uint64) (s Source, ok bool, err error) {
	s, err = scanSource(x.db.QueryRowContext(ctx,
		"SELECT "+sourceColumns+" FROM sources WHERE path = $1 AND size = $2 AND modified = $3 AND inode = $4 AND home = $5", storable(path), size, modified, int64(inode), x.home))
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, err
}

// Put records what became of a file that has no occurrence.
func (x *Index) Put(ctx context.Context, s Source, run int64) error {
	return x.write(ctx, "source", func(tx *sql.Tx) error { return x.putSource(ctx, tx, s, run) })
}

func (x *Index) putSource(ctx context.Context, tx *sql.Tx, s Source, run int64) error {
	for _, text := range s.texts() {
		*text = storable(*text)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO sources ("+sourceColumns+`, run, home) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (key) DO UPDATE SET path = excluded.path, size = excluded.size, modified = excluded.modified, inode = excluded.inode,
		kind = excluded.kind, state = excluded.state, reason = excluded.reason, build_id = excluded.build_id, go_id = excluded.go_id,
		executable = excluded.executable, tried = excluded.tried, run = excluded.run, home = excluded.home`,
		s.Key, s.Path, s.Kind, s.Size, s.Modified, int64(s.Inode), s.State, printable(s.Reason, maxMessage), s.BuildID, s.GoID, s.Executable, s.Tried, run, x.home)
	return err
}

// Sources lists the files in a state, by path.
func (x *Index) Sources(ctx context.Context, state State, limit int) ([]Source, error) {
	rows, err := x.db.QueryContext(ctx, "SELECT "+sourceColumns+" FROM sources WHERE state = $1 AND state <> 'done' ORDER BY path LIMIT $2", state, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Source
	for rows.Next() {
		s, err := scanSource(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
