package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/safedump/sdcore/triage/index"
	"github.com/safedump/sdcore/triage/night"
)

var indexName = regexp.MustCompile(`^g?[0-9a-f]{4,32}(-[0-9]+)?$`)

// isIndexName tells the name of a group or crash from that of a file: a file
// that is there is one.
func isIndexName(s string) bool {
	if !indexName.MatchString(s) {
		return false
	}
	_, err := os.Lstat(s)
	return errors.Is(err, fs.ErrNotExist)
}

// errCleaned ends a view of a crash whose report was removed.
var errCleaned = errors.New("its report was removed")

// fromIndex returns the file of the report of a crash, or of a group's exemplar;
// of a group it may print what is known of it first.
func (a *app) fromIndex(ctx context.Context, f *storeFlag, name string, about bool) (string, error) {
	x, store, err := f.open(ctx)
	if err != nil {
		return "", err
	}
	defer x.Close()
	g, o, err := x.Find(ctx, name)
	if err != nil {
		return "", err
	}
	if g != nil {
		if about {
			told, err := night.Tell(ctx, x, []index.Group{*g})
			if err != nil {
				return "", err
			}
			if err := night.WriteGroup(a.stdout, &told[0]); err != nil {
				return "", err
			}
		}
		one, err := x.Occurrence(ctx, g.Exemplar)
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return "", err
		}
		o = &one
	}
	if o.Report == "" {
		return "", fmt.Errorf("%s: %w", name, errCleaned)
	}
	return f.reportFile(store, o)
}
