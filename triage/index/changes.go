package index

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Change is a step of a group from one status to another.
type Change struct {
	At     time.Time `json:"time"`
	Status Status    `json:"status"`
	// FixedIn is the version that fixes it, for Fixed.
	FixedIn string `json:"fixed_in,omitempty"`
	// Reason is what somebody said, or what happened.
	Reason string `json:"reason,omitempty"`
}

// maxChanges is how many steps of a group Changes returns.
const maxChanges = 100

// addChange records a step.
func addChange(ctx context.Context, tx *sql.Tx, group int64, c Change) error {
	var last sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT max(id) FROM changes").Scan(&last); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO changes (id, group_id, at, status, fixed_in, reason) VALUES ($1, $2, $3, $4, $5, $6)",
		last.Int64+1, group, micros(c.At), c.Status, printable(c.FixedIn, maxWord), printable(valid(c.Reason), maxMessage))
	return err
}

// cameBack is the step that a crash of a version makes of a group that was fixed.
func cameBack(o *Occurrence) Change {
	return Change{At: o.Seen, Status: Regressed, Reason: fmt.Sprintf("crash %s of version %s", o.Name(), o.Version)}
}

// Changes are the steps of a group, the last one first. Those from before there
// was a record of them are not known.
func (x *Index) Changes(ctx context.Context, group int64) ([]Change, error) {
	rows, err := x.db.QueryContext(ctx, "SELECT at, status, fixed_in, reason FROM changes WHERE group_id = $1 ORDER BY id DESC LIMIT $2", group, maxChanges)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Change
	for rows.Next() {
		var c Change
		var at int64
		if err := rows.Scan(&at, &c.Status, &c.FixedIn, &c.Reason); err != nil {
			return nil, err
		}
		c.At = timeOf(at)
		out = append(out, c)
	}
	return out, rows.Err()
}
