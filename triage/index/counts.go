package index

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
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

// Kinds are the occurrences by what the crashes are called, most frequent first.
func (x *Index) Kinds(ctx context.Context) ([]Count, error) {
	return x.counts(ctx, "SELECT kind, CAST(sum(count) AS BIGINT) FROM groups GROUP BY kind ORDER BY 2 DESC, 1")
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

// Spread is where the crashes of a group came from, most frequent first.
type Spread struct{ Hosts, Versions []Count }

// Spreads are those of some groups, by their numbers, in one question.
func (x *Index) Spreads(ctx context.Context, groups []Group) (map[int64]Spread, error) {
	out := map[int64]Spread{}
	if len(groups) == 0 {
		return out, nil
	}
	ids := make([]string, len(groups))
	for i := range groups {
		ids[i] = strconv.FormatInt(groups[i].ID, 10)
	}
	rows, err := x.db.QueryContext(ctx, "SELECT group_id, what, value, n FROM counts WHERE what IN ('host', 'version') AND group_id IN ("+
		strings.Join(ids, ", ")+") ORDER BY n DESC, value")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var what string
		var c Count
		if err := rows.Scan(&id, &what, &c.Value, &c.N); err != nil {
			return nil, err
		}
		s := out[id]
		if what == "host" {
			s.Hosts = append(s.Hosts, c)
		} else {
			s.Versions = append(s.Versions, c)
		}
		out[id] = s
	}
	return out, rows.Err()
}

// Variant is occurrences of a group that are equal at the narrow level of the
// fingerprint.
type Variant struct {
	Narrow string `json:"narrow"`
	N      int64  `json:"count"`
	Newest int64  `json:"-"` // the number of its newest occurrence
}

// maxVariants is how many variants of a group are listed.
const maxVariants = 50

// Variants are those of a group, most frequent first, of the occurrences that
// were not cleaned.
func (x *Index) Variants(ctx context.Context, group int64) ([]Variant, error) {
	rows, err := x.db.QueryContext(ctx, "SELECT narrow, count(*), max(id) FROM occurrences WHERE group_id = $1 GROUP BY narrow ORDER BY 2 DESC, 3 DESC LIMIT $2", group, maxVariants)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Variant
	for rows.Next() {
		var v Variant
		if err := rows.Scan(&v.Narrow, &v.N, &v.Newest); err != nil {
			return nil, err
		}
		out = append(out, v)
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
