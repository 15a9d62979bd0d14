package redact

import "github.com/safedump/sdcore/report"

// memoryReason is the reason of records of [RuleMemory].
const memoryReason = "in memory of runtime/secret"

// inMemory removes a value that lies in memory which the program said is secret,
// unless the policy allows its place. What it holds is removed elsewhere too.
func (u *run) inMemory(v *report.Value) bool {
	if u.choice() == placeAllowed {
		return false
	}
	u.collect(v, gradeLoose, 0)
	wipe(v)
	u.record(RuleMemory, memoryReason)
	return true
}

// secretMessages removes the messages of exceptions that were made of secret
// memory: what a function panics with in secret mode, and what wraps it.
func (u *run) secretMessages(e *report.Exception) {
	u.loc.push("crash", noIndex)
	u.loc.push("exception", noIndex)
	u.secretMessage(e, 0)
	u.loc.pop()
	u.loc.pop()
}

func (u *run) secretMessage(e *report.Exception, depth int) (secret bool) {
	if depth > maxNested {
		return false
	}
	secret = e.Value != nil && holdsSecret(e.Value, 0)
	u.loc.push("sub", noIndex)
	at := len(u.loc.parts) - 1
	for i := range e.Sub {
		u.loc.parts[at].index = i
		secret = u.secretMessage(&e.Sub[i], depth+1) || secret
	}
	u.loc.pop()
	if !secret || e.Message == "" || isPlaceholder(e.Message) {
		return secret
	}
	u.loc.push("message", noIndex)
	if u.choice() != placeAllowed {
		e.Message = PlaceholderOf(u.secret(e.Message, gradeStrict))
		u.record(RuleMemory, memoryReason)
	}
	u.loc.pop()
	return secret
}

// holdsSecret reports whether a value, or one below it, lies in secret memory.
func holdsSecret(v *report.Value, depth int) bool {
	if v.Protected || depth > maxDepth {
		return v.Protected
	}
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key != nil && holdsSecret(c.Key, depth+1) || holdsSecret(&c.Value, depth+1) {
			return true
		}
	}
	return false
}
