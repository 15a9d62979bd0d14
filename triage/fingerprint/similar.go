package fingerprint

import "fmt"

// Similar says why two crashes of different groups may be one bug, and whether
// there is a reason. It is a suggestion for people: groups are never merged by it.
func Similar(a, b Value) (reason string, ok bool) {
	switch {
	case !a.Known() || !b.Known() || a.Version != b.Version:
		return "", false
	case a.Levels[Group] == b.Levels[Group]:
		return "the same group", true
	case a.Levels[Wide] == b.Levels[Wide]:
		return "the same way to die in the same function", true
	}
	return alike(a, b)
}

// Bounds of what is compared, and how much has to be the same.
const (
	minAlike   = 3
	alikeTenth = 7
)

// alike compares the functions of the program on both stacks, in their order.
func alike(a, b Value) (reason string, ok bool) {
	x, y := ownFunctions(a), ownFunctions(b)
	longest := max(len(x), len(y))
	if longest < minAlike {
		return "", false
	}
	same := longest - distance(x, y)
	if 10*same < alikeTenth*longest {
		return "", false
	}
	return fmt.Sprintf("%d of %d functions of the program on their stacks are the same", same, longest), true
}

// ownFunctions are the program's functions on the stack, main.main left out: it is on most.
func ownFunctions(v Value) []string {
	var out []string
	for i := range v.Frames {
		f := &v.Frames[i]
		if f.InApp && f.Use != useAgain && len(out) < maxNarrow {
			out = append(out, f.Function)
		}
	}
	return out
}

// distance is Damerau and Levenshtein's (optimal string alignment): how many
// functions have to be put in, left out, replaced or swapped with the next one.
func distance(a, b []string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
