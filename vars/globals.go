package vars

import (
	"context"
	"fmt"

	"github.com/safedump/sdcore/report"
)

// Globals decodes the package variables that match, in the order of package
// and name. A nil match takes all.
func (r *Reader) Globals(ctx context.Context, match func(pkg, name string) bool) ([]report.Global, []report.Problem) {
	out := []report.Global{}
	if r.scopes == nil {
		return out, nil
	}
	r.shared.Lock()
	all, err := r.scopes.Globals()
	r.shared.Unlock()
	if err != nil {
		return out, []report.Problem{{Stage: stage, Subject: "globals", Message: err.Error(), Missing: true}}
	}
	for i := range all {
		g := &all[i]
		if match != nil && !match(g.Package, g.Name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return out, []report.Problem{{Stage: stage, Subject: "globals",
				Message: fmt.Sprintf("stopped at variable %d of %d: %v", i, len(all), err), Missing: true}}
		}
		out = append(out, report.Global{Package: g.Package, Name: g.Name, Value: r.Value(g.Type, g.Addr)})
	}
	return out, nil
}
