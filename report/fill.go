package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// fill reads the standard part of a file as far as it has the right types.
// What has not is left empty and told in the problems.
func (d *Document) fill(top map[string]json.RawMessage) []Problem {
	var problems []Problem
	read := func(key string, to any) {
		raw, ok := top[key]
		if !ok || string(raw) == "null" {
			return
		}
		if json.Unmarshal(raw, to) != nil {
			problems = append(problems, Problem{
				Stage: "report", Subject: key,
				Message: "has parts of another type than the format asks for, left empty",
			})
		}
	}
	d.SchemaVersion = SafedumpSchema
	d.SafedumpVersion = looseString(top["safedump_version"])
	d.OccurrenceCount = 1
	read("occurrence_count", &d.OccurrenceCount)
	for key, to := range map[string]*string{
		"fingerprint": &d.Fingerprint, "timestamp": &d.Timestamp, "first_seen": &d.FirstSeen,
		"last_seen": &d.LastSeen, "python_version": &d.PythonVersion, "platform": &d.Platform,
	} {
		*to = looseString(top[key])
	}
	read("exception", &d.Exception)
	read("frames", &d.Frames)
	read("environment", &d.Environment)
	read("threads", &d.Threads)
	read("redactions", &d.Redactions)
	read("metadata", &d.Metadata)
	for i := range d.Frames {
		d.Frames[i].Line = max(d.Frames[i].Line, 0)
	}
	d.noNulls()
	slices.SortFunc(problems, func(a, b Problem) int {
		if a.Subject < b.Subject {
			return -1
		}
		return 1
	})
	return problems
}

// nativeReport reads metadata.sdcore. It returns nil and a reason where that
// can't be read, nil without a reason where there is none, a report and what
// is wrong with it where it breaks rules, and an error where it is of a newer
// schema.
func nativeReport(raw json.RawMessage) (*Report, string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, "", nil
	}
	var head struct {
		Schema json.RawMessage `json:"schema"`
	}
	if json.Unmarshal(raw, &head) != nil {
		return nil, "is not an object", nil
	}
	v, err := schemaVersion(head.Schema)
	switch {
	case errors.Is(err, ErrNewerSchema):
		return nil, "", fmt.Errorf("%w: metadata.sdcore.schema is above %d: read it with the version of sdcore that wrote it", ErrNewerSchema, Schema)
	case err != nil || v != Schema:
		return nil, "has no valid schema number", nil
	}
	r := &Report{}
	if err := json.Unmarshal(raw, r); err != nil {
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) {
			return nil, "has another type than the format asks for in " + typ.Field, nil
		}
		return nil, "has a field that can't be read", nil
	}
	if err := r.Validate(); err != nil {
		return r, "breaks rules of the format: " + firstLine(err.Error()), nil
	}
	return r, "", nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// seen returns the counters that Safedump's store updates in the standard
// part of a file.
func (d *Document) seen() Seen {
	return Seen{
		Count: max(d.OccurrenceCount, 1),
		First: parseTime(d.FirstSeen),
		Last:  parseTime(d.LastSeen),
	}
}

// parseTime reads the forms of datetime.isoformat, and the zero time where s
// has none of them. A time without a zone is in UTC.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
