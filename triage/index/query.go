package index

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Group is crashes of one kind. Its JSON is what lists write.
type Group struct {
	ID      int64     `json:"-"`
	Name    string    `json:"name"`
	Status  Status    `json:"status"`
	Count   int64     `json:"count"`
	First   time.Time `json:"first_seen"`
	Last    time.Time `json:"last_seen"`
	Type    string    `json:"type"`
	Title   string    `json:"title"`
	Site    string    `json:"site"`
	Program string    `json:"program"`
	FixedIn string    `json:"fixed_in,omitempty"`
	// Kind is what the crash is called, for filters; Wide the fingerprint's level.
	Kind string `json:"-"`
	Wide string `json:"-"`
	// Exemplar is the occurrence whose report is kept, 0 when there is none.
	Exemplar int64 `json:"-"`

	announced bool
}

const groupColumns = "id, name, wide, kind, type, title, site, program, status, fixed_in, first_seen, last_seen, count, exemplar, announced"

func scanGroup(row interface{ Scan(...any) error }) (Group, error) {
	var g Group
	var first, last, announced int64
	err := row.Scan(&g.ID, &g.Name, &g.Wide, &g.Kind, &g.Type, &g.Title, &g.Site, &g.Program, &g.Status, &g.FixedIn, &first, &last, &g.Count, &g.Exemplar, &announced)
	g.First, g.Last, g.announced = timeOf(first), timeOf(last), announced != 0
	return g, err
}

func (x *Index) groups(ctx context.Context, query string, args ...any) ([]Group, error) {
	rows, err := x.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Group
	for rows.Next() {
		g, err := scanGroup(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// Filter selects groups or occurrences. The zero value selects all.
type Filter struct {
	// Type is a part of the exception's type, whatever its case.
	Type string
	// Since and Until bound the time of the crash, of a group's last one and first one.
	Since, Until time.Time
	// Search are words that have to occur; one that ends in * is the beginning
	// of a word.
	Search string
	// Status selects groups.
	Status Status
	// Kind selects groups by what the crash is called: "nil dereference".
	Kind string
	// Version selects the groups with a crash of it.
	Version string
	// Order is that of groups.
	Order Order
	// Offset is how many groups are skipped.
	Offset int
	// Open selects the groups that are not fixed.
	Open bool
	// Group selects the occurrences of one group.
	Group int64
	// Before selects the occurrences with smaller numbers: the older ones.
	Before int64
	// Limit is how many are wanted, 0 for 20.
	Limit int
}

// Order is what groups are sorted by.
type Order string

// The orders of groups, the zero one ByLast.
const (
	ByLast  Order = "last"  // the ones that crashed last first
	ByFirst Order = "first" // the newest groups first
	ByCount Order = "count" // most crashes first
)

// columns are those of an order.
func (o Order) columns() string {
	switch o {
	case ByFirst:
		return "first_seen DESC, id DESC"
	case ByCount:
		return "count DESC, last_seen DESC, id DESC"
	}
	return "last_seen DESC, id DESC"
}

const (
	defaultLimit = 20
	maxGroups    = 10_000
)

// searches reports whether there are words to look for.
func (f *Filter) searches() bool { return strings.TrimSpace(f.Search) != "" }

// valid is a text of a user that every database takes.
func valid(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\ufffd"), "\ufffd")
}

// like is a part of a text as LIKE wants it, with \ to escape.
func like(part string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(valid(part))) + "%"
}

// Groups lists groups.
func (x *Index) Groups(ctx context.Context, f Filter) ([]Group, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(cond string, arg any) {
		args = append(args, arg)
		where = append(where, strings.ReplaceAll(cond, "$?", fmt.Sprintf("$%d", len(args))))
	}
	if f.Type != "" {
		add(`lower(type) LIKE $? ESCAPE '\'`, like(f.Type))
	}
	if !f.Since.IsZero() {
		add("last_seen >= $?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		add("first_seen <= $?", micros(f.Until))
	}
	if f.Status != "" {
		add("status = $?", f.Status)
	}
	if f.Open {
		add("status <> $?", Fixed)
	}
	if f.Kind != "" {
		add("kind = $?", valid(f.Kind))
	}
	if f.Version != "" {
		add("id IN (SELECT group_id FROM counts WHERE what = 'version' AND value = $?)", valid(f.Version))
	}
	if f.searches() {
		add("id IN (SELECT rowid FROM groups_text WHERE "+x.dialect.matches("groups_text", "$?")+")", x.dialect.words(valid(f.Search)))
	}
	args = append(args, cmp.Or(f.Limit, defaultLimit), f.Offset)
	return x.groups(ctx, fmt.Sprintf("SELECT %s FROM groups WHERE %s ORDER BY %s LIMIT $%d OFFSET $%d",
		groupColumns, strings.Join(where, " AND "), f.Order.columns(), len(args)-1, len(args)), args...)
}

const occurrenceColumns = `o.id, o.key, o.group_id, o.host, o.program, o.version, o.go_version, o.build_id, o.pid, o.type, o.message, o.site, o.narrow,
	o.missing, o.report, o.bytes, g.name, g.title, g.kind, coalesce(h.host, ''), coalesce(h.dir, '')`

const occurrenceTables = "occurrences o JOIN groups g ON g.id = o.group_id LEFT JOIN homes h ON h.id = o.home"

func scanOccurrence(row interface{ Scan(...any) error }) (Occurrence, error) {
	var o Occurrence
	err := row.Scan(&o.ID, &o.Key, &o.GroupID, &o.Host, &o.Program, &o.Version, &o.GoVersion, &o.BuildID, &o.PID, &o.Type, &o.Message, &o.Site, &o.Narrow,
		&o.Missing, &o.Report, &o.Bytes, &o.GroupName, &o.Title, &o.Kind, &o.Home.Host, &o.Home.Dir)
	o.Home.Host, o.Home.Dir = unstorable(o.Home.Host), unstorable(o.Home.Dir)
	o.Seen = seenAt(o.ID)
	return o, err
}

func (x *Index) occurrences(ctx context.Context, query string, args ...any) ([]Occurrence, error) {
	rows, err := x.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Occurrence
	for rows.Next() {
		o, err := scanOccurrence(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// bounds are the numbers of occurrences between Since and Until.
func (f *Filter) bounds() (from, to int64) {
	from, to = 0, 1<<63-1
	if !f.Since.IsZero() {
		from = micros(f.Since) << numberShift
	}
	if !f.Until.IsZero() {
		to = (micros(f.Until)+1)<<numberShift - 1
	}
	if f.Before != 0 {
		to = min(to, f.Before-1)
	}
	return from, to
}

// Occurrences lists occurrences, the newest first. Every way reads about as
// many rows as it returns.
func (x *Index) Occurrences(ctx context.Context, f Filter) ([]Occurrence, error) {
	from, to := f.bounds()
	limit := cmp.Or(f.Limit, defaultLimit)
	if f.Type != "" || f.Status != "" {
		return x.ofGroups(ctx, f, from, to, limit)
	}
	query, args := "SELECT "+occurrenceColumns+" FROM "+occurrenceTables+" WHERE ", []any{from, to, limit}
	if f.searches() {
		// The table of the full text is read in order of its row numbers.
		query += "o.id IN (SELECT rowid FROM occurrences_text WHERE rowid BETWEEN $1 AND $2 AND " + x.dialect.matches("occurrences_text", "$4")
		if args = append(args, x.dialect.words(valid(f.Search))); f.Group == 0 { // of one group's there may be few
			query += " ORDER BY rowid DESC LIMIT $3"
		}
		query += ")"
	} else {
		query += "o.id BETWEEN $1 AND $2"
	}
	if f.Group != 0 {
		args = append(args, f.Group)
		query += fmt.Sprintf(" AND o.group_id = $%d", len(args))
	}
	return x.occurrences(ctx, query+" ORDER BY o.id DESC LIMIT $3", args...)
}

// ofGroups lists the newest occurrences of the groups of a type or status: of
// each group the newest, until the last crash of the next one is older than all
// of them.
func (x *Index) ofGroups(ctx context.Context, f Filter, from, to int64, limit int) ([]Occurrence, error) {
	groups, err := x.Groups(ctx, Filter{Type: f.Type, Status: f.Status, Since: f.Since, Until: f.Until, Limit: maxGroups})
	if err != nil {
		return nil, err
	}
	var out []Occurrence
	for i := range groups {
		g := &groups[i]
		if len(out) == limit && g.Last.Before(out[limit-1].Seen) {
			break
		}
		if f.Group != 0 && g.ID != f.Group {
			continue
		}
		some, err := x.Occurrences(ctx, Filter{Since: f.Since, Until: f.Until, Search: f.Search, Group: g.ID, Before: f.Before, Limit: limit})
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		slices.SortFunc(out, func(a, b Occurrence) int { return cmp.Compare(b.ID, a.ID) })
		out = out[:min(len(out), limit)]
	}
	return out, nil
}

// Find returns the group or the occurrence with a name, or the beginning of
// one; the other is nil.
func (x *Index) Find(ctx context.Context, name string) (*Group, *Occurrence, error) {
	name = valid(name)
	begins := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(name) + "%"
	groups, err := x.groups(ctx, "SELECT "+groupColumns+` FROM groups WHERE name LIKE $1 ESCAPE '\' LIMIT 2`, begins)
	if err != nil {
		return nil, nil, err
	}
	occs, err := x.occurrences(ctx, "SELECT "+occurrenceColumns+" FROM "+occurrenceTables+" WHERE o.key >= $1 AND o.key < $2 LIMIT 2",
		name, name+"\U0010ffff")
	switch {
	case err != nil:
		return nil, nil, err
	case len(groups)+len(occs) == 0:
		return nil, nil, fmt.Errorf("%q: %w", name, ErrNotFound)
	case len(groups)+len(occs) > 1:
		return nil, nil, fmt.Errorf("%q: %w", name, ErrAmbiguous)
	case len(groups) == 1:
		return &groups[0], nil, nil
	}
	return nil, &occs[0], nil
}

// Occurrence returns the occurrence with a number.
func (x *Index) Occurrence(ctx context.Context, id int64) (Occurrence, error) {
	o, err := scanOccurrence(x.db.QueryRowContext(ctx, "SELECT "+occurrenceColumns+" FROM "+occurrenceTables+" WHERE o.id = $1", id))
	if err == sql.ErrNoRows {
		return o, ErrNotFound
	}
	return o, err
}

// Similar are other groups that may be the same bug.
func (x *Index) Similar(ctx context.Context, g *Group) ([]Group, error) {
	if g.Wide == "" {
		return nil, nil
	}
	return x.groups(ctx, "SELECT "+groupColumns+" FROM groups WHERE wide = $1 AND id <> $2 ORDER BY last_seen DESC LIMIT 5", g.Wide, g.ID)
}
