package index

import (
	"context"
	"database/sql"
	"time"
)

// Keep says what Clean leaves. Zero fields mean no bound.
type Keep struct {
	Since time.Time // crashes before go
	Count int64     // occurrences
	Bytes int64     // of their reports
}

// Cleaning is what Clean removes, or would.
type Cleaning struct {
	Occurrences []Occurrence // oldest first
	Bytes       int64
	// Kept counts the ones past the bounds that stay, being the only exemplar of
	// an open group.
	Kept int
}

// Plan says what is past the bounds, oldest first. The only report of an open
// group stays.
func (x *Index) Plan(ctx context.Context, k Keep) (Cleaning, error) {
	var c Cleaning
	var n, bytes int64
	if err := x.db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(bytes), 0) FROM occurrences").Scan(&n, &bytes); err != nil {
		return c, err
	}
	left, open, err := x.reports(ctx)
	if err != nil {
		return c, err
	}
	rows, err := x.db.QueryContext(ctx, "SELECT "+occurrenceColumns+" FROM occurrences o JOIN groups g ON g.id = o.group_id ORDER BY o.id")
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOccurrence(rows)
		if err != nil {
			return c, err
		}
		past := !k.Since.IsZero() && o.Seen.Before(k.Since) || k.Count > 0 && n > k.Count || k.Bytes > 0 && bytes > k.Bytes
		if !past {
			break // the others are newer
		}
		if o.Report != "" && open[o.GroupID] && left[o.GroupID] == 1 {
			c.Kept++
			continue
		}
		if o.Report != "" {
			left[o.GroupID]--
		}
		n, bytes = n-1, bytes-o.Bytes
		c.Bytes += o.Bytes
		c.Occurrences = append(c.Occurrences, o)
	}
	return c, rows.Err()
}

// reports are the numbers of reports by group, and which groups are open.
func (x *Index) reports(ctx context.Context) (left map[int64]int64, open map[int64]bool, err error) {
	left, open = map[int64]int64{}, map[int64]bool{}
	rows, err := x.db.QueryContext(ctx, `SELECT g.id, g.status, (SELECT count(*) FROM occurrences o WHERE o.group_id = g.id AND o.report <> '') FROM groups g`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, n int64
		var status Status
		if err := rows.Scan(&id, &status, &n); err != nil {
			return nil, nil, err
		}
		left[id], open[id] = n, status.Open()
	}
	return left, open, rows.Err()
}

// Remove forgets occurrences. What was counted stays counted. A group whose
// exemplar goes gets the newest report that is left.
func (x *Index) Remove(ctx context.Context, occurrences []Occurrence) error {
	const batch = 500
	for len(occurrences) > 0 {
		some := occurrences[:min(len(occurrences), batch)]
		occurrences = occurrences[len(some):]
		err := x.write(ctx, "remove", func(tx *sql.Tx) error {
			for i := range some {
				o := &some[i]
				for _, q := range []string{"DELETE FROM occurrences_text WHERE rowid = ?", "DELETE FROM occurrences WHERE id = ?"} {
					if _, err := tx.ExecContext(ctx, q, o.ID); err != nil {
						return err
					}
				}
				_, err := tx.ExecContext(ctx, `UPDATE groups SET exemplar = coalesce((SELECT max(id) FROM occurrences WHERE group_id = ? AND report <> ''), 0)
					WHERE id = ? AND exemplar = ?`, o.GroupID, o.GroupID, o.ID)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Reports calls f with the file of every report, in no order.
func (x *Index) Reports(ctx context.Context, f func(report string)) error {
	rows, err := x.db.QueryContext(ctx, "SELECT report FROM occurrences WHERE report <> ''")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return err
		}
		f(path)
	}
	return rows.Err()
}
