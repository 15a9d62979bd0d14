package export

import (
	"errors"

	"github.com/safedump/sdcore/redact"
)

// Bounds of how often a part of a report is rendered to find out what holds a
// secret.
const (
	maxLeaking = 3 // times that leaves are dropped which hold one by themselves
	maxNarrow  = 4 // leaves that are found one by one
)

// cleared returns x without what try finds a secret in, which was the last that
// try has seen. First go the leaves that hold one by themselves, and once more those
// that show one because of that. What is left then is put together from several
// leaves: as few of them go as are found in a bounded number of tries, otherwise all;
// the names of the code only where nothing else helps.
func cleared[T redact.Redacted[T]](x T, try func(T) error) (T, error) {
	err := try(x)
	for range maxLeaking {
		if !errors.Is(err, errFound) {
			return x, err
		}
		next, n := x.Dropped(redact.Drop{})
		if n.Dropped == 0 {
			break
		}
		x = next
		err = try(x)
	}
	for _, names := range []bool{false, true} {
		if !errors.Is(err, errFound) {
			return x, err
		}
		var next T
		if next, err = narrowed(x, names, try); err == nil {
			return next, nil
		}
	}
	if errors.Is(err, errFound) {
		err = unclean(err)
	}
	return x, err
}

// narrowed is cleared by leaves whose number is all that is known: when it helps to
// drop all of them, as few as can be found. The last of those that have to go is
// the one up to which all have to go; it is dropped, and the next one looked for.
func narrowed[T redact.Redacted[T]](x T, names bool, try func(T) error) (T, error) {
	gone := map[int]bool{}
	without := func(below int) (T, redact.Drops, error) {
		y, n := x.Dropped(redact.Drop{Names: names, Gone: func(leaf int) bool { return leaf < below || gone[leaf] }})
		return y, n, try(y)
	}
	_, n, err := without(0)
	if !errors.Is(err, errFound) {
		return x, err // can't be: x was tried
	}
	all, _, err := without(n.Leaves)
	if err != nil {
		return x, err
	}
	for range maxNarrow {
		low, high := 0, n.Leaves // it is enough to drop those below high
		for low < high {
			middle := low + (high-low)/2
			switch _, _, err := without(middle); {
			case err == nil:
				high = middle
			case errors.Is(err, errFound):
				low = middle + 1
			default:
				return x, err
			}
		}
		if high == 0 {
			break
		}
		gone[high-1] = true
	}
	if y, _, err := without(0); err == nil || !errors.Is(err, errFound) {
		return y, err
	}
	return all, try(all)
}
