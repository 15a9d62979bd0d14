package index

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// web is the home of a host's reports.
func web(n int) Home { return Home{Host: fmt.Sprintf("web%d", n), Dir: "/var/lib/sdcore"} }

// Hosts that make the index, and add crashes of the same groups, at the same
// time: each group is there once, and nothing is counted twice or lost.
func TestHostsAtOnce(t *testing.T) { onEach(t, testHostsAtOnce) }

func testHostsAtOnce(t *testing.T, d database) {
	ctx := context.Background()
	const hosts, crashes, bugs = 4, 30, 3
	if d.dialect.name == "sqlite" {
		d.open(t, Options{}).Close() // changing a new file's journal is for one process
	}
	var all sync.WaitGroup
	start := make(chan struct{})
	for host := range hosts {
		all.Go(func() {
			<-start
			x, err := d.try(Options{Home: web(host)})
			if err != nil {
				t.Error(err)
				return
			}
			defer x.Close()
			run, err := x.BeginRun(ctx, fmt.Sprint("web", host), noon)
			if err != nil {
				t.Error(err)
				return
			}
			for n := range crashes {
				o := crash(n*hosts+host, 1+n%bugs)
				o.Seen, o.Host = noon, fmt.Sprint("web", host) // all in the same microsecond
				if _, err := x.Add(ctx, Source{Key: o.Key, Path: fmt.Sprint("/crash/", n), Kind: "core"}, o, run); err != nil {
					t.Error(err)
				}
				// And one core that all of them see.
				same := crash(100_000, 1)
				if _, err := x.Add(ctx, Source{Key: same.Key, Path: "/nfs/core", Kind: "core"}, same, run); err != nil {
					t.Error(err)
				}
			}
		})
	}
	close(start)
	all.Wait()
	x := d.open(t, Options{})
	groups := must[[]Group](t)(x.Groups(ctx, Filter{}))
	total := int64(0)
	for i := range groups {
		g := &groups[i]
		total += g.Count
		want := int64(hosts * crashes / bugs)
		if g.Title == crash(0, 1).Title {
			want++
		}
		if g.Count != want || g.Status != New {
			t.Errorf("%s: %d crashes, %s, want %d", g.Title, g.Count, g.Status, want)
		}
		for _, v := range must[[]Varying](t)(x.Variables(ctx, g.ID)) {
			sum := v.Others
			for _, c := range v.Values {
				sum += c.N
			}
			if sum != g.Count {
				t.Errorf("%s of %s: %d values of %d crashes", v.Path, g.Title, sum, g.Count)
			}
		}
	}
	if len(groups) != bugs || total != hosts*crashes+1 {
		t.Errorf("%d groups, %d crashes", len(groups), total)
	}
	if new := must[[]Group](t)(x.Unannounced(ctx)); len(new) != bugs {
		t.Errorf("%d new groups", len(new))
	}
	for _, c := range must[[]Count](t)(x.Counts(ctx, 0, "host")) {
		if c.N != crashes && c != (Count{"web0", crashes + 1}) {
			t.Errorf("%+v", c)
		}
	}
	list := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{Limit: 1000}))
	if len(list) != hosts*crashes+1 {
		t.Errorf("%d crashes are listed", len(list))
	}
	for _, o := range list {
		if o.Key != crash(100_000, 1).Key && o.Home.Host != o.Host {
			t.Errorf("a report of %s is kept by %+v", o.Host, o.Home)
		}
	}
	var runs, homes int
	if err := x.db.QueryRow("SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM homes)").Scan(&runs, &homes); err != nil || runs != hosts || homes != hosts {
		t.Errorf("%d runs, %d homes, %v", runs, homes, err)
	}
}

// A file is known by its place on its own host only.
func TestFilesOfHosts(t *testing.T) { onEach(t, testFilesOfHosts) }

func testFilesOfHosts(t *testing.T, d database) {
	ctx, first := context.Background(), d.open(t, Options{Home: web(1)})
	if err := first.Put(ctx, Source{Key: "k", Path: "/crash/core", Size: 1, Modified: 2, Inode: 3, State: Failed}, 1); err != nil {
		t.Fatal(err)
	}
	first.Close()
	for host, want := range map[int]bool{1: true, 2: false} {
		x := d.open(t, Options{Home: web(host)})
		if _, ok, err := x.SourceAt(ctx, "/crash/core", 1, 2, 3); ok != want || err != nil {
			t.Errorf("web%d: known is %v, %v", host, ok, err)
		}
		if _, ok, err := x.Source(ctx, "k"); !ok || err != nil {
			t.Errorf("web%d: the same contents are not known: %v", host, err)
		}
		x.Close()
	}
}

// A host cleans what it keeps. The only report of an open group stays, though
// two hosts planned to remove one each.
func TestHostsClean(t *testing.T) { onEach(t, testHostsClean) }

func testHostsClean(t *testing.T, d database) {
	ctx := context.Background()
	var plans [2]Cleaning
	keep := Keep{Since: noon.Add(time.Hour)}
	for host := range plans {
		x := d.open(t, Options{Home: web(host)})
		add(t, x, crash(host, 1))
		x.Close()
	}
	for host := range plans {
		x := d.open(t, Options{Home: web(host), MustExist: true})
		plans[host] = must[Cleaning](t)(x.Plan(ctx, keep))
		if p := plans[host]; len(p.Occurrences) != 1 || p.Occurrences[0].Key != crash(host, 1).Key || p.Bytes != 100 {
			t.Errorf("web%d: %+v", host, p)
		}
		x.Close()
	}
	for host, want := range []int{1, 0} {
		x := d.open(t, Options{Home: web(host)})
		if gone := must[[]Occurrence](t)(x.Remove(ctx, plans[host].Occurrences)); len(gone) != want {
			t.Errorf("web%d removed %d, want %d", host, len(gone), want)
		}
		x.Close()
	}
	x := d.open(t, Options{Home: web(7), MustExist: true})
	if p := must[Cleaning](t)(x.Plan(ctx, keep)); len(p.Occurrences) != 0 || p.Kept != 0 {
		t.Errorf("a host that keeps nothing cleans: %+v", p)
	}
	left := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{Search: "main"}))
	if len(left) != 1 || left[0].Home != web(1) || must[[]Group](t)(x.Groups(ctx, Filter{}))[0].Exemplar != left[0].ID {
		t.Errorf("%+v", left)
	}
	var reports []string
	if err := x.Reports(ctx, func(r string) { reports = append(reports, r) }); err != nil || !slices.Equal(reports, []string{"reports/1"}) {
		t.Errorf("%q, %v", reports, err)
	}
}

// Of two hosts that tell their nights at the same time one tells of a group.
func TestOneTells(t *testing.T) {
	ctx, d := context.Background(), postgresDatabase(t)
	x := d.open(t, Options{Home: web(1)})
	add(t, x, crash(0, 1))
	var mu sync.Mutex
	told, telling, most := 0, 0, 0
	var all sync.WaitGroup
	for host := range 3 {
		y := d.open(t, Options{Home: web(host)})
		all.Go(func() {
			done, err := y.Turn(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			mu.Lock()
			telling++
			most = max(most, telling)
			mu.Unlock()
			groups, err := y.Unannounced(ctx)
			if err != nil {
				t.Error(err)
			}
			if err := y.Announce(ctx, groups, time.Now()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			told += len(groups)
			telling--
			mu.Unlock()
		})
	}
	all.Wait()
	if told != 1 || most != 1 {
		t.Errorf("told %d times, by %d hosts at once", told, most)
	}
}
