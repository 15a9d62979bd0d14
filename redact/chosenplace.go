package redact

import "github.com/safedump/sdcore/report"

// placeChoice is what the policy says about a place in the report.
type placeChoice uint8

const (
	placeOpen placeChoice = iota
	placeAllowed
	placeDenied
)

// byPlace reports whether it matters where something stands.
func (c *choices) byPlace() bool { return len(c.allowPath)+len(c.denyPath) > 0 }

// choice is what the policy says about the current location.
func (u *run) choice() placeChoice {
	c, _ := u.placeRule()
	return c
}

// placeRule is choice with the entry that decides.
func (u *run) placeRule() (placeChoice, string) {
	c := u.x.choices
	if !c.byPlace() {
		return placeOpen, ""
	}
	loc := u.loc.String()
	if entry, ok := firstMatch(c.allowPath, loc); ok {
		return placeAllowed, entry
	}
	if entry, ok := firstMatch(c.denyPath, loc); ok {
		return placeDenied, entry
	}
	return placeOpen, ""
}

// pathReason is the reason of a record for a place.
func pathReason(entry string) string { return "matched custom rule: path " + entry }

// deny removes the value at the current location, which the policy denies.
func (u *run) deny(v *report.Value) {
	_, entry := u.placeRule()
	u.collect(v, gradeStrict, 0)
	u.conceal(v)
	u.record(RuleCustom, pathReason(entry))
}

// deniedText removes a text when the policy denies the current location. It
// reports whether it does.
func (u *run) deniedText(s *string) bool {
	c, entry := u.placeRule()
	if c != placeDenied {
		return false
	}
	switch {
	case *s == "":
	case isPlaceholder(*s):
		plain, numbers := u.cutNumbers(*s)
		*s = numbers.numbered(plain)
	default:
		*s = PlaceholderOf(u.secret(*s, gradeStrict))
		u.record(RuleCustom, pathReason(entry))
	}
	return true
}
