package index

import (
	"context"
	"database/sql"
	"time"

	"golang.org/x/mod/semver"
)

// Status is where a group stands.
type Status string

// The statuses of a group.
const (
	New       Status = "new"       // in no report of the night yet
	Known     Status = "known"     // reported, open
	Fixed     Status = "fixed"     // closed: somebody said in which version
	Regressed Status = "regressed" // came back in that version or a later one
)

// Open reports whether somebody still has to look at a group.
func (s Status) Open() bool { return s != Fixed }

// regressed reports whether a crash of a version says that what was fixed in
// another one is back. Versions that can't be compared say nothing: an old
// binary may still be running somewhere.
func regressed(version, fixedIn string) bool {
	if !semver.IsValid(version) || !semver.IsValid(fixedIn) {
		return version != "" && version == fixedIn
	}
	return semver.Compare(version, fixedIn) >= 0
}

// Mark says where a group stands.
func (x *Index) Mark(ctx context.Context, group int64, c Change) error {
	return x.write(ctx, "mark", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE groups SET status = $1, fixed_in = $2, announced = 1 WHERE id = $3", c.Status, printable(c.FixedIn, maxWord), group)
		if err != nil {
			return err
		}
		return addChange(ctx, tx, group, c)
	})
}

// Unannounced are the groups that are new or came back since the last report
// of the night, the ones with most occurrences first.
func (x *Index) Unannounced(ctx context.Context) ([]Group, error) {
	return x.groups(ctx, "SELECT "+groupColumns+" FROM groups WHERE announced = 0 ORDER BY count DESC, id LIMIT $1", maxGroups)
}

// Announce says that a report of the night has told of these groups. The new
// ones are known then.
func (x *Index) Announce(ctx context.Context, groups []Group, now time.Time) error {
	return x.write(ctx, "announce", func(tx *sql.Tx) error {
		for i := range groups {
			if err := announce(ctx, tx, groups[i].ID, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func announce(ctx context.Context, tx *sql.Tx, group int64, now time.Time) error {
	res, err := tx.ExecContext(ctx, "UPDATE groups SET status = $1, announced = 1 WHERE id = $2 AND status = $3", Known, group, New)
	if err != nil {
		return err
	}
	switch n, err := res.RowsAffected(); {
	case err != nil:
		return err
	case n > 0:
		return addChange(ctx, tx, group, Change{At: now, Status: Known, Reason: "told by batch"})
	}
	_, err = tx.ExecContext(ctx, "UPDATE groups SET announced = 1 WHERE id = $1", group)
	return err
}

// Turn waits until no other host that shares the index is telling its night, and
// keeps the others waiting until done: each group is told by one of them.
func (x *Index) Turn(ctx context.Context) (done func(), err error) {
	return x.dialect.turn(ctx, x.db)
}

// BeginRun records that a batch begins and returns its number.
func (x *Index) BeginRun(ctx context.Context, host string, now time.Time) (int64, error) {
	var id int64
	err := x.write(ctx, "run", func(tx *sql.Tx) error {
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(id) FROM runs").Scan(&last); err != nil {
			return err
		}
		id = last.Int64 + 1
		_, err := tx.ExecContext(ctx, "INSERT INTO runs (id, started, ended, host) VALUES ($1, $2, 0, $3)", id, micros(now), printable(host, maxWord))
		return err
	})
	return id, err
}

// EndRun records that a batch came to its end.
func (x *Index) EndRun(ctx context.Context, run int64, now time.Time) error {
	return x.write(ctx, "run", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE runs SET ended = $1 WHERE id = $2", micros(now), run)
		return err
	})
}
