package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Occurrence is one crash. All its text was redacted by who made it.
type Occurrence struct {
	ID   int64     `json:"-"` // its number here: newer crashes have higher ones
	Key  string    `json:"key"`
	Seen time.Time `json:"seen"` // when the program died

	Host      string `json:"host"`
	Program   string `json:"program"`
	Version   string `json:"version"` // of the main module, or the VCS revision
	GoVersion string `json:"go_version"`
	BuildID   string `json:"build_id"`
	PID       int    `json:"pid"`

	Type    string `json:"type"`
	Message string `json:"message"`
	Site    string `json:"site"` // function, file and line of the crash

	// Group, Narrow and Wide are the levels of the fingerprint, Kind and Title
	// what it says for people. Without a Group a crash is a group of its own.
	Group  string `json:"group"`
	Narrow string `json:"narrow"`
	Wide   string `json:"wide"`
	Kind   string `json:"kind"`
	Title  string `json:"title"`

	// Missing says what the report lacks, "" when it is complete.
	Missing string `json:"missing"`
	// Functions are those of the stack that crashed, for searching.
	Functions []string `json:"functions"`
	// Variables are those of the crash site, for comparing occurrences.
	Variables []Variable `json:"variables"`

	// Report is the file of the report below the store, "" when it was cleaned;
	// Bytes its size.
	Report string `json:"-"`
	Bytes  int64  `json:"-"`
	// Home is the store that it is in.
	Home Home `json:"-"`
	// GroupName is the name of the group that it was put into.
	GroupName string `json:"-"`
	GroupID   int64  `json:"-"`
}

// Variable is a value of the crash site.
type Variable struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// Bounds of what is stored of an occurrence.
const (
	maxWord      = 200 // a name or version
	maxMessage   = 1000
	maxTitle     = 300
	maxFunctions = 32
	maxVariables = 48
	maxValue     = 120
	maxDistinct  = 8   // values that are remembered of one variable of a group
	maxPaths     = 200 // variables that are remembered of one group
)

// Clean bounds an occurrence and makes its text printable: it comes from a
// process that read hostile input.
func (o *Occurrence) Clean() {
	for _, s := range []*string{&o.Key, &o.Host, &o.Program, &o.Version, &o.GoVersion, &o.BuildID, &o.Type, &o.Group, &o.Narrow, &o.Wide, &o.Kind} {
		*s = printable(*s, maxWord)
	}
	o.Title, o.Site = printable(o.Title, maxTitle), printable(o.Site, maxTitle)
	o.Message, o.Missing = printable(onLine(o.Message), maxMessage), printable(o.Missing, maxMessage)
	o.Functions = slices.Clone(o.Functions[:min(len(o.Functions), maxFunctions)])
	for i := range o.Functions {
		o.Functions[i] = printable(o.Functions[i], maxWord)
	}
	o.Variables = slices.Clone(o.Variables[:min(len(o.Variables), maxVariables)])
	for i := range o.Variables {
		v := &o.Variables[i]
		v.Path, v.Value = printable(v.Path, maxWord), printable(v.Value, maxValue)
	}
	if y := o.Seen.Year(); y < 1970 || y > 2200 {
		o.Seen = time.UnixMicro(0).UTC() // the clock of a broken host
	}
}

// Name is what users call an occurrence.
func (o *Occurrence) Name() string { return o.Key[:min(len(o.Key), nameLen)] }

// nameLen is how many hex digits of a hash a name has.
const nameLen = 12

// Add records an occurrence and that its file is done, in one step: both or
// none. A second time changes nothing. added is false then.
func (x *Index) Add(ctx context.Context, s Source, o Occurrence, run int64) (added bool, err error) {
	o.Clean()
	err = x.write(ctx, "occurrence", func(tx *sql.Tx) error {
		s.State = Done
		if err := x.putSource(ctx, tx, s, run); err != nil {
			return err
		}
		var known int
		err := tx.QueryRowContext(ctx, "SELECT 1 FROM occurrences WHERE key = $1", o.Key).Scan(&known)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		added = true
		return x.addOccurrence(ctx, tx, &o, run)
	})
	return added && err == nil, err
}

func (x *Index) addOccurrence(ctx context.Context, tx *sql.Tx, o *Occurrence, run int64) error {
	var err error
	if o.ID, err = freeNumber(ctx, tx, micros(o.Seen)); err != nil {
		return err
	}
	if err := x.intoGroup(ctx, tx, o); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO occurrences (id, key, group_id, host, program, version, go_version, build_id, pid, type, message,
		site, narrow, missing, report, bytes, run, home) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		o.ID, o.Key, o.GroupID, o.Host, o.Program, o.Version, o.GoVersion, o.BuildID, o.PID, o.Type, o.Message,
		o.Site, o.Narrow, o.Missing, o.Report, o.Bytes, run, x.home)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO occurrences_text (rowid, text) VALUES ($1, $2)", o.ID, x.dialect.document(o.text())); err != nil {
		return err
	}
	var counts [][3]any
	for what, value := range map[string]string{"host": o.Host, "version": o.Version, "day": o.Seen.UTC().Format(time.DateOnly)} {
		counts = append(counts, [3]any{o.GroupID, what, value}, [3]any{0, what, value})
	}
	if err := increment(ctx, tx, "counts", "group_id, what, value", counts); err != nil {
		return err
	}
	return addVariables(ctx, tx, o)
}

// numberShift leaves room for a thousand crashes in a microsecond: cores that
// were unpacked from an archive have times in whole seconds.
const numberShift = 10

// freeNumber is the next free number for a crash at a time.
func freeNumber(ctx context.Context, tx *sql.Tx, us int64) (int64, error) {
	at := us << numberShift
	const room = 1_000_000 << numberShift // a second's
	var last sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT max(id) FROM occurrences WHERE id >= $1 AND id < $2", at, at+1<<numberShift).Scan(&last)
	if err != nil || !last.Valid {
		return at, err
	}
	if last.Int64 < at+1<<numberShift-1 {
		return last.Int64 + 1, nil
	}
	err = tx.QueryRowContext(ctx, "SELECT max(id) FROM occurrences WHERE id >= $1 AND id < $2", at, at+room).Scan(&last)
	return last.Int64 + 1, err
}

// seenAt is the time in a number.
func seenAt(id int64) time.Time { return time.UnixMicro(id >> numberShift).UTC() }

// text is what a search for an occurrence finds it by.
func (o *Occurrence) text() string {
	parts := []string{o.Title, o.Type, o.Message, o.Site, o.Program, o.Host, o.Version}
	parts = append(parts, o.Functions...)
	for i := range o.Variables {
		parts = append(parts, o.Variables[i].Value)
	}
	return strings.Join(parts, "\n")
}

// increment adds 1 to the n of rows of a table, each of which is there once, in
// one statement: the database may be far away.
func increment(ctx context.Context, tx *sql.Tx, table, key string, rows [][3]any) error {
	if len(rows) == 0 {
		return nil
	}
	var values []string
	var args []any
	for i, row := range rows {
		values = append(values, fmt.Sprintf("($%d, $%d, $%d, 1)", 3*i+1, 3*i+2, 3*i+3))
		args = append(args, row[:]...)
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (%s, n) VALUES %s ON CONFLICT (%[2]s) DO UPDATE SET n = %[1]s.n + 1",
		table, key, strings.Join(values, ", ")), args...)
	return err
}

// intoGroup finds the group of an occurrence, or makes it.
func (x *Index) intoGroup(ctx context.Context, tx *sql.Tx, o *Occurrence) error {
	fingerprint := o.Group
	if fingerprint == "" {
		fingerprint = "alone:" + o.Key
	}
	g, err := scanGroup(tx.QueryRowContext(ctx, "SELECT "+groupColumns+" FROM groups WHERE fingerprint = $1", fingerprint))
	if errors.Is(err, sql.ErrNoRows) {
		return x.newGroup(ctx, tx, o, fingerprint)
	}
	if err != nil {
		return err
	}
	o.GroupID, o.GroupName = g.ID, g.Name
	status, announced := g.Status, 1
	if !g.announced {
		announced = 0
	}
	if status == Fixed && regressed(o.Version, g.FixedIn) {
		status, announced = Regressed, 0
		if err := addChange(ctx, tx, g.ID, cameBack(o)); err != nil {
			return err
		}
	}
	exemplar := g.Exemplar
	if exemplar == 0 {
		exemplar = o.ID
	}
	_, err = tx.ExecContext(ctx, `UPDATE groups SET count = count + 1, first_seen = $1, last_seen = $2, status = $3, announced = $4, exemplar = $5 WHERE id = $6`,
		min(micros(g.First), micros(o.Seen)), max(micros(g.Last), micros(o.Seen)), status, announced, exemplar, g.ID)
	return err
}

// newGroup makes a group of its first occurrence.
func (x *Index) newGroup(ctx context.Context, tx *sql.Tx, o *Occurrence, fingerprint string) error {
	hash := fingerprint[strings.LastIndexByte(fingerprint, ':')+1:]
	o.GroupName = "g" + hash[:min(len(hash), nameLen)]
	var last sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT max(id) FROM groups").Scan(&last); err != nil {
		return err
	}
	o.GroupID = last.Int64 + 1
	var taken int
	err := tx.QueryRowContext(ctx, "SELECT 1 FROM groups WHERE name = $1", o.GroupName).Scan(&taken)
	if err == nil {
		o.GroupName = fmt.Sprintf("g%s-%d", hash[:min(len(hash), nameLen)], o.GroupID)
	} else if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO groups (id, name, fingerprint, wide, kind, type, title, site, program, status, fixed_in, first_seen,
		last_seen, count, exemplar, announced) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11, $12, 1, $13, 0)`,
		o.GroupID, o.GroupName, fingerprint, o.Wide, o.Kind, o.Type, o.Title, o.Site, o.Program, New, micros(o.Seen), micros(o.Seen), o.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO groups_text (rowid, text) VALUES ($1, $2)", o.GroupID,
		x.dialect.document(strings.Join(append([]string{o.Title, o.Type, o.Kind, o.Message, o.Site, o.Program}, o.Functions...), "\n")))
	return err
}

// addVariables counts the values that the variables of the crash site had. Of a
// variable with many values the first ones are remembered, and how many others
// there were: under otherValue, which no printable text is.
func addVariables(ctx context.Context, tx *sql.Tx, o *Occurrence) error {
	seen := map[string]map[string]int64{}
	rows, err := tx.QueryContext(ctx, "SELECT path, value, n FROM variables WHERE group_id = $1", o.GroupID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v Variable
		var n int64
		if err := rows.Scan(&v.Path, &v.Value, &n); err != nil {
			return err
		}
		if seen[v.Path] == nil {
			seen[v.Path] = map[string]int64{}
		}
		seen[v.Path][v.Value] = n
	}
	if err := rows.Err(); err != nil {
		return err
	}
	done := map[string]bool{}
	var counts [][3]any
	for _, v := range o.Variables {
		if done[v.Path] || seen[v.Path] == nil && len(seen) >= maxPaths {
			continue
		}
		done[v.Path] = true
		values := seen[v.Path]
		if _, ok := values[v.Value]; !ok && len(values) >= maxDistinct {
			v.Value = otherValue
		}
		counts = append(counts, [3]any{o.GroupID, v.Path, v.Value})
	}
	return increment(ctx, tx, "variables", "group_id, path, value", counts)
}

// otherValue stands for the values that were too many. PostgreSQL takes no NUL.
const otherValue = "\x01other"
