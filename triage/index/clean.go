package index

import (
	"context"
	"database/sql"
	"slices"
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

// Plan says what is past the bounds, oldest first: of the reports that this host
// keeps, when several share the index. The only report of an open group stays.
func (x *Index) Plan(ctx context.Context, k Keep) (Cleaning, error) {
	var c Cleaning
	var n, bytes int64
	if err := x.db.QueryRowContext(ctx, "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM occurrences WHERE home = $1", x.home).Scan(&n, &bytes); err != nil {
		return c, err
	}
	left, open, err := x.reports(ctx)
	if err != nil {
		return c, err
	}
	rows, err := x.db.QueryContext(ctx, "SELECT "+occurrenceColumns+" FROM "+occurrenceTables+" WHERE o.home = $1 ORDER BY o.id", x.home)
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

// Remove forgets occurrences and returns those that it did forget: the others
// have become the only report of an open group since they were planned. What was
// counted stays counted. A group whose exemplar goes gets the newest report that
// is left.
func (x *Index) Remove(ctx context.Context, occurrences []Occurrence) (removed []Occurrence, err error) {
	const batch = 500
	for some := range slices.Chunk(occurrences, batch) {
		var gone []Occurrence
		err := x.write(ctx, "remove", func(tx *sql.Tx) error {
			for i := range some {
				ok, err := remove(ctx, tx, &some[i])
				if err != nil {
					return err
				}
				if ok {
					gone = append(gone, some[i])
				}
			}
			return nil
		})
		if err != nil {
			return removed, err
		}
		removed = append(removed, gone...)
	}
	return removed, nil
}

// remove forgets an occurrence unless it has the only report of an open group:
// other hosts clean, too.
func remove(ctx context.Context, tx *sql.Tx, o *Occurrence) (bool, error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM occurrences WHERE id = $1 AND (report = ''
		OR EXISTS (SELECT 1 FROM groups g WHERE g.id = occurrences.group_id AND g.status = $2)
		OR EXISTS (SELECT 1 FROM occurrences s WHERE s.group_id = occurrences.group_id AND s.id <> occurrences.id AND s.report <> ''))`, o.ID, Fixed)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM occurrences_text WHERE rowid = $1", o.ID); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE groups SET exemplar = coalesce((SELECT max(id) FROM occurrences WHERE group_id = $1 AND report <> ''), 0)
		WHERE id = $1 AND exemplar = $2`, o.GroupID, o.ID)
	return err == nil, err
}

// Reports calls f with the file of every report, in no order, also of those
// that other hosts keep: two of them may share a directory.
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
