package redact

import (
	"fmt"
	"reflect"

	"github.com/safedump/sdcore/report"
)

// Result is a redacted report. Only Apply and [Stream.Seal] make one.
type Result struct {
	r    *report.Report
	last *LastScan // nil if nothing was found secret
}

// Report returns the redacted report, not to be changed. It is nil for the
// zero Result.
func (r Result) Report() *report.Report { return r.r }

// Apply redacts a copy of r; r itself is not changed. It is [New] and
// [Redactor.Apply] in one.
func Apply(r *report.Report, p Policy) (Result, error) {
	x, err := New(p)
	if err != nil {
		return Result{}, err
	}
	return x.Apply(r)
}

// Redactor is a policy made ready for use. It does not change and may be used
// by several goroutines at once.
type Redactor struct {
	policy    Policy
	rules     []compiledRule
	choices   *choices
	names     *nameRules
	types     *typeRules
	tags      *tagRules
	triggers  *triggerTable
	providers *providerSet
	plan      *structPlan // of a report
	goroutine *structPlan // of one of its goroutines
	stamp     string      // of the audit records
}

// New compiles p. It fails where [Policy.Validate] does, and where the report
// model has a string field that nobody decided about.
func New(p Policy) (*Redactor, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	plan, err := reportPlan()
	if err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	x := &Redactor{
		policy: p, plan: plan, goroutine: plan.of(reflect.TypeFor[report.Goroutine]()), names: newNameRules(), types: newTypeRules(), tags: newTagRules(),
		triggers: newTriggerTable(), providers: &providerSet{}, stamp: report.Stamp(p.Time),
	}
	if x.choices, err = compileChoices(p); err != nil {
		return nil, err
	}
	for i, rule := range p.Rules {
		c, err := compileRule(rule)
		if err != nil { // Validate has passed, so this is not expected
			return nil, fmt.Errorf("redact: rule %d: %w", i, err)
		}
		x.rules = append(x.rules, c)
	}
	return x, nil
}

// Apply redacts a copy of r; r itself is not changed. The result holds no
// string of r that was not judged: when one value can't be judged, it is
// dropped; when the report as a whole can't be, there is an error and no
// result.
func (x *Redactor) Apply(r *report.Report) (Result, error) { return x.Stream(0).Seal(r) }
