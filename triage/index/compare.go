package index

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Compare says which variables were the same in all crashes of a group, and
// which differ, the ones that tell most first. Of one crash nothing is said.
func (x *Index) Compare(ctx context.Context, g *Group) (always []Variable, differ []Varying, err error) {
	if g.Count < 2 { // once nothing is always so
		return nil, nil, nil
	}
	vars, err := x.Variables(ctx, g.ID)
	if err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(vars, func(a, b Varying) int { return cmp.Compare(interest(&a, g), interest(&b, g)) })
	for _, v := range vars {
		switch {
		case v.Always(g.Count):
			always = append(always, Variable{Path: v.Path, Value: v.Values[0].Value})
		case len(v.Values) > 1:
			differ = append(differ, v)
		}
	}
	return always, differ, nil
}

// interest orders variables: those of the crash site first, and there what was
// said in words before numbers, and numbers before lengths.
func interest(v *Varying, g *Group) int {
	rank := 0
	function, _, _ := strings.Cut(g.Site, " ")
	path := strings.TrimPrefix(v.Path, "len(")
	if !strings.HasPrefix(path, function+".") {
		rank = 3
	}
	switch {
	case path != v.Path:
		return rank + 2
	case len(v.Values) > 0 && strings.HasPrefix(v.Values[0].Value, `"`):
		return rank
	}
	return rank + 1
}
