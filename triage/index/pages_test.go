package index

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// How a group came to where it stands: each step once, with its reason, the last
// one first.
func TestChanges(t *testing.T) { onEach(t, testChanges) }

func testChanges(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	add(t, x, crash(0, 1))
	at := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for range 2 { // a night that is told again tells nothing new
		if err := x.Announce(ctx, must[[]Group](t)(x.Groups(ctx, Filter{})), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Mark(ctx, 1, Change{At: at.Add(time.Hour), Status: Fixed, FixedIn: "v1.3.0", Reason: "a \x1b[31m\x00lock"}); err != nil {
		t.Fatal(err)
	}
	back := crash(20, 1)
	back.Version = "v1.3.1"
	for _, o := range []Occurrence{back, crash(21, 1)} { // it comes back once
		add(t, x, o)
	}
	got := must[[]Change](t)(x.Changes(ctx, 1))
	back.Clean()
	want := []Change{
		{back.Seen.UTC(), Regressed, "", "crash " + back.Name() + " of version v1.3.1"},
		{at.Add(time.Hour), Fixed, "v1.3.0", "a \\x1b[31m\ufffdlock"},
		{at, Known, "", "told by batch"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	if g := must[[]Group](t)(x.Groups(ctx, Filter{}))[0]; g.Status != Regressed || g.FixedIn != "v1.3.0" {
		t.Errorf("%+v", g)
	}
}

// What pages ask for: orders, parts, kinds, versions, where crashes came from,
// variants.
func TestPages(t *testing.T) { onEach(t, testPages) }

func testPages(t *testing.T, d database) {
	ctx, x := context.Background(), d.open(t, Options{})
	for n := range 12 { // group 1 has 6 crashes, 2 has 4, 3 has 2; 3 is the newest, 1 the oldest
		o := crash(n, []int{1, 1, 1, 2, 1, 2, 1, 2, 1, 3, 2, 3}[n])
		o.Version, o.Host, o.Narrow = fmt.Sprintf("v1.%d.0", n%2), fmt.Sprintf("web%d", n%3), fmt.Sprintf("n%d", n%4)
		o.Kind = []string{"", "panic", "hang", "panic"}[[]int{1, 1, 1, 2, 1, 2, 1, 2, 1, 3, 2, 3}[n]]
		o.Seen = time.Date(2026, 11, 1, n, 0, 0, 0, time.UTC)
		add(t, x, o)
	}
	for name, tt := range map[string]struct {
		f    Filter
		want []int64
	}{
		"last": {Filter{}, []int64{3, 2, 1}}, "first": {Filter{Order: ByFirst}, []int64{3, 2, 1}}, "count": {Filter{Order: ByCount}, []int64{1, 2, 3}},
		"a part": {Filter{Order: ByCount, Limit: 1, Offset: 1}, []int64{2}}, "past the end": {Filter{Offset: 3}, nil},
		"kind": {Filter{Kind: "panic"}, []int64{3, 1}}, "version": {Filter{Version: "v1.1.0", Kind: "hang"}, []int64{2}}, "no version": {Filter{Version: "v9"}, nil},
	} {
		var got []int64
		for _, g := range must[[]Group](t)(x.Groups(ctx, tt.f)) {
			got = append(got, g.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: groups %v, want %v", name, got, tt.want)
		}
	}
	if err := x.Mark(ctx, 2, Change{Status: Fixed, FixedIn: "v2.0.0"}); err != nil {
		t.Fatal(err)
	}
	if got := must[[]Group](t)(x.Groups(ctx, Filter{Open: true})); len(got) != 2 {
		t.Errorf("%d open groups", len(got))
	}
	if got := must[[]Count](t)(x.Kinds(ctx)); !slices.Equal(got, []Count{{"panic", 8}, {"hang", 4}}) {
		t.Errorf("kinds %v", got)
	}
	s := must[map[int64]Spread](t)(x.Spreads(ctx, []Group{{ID: 1}, {ID: 3}}))
	if len(s) != 2 || !slices.Equal(s[3].Hosts, []Count{{"web0", 1}, {"web2", 1}}) || !slices.Equal(s[1].Versions, []Count{{"v1.0.0", 5}, {"v1.1.0", 1}}) {
		t.Errorf("%+v", s)
	}
	if v := must[[]Variant](t)(x.Variants(ctx, 1)); len(v) != 3 || v[0].Narrow != "n0" || v[0].N != 3 || v[0].Newest == 0 {
		t.Errorf("%+v", v)
	}
	// Crashes in parts: each once, the newest first.
	var seen []int64
	for before := int64(0); ; before = seen[len(seen)-1] {
		some := must[[]Occurrence](t)(x.Occurrences(ctx, Filter{Group: 1, Before: before, Limit: 4}))
		if len(some) == 0 {
			break
		}
		for i := range some {
			seen = append(seen, some[i].ID)
		}
	}
	if len(seen) != 6 || !slices.IsSortedFunc(seen, func(a, b int64) int { return int(min(1, max(-1, b-a))) }) {
		t.Errorf("%v", seen)
	}
}
