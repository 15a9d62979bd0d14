package index

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
)

// Count is how often something occurred.
type Count struct {
	Value string `json:"value"`
	N     int64  `json:"count"`
}

// Counts are the occurrences of a group by "host", "version" or "day": days in
// order, the others by number. Group 0 stands for all groups.
func (x *Index) Counts(ctx context.Context, group int64, what string) ([]Count, error) {
	order := "n DESC, value"
	if what == "day" {
		order = "value"
	}
	return x.counts(ctx, "SELECT value, n FROM counts WHERE group_id = $1 AND what = $2 ORDER BY "+order, group, what)
}

// Types are the occurrences by type of the exception, most frequent first.
func (x *Index) Types(ctx context.Context) ([]Count, error) {
	return x.counts(ctx, "SELECT type, CAST(sum(count) AS BIGINT) FROM groups GROUP BY type ORDER BY 2 DESC, 1")
}

// Sites are the occurrences by crash site, most frequent first.
func (x *Index) Sites(ctx context.Context) ([]Count, error) {
	return x.counts(ctx, "SELECT site, CAST(sum(count) AS BIGINT) FROM groups GROUP BY site ORDER BY 2 DESC, 1")
}

// States are the files by what became of them.
func (x *Index) States(ctx context.Context) ([]Count, error) {
	return x.counts(ctx, "SELECT state, count(*) FROM sources WHERE state <> 'done' GROUP BY state ORDER BY 1")
}

func (x *Index) counts(ctx context.Context, query string, args ...any) ([]Count, error) {
	rows, err := x.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Count
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Value, &c.N); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Totals are how many occurrences and groups there are, open ones among them.
func (x *Index) Totals(ctx context.Context) (occurrences, groups, open int64, err error) {
	err = x.db.QueryRowContext(ctx, "SELECT CAST(coalesce(sum(count), 0) AS BIGINT), count(*), coalesce(sum(CASE WHEN status = $1 THEN 0 ELSE 1 END), 0) FROM groups", Fixed).
		Scan(&occurrences, &groups, &open)
	return occurrences, groups, open, err
}

// Varying is a variable of the crash site over the occurrences of a group.
type Varying struct {
	Path string `json:"path"`
	// Values are what it was, most frequent first; Others counts the
	// occurrences with values that were too many to be remembered.
	Values []Count `json:"values"`
	Others int64   `json:"others,omitempty"`
}

// Always reports whether it was the same in all of n occurrences.
func (v *Varying) Always(n int64) bool {
	return len(v.Values) == 1 && v.Others == 0 && v.Values[0].N == n
}

// Variables compares the occurrences of a group: what was always the same, and
// what differs.
func (x *Index) Variables(ctx context.Context, group int64) ([]Varying, error) {
	rows, err := x.db.QueryContext(ctx, "SELECT path, value, n FROM variables WHERE group_id = $1", group)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	byPath := map[string]*Varying{}
	for rows.Next() {
		var path string
		var c Count
		if err := rows.Scan(&path, &c.Value, &c.N); err != nil {
			return nil, err
		}
		v := byPath[path]
		if v == nil {
			v = &Varying{Path: path}
			byPath[path] = v
		}
		if c.Value == otherValue {
			v.Others = c.N
		} else {
			v.Values = append(v.Values, c)
		}
	}
	var out []Varying
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		v := byPath[path]
		slices.SortFunc(v.Values, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Value, b.Value)) })
		out = append(out, *v)
	}
	return out, rows.Err()
}
