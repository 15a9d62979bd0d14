package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/safedump/sdcore/report"
)

// The names of the levels.
var levelNames = [...]string{Narrow: "narrow", Group: "group", Wide: "wide"}

// maxTitle bounds a title.
const maxTitle = 200

// compute makes the fingerprint of a report.
func compute(r *report.Report) Value {
	rules, err := theRules()
	if err != nil { // TestRules has passed, so this is not expected
		return unknown()
	}
	x := &reader{rules: rules, mods: modulesOf(r), goroot: gorootOf(r)}
	switch r.Crash.Kind {
	case report.KindPanic:
		return x.panicked(r)
	case report.KindFatal:
		return x.died(rules.fatal(&r.Crash.Exception), crashStack(r))
	case report.KindDeadlock:
		return x.waiting(familyDeadlock, r)
	case report.KindSnapshot:
		return x.waiting(familyHang, r)
	case report.KindSignal:
		if d := signalled(r.Crash.Signal); d.family != familyHang {
			return x.died(d, crashStack(r))
		}
		return x.waiting(familyHang, r)
	}
	return unknown()
}

func unknown() Value { return Value{Version: Version, Kind: familyUnknown, Title: "not known"} }

// crashStack returns the stack that died: of the goroutine, or of a thread
// outside of goroutines.
func crashStack(r *report.Report) []report.Frame {
	for i := range r.Goroutines {
		if g := &r.Goroutines[i]; g.Crashed || g.ID != 0 && g.ID == r.Crash.Goroutine {
			return g.Frames
		}
	}
	for i := range r.Threads {
		if r.Threads[i].Crashed {
			return r.Threads[i].Frames
		}
	}
	return nil
}

// panicked is about the panic that began it: middlewares recover and panic
// again, and deferred calls die of what they find.
func (x *reader) panicked(r *report.Report) Value {
	frames := crashStack(r)
	at := []int{} // of runtime.gopanic, the newest first
	for i := range frames[:min(len(frames), maxScanned)] {
		if frames[i].Function == "runtime.gopanic" {
			at = append(at, i)
		}
	}
	chain := chainOf(&r.Crash.Exception)
	root := 0
	for root+1 < len(chain) && root+1 < len(at) {
		before := chain[root+1]
		if before.Recovered && !before.Repanicked && x.rules.runtimeError(chain[root]) != "" {
			break // what handled the recovered one has a bug of its own
		}
		root++
	}
	if len(at) > 0 {
		frames = frames[at[root]+1:]
	}
	return x.died(x.rules.panicked(chain[root]), frames)
}

// chainOf is a panic with those before it, the newest first.
func chainOf(e *report.Exception) []*report.Exception {
	chain := []*report.Exception{e}
	for i := range e.Sub {
		if s := &e.Sub[i]; s.Relation == report.RelationEarlier && !s.Goexit {
			chain = append(chain, s)
		}
	}
	return chain
}

// died is a death whose place is on a stack.
func (x *reader) died(d death, frames []report.Frame) Value {
	calls := x.stack(frames)
	v := Value{Version: Version, Kind: d.kind(), Title: cut(d.title(), maxTitle)}
	var k key
	ok := false
	if d.what == "stack overflow" {
		k, ok = x.cycleOf(calls)
	}
	if !ok {
		k = x.keyOf(calls)
	}
	v.Frames = listed(calls)
	if k.top == "" {
		return v
	}
	v.Title = cut(d.title()+" in "+short(k.top), maxTitle)
	v.Levels = [3]string{
		level(Narrow, append([]string{v.Kind}, k.narrow...)),
		level(Group, append([]string{v.Kind}, k.group...)),
		level(Wide, []string{d.family, k.wide}),
	}
	return v
}

// level hashes what counts at a level.
func level(n int, parts []string) string {
	h := sha256.New()
	var size [8]byte
	for _, p := range append([]string{Version, levelNames[n]}, parts...) {
		binary.LittleEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return Version + ":" + levelNames[n] + ":" + hex.EncodeToString(h.Sum(nil)[:8])
}
