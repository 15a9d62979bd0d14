package redact

import (
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// tierOf is the tier of the result: what a report that was redacted before does
// not hold does not come back.
func tierOf(r *report.Report, tier int) int {
	if r.Fingerprint != "" && r.Tier < tier && r.Generator.Name != "safedump" {
		return r.Tier
	}
	return tier
}

// head judges and scrubs a copy of in, with what was learned before.
func (u *run) head(in *report.Report) *report.Report {
	c := cloner{maxNodes: maxNodes}
	r := c.report(in, u.x.plan)
	r.Tier = u.tier
	u.counts, u.sink = ruleCounts(r.RedactionCounts), &r.Redactions
	if n := u.learned.dropped + c.dropped; n > 0 {
		u.recordReport("sanitization error: " + strconv.Itoa(n) + " values nested too deeply to be judged")
	}
	hidden := u.hide(r)
	omit(r, "locals", u.learned.locals, tierLocals)
	u.learnFrom(hidden)
	u.judgeReport(r)
	u.search = u.learned.search()
	u.scrubReport(r)
	return r
}

// finish completes what head made: what the records say, counts, fingerprint.
func (u *run) finish(r *report.Report) {
	if u.search.full {
		u.recordReport("sanitization error: too many secrets to look for all of them elsewhere")
	}
	omit(r, "values", u.learned.cut, tierDeep)
	u.records(r.Redactions)
	for i := range r.Goroutines {
		u.records(r.Goroutines[i].Redactions)
	}
	if u.x.policy.Shape {
		u.shape(r)
	}
	r.RedactionCounts = u.counts
	r.Fingerprint = fingerprint(r)
}

// recordReport notes an error that concerns the report as a whole.
func (u *run) recordReport(reason string) {
	u.loc.push("report", noIndex)
	u.record(RuleError, reason)
	u.loc.pop()
}

// records removes secrets from audit records: locations hold names, and
// reasons that were read from a file can hold anything.
func (u *run) records(list []report.Redaction) {
	for i := range list {
		for _, s := range [...]*string{&list[i].Location, &list[i].Reason, &list[i].Rule} {
			if u.settled(*s, modeCode) {
				continue
			}
			before := *s
			if j := u.text(*s, modeCode); j.hit {
				*s = j.out
			}
			if j := u.scrub(*s, modeCode); j.hit {
				*s = j.out
			}
			if *s == before {
				u.texts.add(before, modeCode)
			}
		}
	}
}

// ruleCounts copies counts whose keys look like names of rules; the others are
// counted under one name.
func ruleCounts(counts map[string]int) map[string]int {
	out := map[string]int{}
	for rule, n := range counts {
		if len(rule) > 40 || strings.Trim(rule, "abcdefghijklmnopqrstuvwxyz_-") != "" {
			rule = RuleError
		}
		out[rule] += n
	}
	return out
}
