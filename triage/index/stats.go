package index

import "context"

// Stats counts all that is in an index.
type Stats struct {
	Crashes  int64   `json:"crashes"`
	Groups   int64   `json:"groups"`
	Open     int64   `json:"open_groups"`
	Types    []Count `json:"types"`
	Sites    []Count `json:"sites"`
	Hosts    []Count `json:"hosts"`
	Versions []Count `json:"versions"`
	Days     []Count `json:"days"`
	Files    []Count `json:"files"` // that have no report, by state
}

// Stats counts all that is in the index.
func (x *Index) Stats(ctx context.Context) (*Stats, error) {
	var s Stats
	var err error
	if s.Crashes, s.Groups, s.Open, err = x.Totals(ctx); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		to   *[]Count
		read func() ([]Count, error)
	}{
		{&s.Types, func() ([]Count, error) { return x.Types(ctx) }},
		{&s.Sites, func() ([]Count, error) { return x.Sites(ctx) }},
		{&s.Hosts, func() ([]Count, error) { return x.Counts(ctx, 0, "host") }},
		{&s.Versions, func() ([]Count, error) { return x.Counts(ctx, 0, "version") }},
		{&s.Days, func() ([]Count, error) { return x.Counts(ctx, 0, "day") }},
		{&s.Files, func() ([]Count, error) { return x.States(ctx) }},
	} {
		if *part.to, err = part.read(); err != nil {
			return nil, err
		}
	}
	return &s, nil
}
