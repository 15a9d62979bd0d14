package tracker

import (
	"regexp"
	"strings"
)

// markerWord begins a marker. It occurs in no text that comes of a report.
const markerWord = "sdcore:v1"

// Marker says what a text of sdcore's in a tracker is about. It is a line of its own.
type Marker struct {
	// Group is the crash's group, in all markers.
	Group string
	// Variant and Build are what the text tells of.
	Variant, Build string
	// Pending: the file that belongs to it was not sent yet.
	Pending bool
	// Reopens: the issue is reopened because of it.
	Reopens bool
	// DuplicateOf is the issue that this one doubles.
	DuplicateOf string
}

// String is the line.
func (m Marker) String() string {
	s := markerWord + " group=" + m.Group
	for _, f := range []struct{ name, value string }{
		{"variant", m.Variant}, {"build", m.Build}, {"file", word(m.Pending, "pending")}, {"state", word(m.Reopens, "reopened")}, {"duplicate-of", m.DuplicateOf},
	} {
		if f.value != "" {
			s += " " + f.name + "=" + f.value
		}
	}
	return s
}

func word(is bool, w string) string {
	if is {
		return w
	}
	return ""
}

// What stands behind a marker's names. Versions of Go modules and addresses of
// issues are such words.
var (
	markerGroup   = regexp.MustCompile(`^sd[0-9]{1,4}:group:[0-9a-f]{16}$`)
	markerVariant = regexp.MustCompile(`^sd[0-9]{1,4}:narrow:[0-9a-f]{16}$`)
	markerValue   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,127}$`)
)

// hidden is a marker in Markdown, where it does not show.
func (m Marker) hidden() string { return "<!-- " + m.String() + " -->" }

// markers are those of a text. Only whole lines count: one in the middle of other
// words is somebody's talk about it.
func markers(text string) []Marker {
	var found []Marker
	for line := range strings.Lines(text) {
		if m, ok := parseMarker(line); ok {
			found = append(found, m)
		}
	}
	return found
}

// parseMarker reads a line.
func parseMarker(line string) (Marker, bool) {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "<!-- "); ok {
		if line, ok = strings.CutSuffix(rest, " -->"); !ok {
			return Marker{}, false
		}
	}
	rest, ok := strings.CutPrefix(line, markerWord+" ")
	if !ok || len(rest) > 1024 {
		return Marker{}, false
	}
	var m Marker
	for _, field := range strings.Split(rest, " ") {
		name, value, _ := strings.Cut(field, "=")
		if !m.set(name, value) {
			return Marker{}, false
		}
	}
	return m, m.Group != "" && m.String() == line
}

func (m *Marker) set(name, value string) bool {
	switch name {
	case "group":
		m.Group = value
		return markerGroup.MatchString(value)
	case "variant":
		m.Variant = value
		return markerVariant.MatchString(value)
	case "build":
		m.Build = value
	case "duplicate-of":
		m.DuplicateOf = value
	case "file":
		m.Pending = true
		return value == "pending"
	case "state":
		m.Reopens = true
		return value == "reopened"
	default:
		return false
	}
	return markerValue.MatchString(value)
}

// withoutPending is a body whose marker says no more that its file is to come.
func withoutPending(body string) string {
	lines := strings.SplitAfter(body, "\n")
	for i, line := range lines {
		if m, ok := parseMarker(line); ok && m.Pending {
			before := m.String()
			m.Pending = false
			lines[i] = strings.Replace(line, before, m.String(), 1)
		}
	}
	return strings.Join(lines, "")
}
