package index

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"testing"
	"time"
)

// benchOccurrences is how large the index of the benchmarks is; scripts/bench.sh
// asks for a million.
var benchOccurrences = flag.Int("occurrences", 20_000, "occurrences in the index of the benchmarks")

// seed fills an index as Add does, a thousand occurrences in a group at most,
// with statements that are prepared once.
func seed(b *testing.B, x *Index, n int) {
	b.Helper()
	ctx, groups := context.Background(), max(n/1000, 1)
	err := x.write(ctx, "seed", func(tx *sql.Tx) error {
		for i := range groups {
			o := benchCrash(i, groups)
			if err := x.addOccurrence(ctx, tx, &o, 1); err != nil {
				return err
			}
		}
		row, err := tx.Prepare(`INSERT INTO occurrences (id, key, group_id, host, program, version, go_version, build_id, pid, type, message,
			site, narrow, missing, report, bytes, run) VALUES ($1, $2, $3, $4, 'pay', 'v1.2.3', 'go1.26.8', '', 1, $5, $6, $7, '', '', '', 0, 1)`)
		if err != nil {
			return err
		}
		text, err := tx.Prepare("INSERT INTO occurrences_text (rowid, text) VALUES ($1, $2)")
		if err != nil {
			return err
		}
		for i := groups; i < n; i++ {
			o := benchCrash(i, groups)
			o.ID = micros(o.Seen) << numberShift
			if _, err := row.Exec(o.ID, o.Key, 1+i%groups, o.Host, o.Type, o.Message, o.Site); err != nil {
				return err
			}
			if _, err := text.Exec(o.ID, x.dialect.document(o.text())); err != nil {
				return err
			}
			if i%1000 == 0 { // a group has its crashes on many days
				if err := increment(ctx, tx, "counts", "group_id, what, value", [][3]any{{1 + i/1000%groups, "day", o.Seen.Format(time.DateOnly)}}); err != nil {
					return err
				}
			}
		}
		_, err = tx.Exec("UPDATE groups SET count = $1, last_seen = (SELECT max(id) FROM occurrences WHERE group_id = groups.id) / 1024", n/groups)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func benchCrash(i, groups int) Occurrence {
	o := crash(i, 1+i%groups)
	o.Seen = noon.Add(time.Duration(i) * time.Second)
	o.Host, o.Message = fmt.Sprintf("web%d", i%50), fmt.Sprintf("index out of range [%d] with length %d", i%5000, i%977)
	o.Variables = nil // what they cost when they are added is another matter
	return o
}

// BenchmarkIndex asks what list, stats and searches ask.
func BenchmarkIndex(b *testing.B) { ask(b, sqliteDatabase(b)) }

// BenchmarkPostgres asks the same of a server: scripts/postgres-test.sh -bench Postgres ./triage/index
func BenchmarkPostgres(b *testing.B) { ask(b, postgresDatabase(b)) }

func ask(b *testing.B, d database) {
	ctx, n := context.Background(), *benchOccurrences
	x := d.open(b, Options{})
	seed(b, x, n)
	d.raw(b, "ANALYZE") // as the server does by itself, some time later
	some := func(b *testing.B, n int, err error) {
		if err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
	for _, bench := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"newest20", func() (int, error) { got, err := x.Occurrences(ctx, Filter{}); return len(got), err }},
		{"newest20groups", func() (int, error) { got, err := x.Groups(ctx, Filter{}); return len(got), err }},
		{"countsOfGroup", func() (int, error) {
			days, err := x.Counts(ctx, 1, "day")
			if err != nil {
				return 0, err
			}
			hosts, err := x.Counts(ctx, 1, "host")
			return min(len(days), len(hosts)), err
		}},
		{"countsOfAll", func() (int, error) { got, err := x.Counts(ctx, 0, "day"); return len(got), err }},
		{"searchGroups", func() (int, error) {
			got, err := x.Groups(ctx, Filter{Search: "index main"})
			return len(got), err
		}},
		{"searchRare", func() (int, error) {
			got, err := x.Occurrences(ctx, Filter{Search: "4711 with length"})
			return len(got), err
		}},
		{"searchEverywhere", func() (int, error) {
			got, err := x.Occurrences(ctx, Filter{Search: "index range"})
			return len(got), err
		}},
		{"searchBeginning", func() (int, error) { got, err := x.Occurrences(ctx, Filter{Search: "web4*"}); return len(got), err }},
		{"ofType", func() (int, error) { got, err := x.Occurrences(ctx, Filter{Type: "bounds"}); return len(got), err }},
		{"since", func() (int, error) {
			got, err := x.Occurrences(ctx, Filter{Until: noon.Add(time.Duration(n/2) * time.Second)})
			return len(got), err
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				n, err := bench.ask()
				some(b, n, err)
			}
		})
	}
}
