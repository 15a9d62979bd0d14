package report

import (
	"slices"
	"strings"
)

// Waits is who waits for what, and who may hold it. Who waits is read from the
// runtime's own records. Who holds is not recorded anywhere: holders are
// candidates, each with the evidence for it.
type Waits struct {
	// Blocked counts the goroutines that wait for something, the runtime's own
	// left out.
	Blocked int `json:"blocked"`
	// Objects are what they wait for, most waiters first.
	Objects []WaitObject `json:"objects"`
	// OmittedObjects counts those that a bound left out.
	OmittedObjects int `json:"omitted_objects,omitempty"`
	// Findings are what is wrong, or looks so: deadlocks first.
	Findings []WaitFinding `json:"findings"`
	// OmittedFindings counts those that a bound left out.
	OmittedFindings int `json:"omitted_findings,omitempty"`
	// Groups tell what the goroutines of a Group wait for.
	Groups []WaitingGroup `json:"groups"`
}

// WaitKind is what is waited for.
type WaitKind string

// The kinds of what is waited for.
const (
	WaitMutex     WaitKind = "mutex"
	WaitRWMutex   WaitKind = "rwmutex"
	WaitWaitGroup WaitKind = "waitgroup"
	WaitCond      WaitKind = "cond"
	WaitOnce      WaitKind = "once"
	WaitSemaphore WaitKind = "semaphore" // of another package, or not known to be one of the above
	WaitChannel   WaitKind = "channel"
	WaitNothing   WaitKind = "nothing" // a nil channel, select without cases: it never ends
	WaitTimer     WaitKind = "timer"   // time.Sleep
	WaitNetwork   WaitKind = "network"
	WaitSyscall   WaitKind = "syscall"
	WaitRuntime   WaitKind = "runtime" // the runtime itself: the collector, a coroutine
)

// WaitObject is something that goroutines wait for.
type WaitObject struct {
	ID   int      `json:"id"` // from 1
	Kind WaitKind `json:"kind" redact:"safe"`
	// Addr is that of the mutex, condition or channel; 0 for what has none.
	Addr Addr `json:"addr,omitempty"`
	// Names are ways to it, the best first; empty when none was found.
	Names []WaitName `json:"names"`
	// State has what the object says of itself: "locked", "starving", "closed".
	State []string `json:"state" redact:"safe"`
	// Counter is that of a WaitGroup, or how many readers an RWMutex has; -1 when
	// it has none or it is not known.
	Counter int64 `json:"counter"`
	// Len and Cap are those of a channel, with what its elements are.
	Len  int64  `json:"len,omitempty"`
	Cap  int64  `json:"cap,omitempty"`
	Elem string `json:"elem,omitempty" redact:"code"`
	// Waiting counts the waiters; those that a bound left out of Waiters too.
	Waiting int      `json:"waiting"`
	Waiters []Waiter `json:"waiters"`
	// Since is the longest of the waits in nanoseconds, "at least"; 0 when not
	// recorded.
	Since int64 `json:"since_at_least,omitempty"`
	// Holders are candidates, the best evidence first. None means unknown.
	Holders []WaitHolder `json:"holders"`
}

// Waiter is a goroutine that waits.
type Waiter struct {
	Goroutine uint64 `json:"goroutine"`
	// Op is what it does: "lock", "rlock", "wait", "send", "receive", "sleep",
	// "poll", "call".
	Op string `json:"op" redact:"safe"`
	// Select means that this is one case of a select.
	Select bool `json:"select,omitempty"`
	// Function, File and Line are where the program waits: the first frame that
	// is not of the runtime or of package sync.
	Function string `json:"function" redact:"code"`
	File     string `json:"file" redact:"path"`
	Line     int    `json:"line"`
	// Since is how long at least, in nanoseconds; 0 when not recorded.
	Since int64 `json:"since_at_least,omitempty"`
	// Detail tells of the network which file, "fd 7, to read", of a system call its
	// number, of a sleep how long it lasts at most; empty where that is not known.
	Detail string `json:"detail,omitempty" redact:"safe"`
}

// WaitName is a way to what is waited for, such as main.srv.mu.
type WaitName struct {
	// Kind is "global" or "local".
	Kind string `json:"kind" redact:"safe"`
	// Package is that of a global, Function that of the frame of a local, with its
	// goroutine.
	Package   string `json:"package,omitempty" redact:"code"`
	Function  string `json:"function,omitempty" redact:"code"`
	Goroutine uint64 `json:"goroutine,omitempty"`
	// Variable is its name, Path leads on from there: ".pool.mu".
	Variable string `json:"variable" redact:"name"`
	Path     string `json:"path" redact:"code"`
	// Owner is the type of the struct that holds it, Field the field: "main.Server"
	// and "mu".
	Owner string `json:"owner,omitempty" redact:"code"`
	Field string `json:"field,omitempty" redact:"code"`
	// Stale means that the variable may be out of date.
	Stale bool `json:"stale,omitempty"`
}

// Has reports whether a text is a part of the name, as it is shown, or of the field's,
// such as "main.srv.mu" or "main.Server.mu".
func (n *WaitName) Has(text string) bool {
	own := n.Variable + n.Path
	if n.Package != "" {
		own = n.Package + "." + own
	}
	return strings.Contains(own, text) || n.Owner != "" && strings.Contains(n.Owner+"."+n.Field, text)
}

// WaitGrade says how far a statement can be relied on.
type WaitGrade string

// The grades.
const (
	WaitProven    WaitGrade = "proven"    // nothing in the core is against it, and nothing can be
	WaitStrong    WaitGrade = "strong"    // code and frame say so
	WaitWeak      WaitGrade = "weak"      // it would explain what is seen
	WaitCandidate WaitGrade = "candidate" // worth a look
)

// WaitHolder is a goroutine that may hold what others wait for, or that they may
// wait to hear from.
type WaitHolder struct {
	Goroutine uint64    `json:"goroutine"`
	Grade     WaitGrade `json:"grade" redact:"safe"`
	// Evidence is "deferred call", "between lock and unlock", "method of the owner",
	// "reference".
	Evidence string `json:"evidence" redact:"safe"`
	// Function is that of the frame, with where it stands, Call what is still to be
	// called: "sync.(*Mutex).Unlock".
	Function string `json:"function" redact:"code"`
	File     string `json:"file" redact:"path"`
	Line     int    `json:"line"`
	Call     string `json:"call,omitempty" redact:"code"`
	// Reader means that it holds an RWMutex for reading.
	Reader bool `json:"reader,omitempty"`
}

// WaitFindingKind is what is wrong.
type WaitFindingKind string

// The kinds of findings.
const (
	FindDeadlock  WaitFindingKind = "deadlock"          // goroutines wait for each other in a circle
	FindSelf      WaitFindingKind = "self-deadlock"     // one waits for what it holds itself
	FindAcross    WaitFindingKind = "lock held across"  // a channel operation, or another wait, under a lock
	FindConvoy    WaitFindingKind = "convoy"            // many wait for one that can go on
	FindCancelled WaitFindingKind = "cancelled context" // somebody still waits for it
	FindForever   WaitFindingKind = "forever"           // a nil channel, a select without cases
	FindLeak      WaitFindingKind = "leak"              // nobody that could wake it can reach what it waits for
	FindPileUp    WaitFindingKind = "pile-up"           // many wait in one place
)

// WaitFinding is something that is wrong, or looks so.
type WaitFinding struct {
	Kind  WaitFindingKind `json:"kind" redact:"safe"`
	Grade WaitGrade       `json:"grade" redact:"safe"`
	// Steps are the goroutines one after the other: each waits for its object,
	// which the next one may hold, and the last one's the first one again in a
	// deadlock.
	Steps []WaitStep `json:"steps,omitempty"`
	// Count is how many goroutines it is about, Goroutines the first of them.
	Count      int      `json:"count"`
	Goroutines []uint64 `json:"goroutines"`
	Object     int      `json:"object,omitempty"` // by ID, 0: none
	// Function, File and Line are where they wait, Creator is where they began.
	Function string   `json:"function,omitempty" redact:"code"`
	File     string   `json:"file,omitempty" redact:"path"`
	Line     int      `json:"line,omitempty"`
	Creator  *Creator `json:"creator,omitempty"`
	// Since is the longest of the waits in nanoseconds, "at least".
	Since int64 `json:"since_at_least,omitempty"`
	// Retained are the bytes of the heap that only they keep alive, 0 when not known.
	// What several findings keep alive together counts for none of them.
	Retained uint64 `json:"retained,omitempty"`
	// Evidence says of a leak what is for it.
	Evidence string `json:"evidence,omitempty" redact:"safe"`
	// Path is the way from a package variable to what the first of them waits for, of
	// a leak that is kept by one. Keys of maps are left out.
	Path *HeapPath `json:"path,omitempty"`
}

// WaitStep is a goroutine with what it waits for, and how the step before leads
// to it.
type WaitStep struct {
	Goroutine uint64 `json:"goroutine"`
	Op        string `json:"op,omitempty" redact:"safe"`
	Object    int    `json:"object,omitempty"` // by ID; 0: it waits for nothing
	Function  string `json:"function" redact:"code"`
	File      string `json:"file" redact:"path"`
	Line      int    `json:"line"`
	// Holds is the object of the step before, or in a deadlock's first of the last
	// one, and the evidence that this goroutine holds it.
	Holds    int       `json:"holds,omitempty"`
	Grade    WaitGrade `json:"grade,omitempty" redact:"safe"`
	Evidence string    `json:"evidence,omitempty" redact:"safe"`
}

// WaitingGroup is what the goroutines of a Group wait for.
type WaitingGroup struct {
	Group int `json:"group"`
	// Objects are the most common ones.
	Objects []WaitingFor `json:"objects"`
	// Others counts further objects.
	Others int `json:"others,omitempty"`
}

// WaitingFor is an object that some goroutines of a group wait for.
type WaitingFor struct {
	Object int    `json:"object"`
	Op     string `json:"op" redact:"safe"`
	Count  int    `json:"count"`
}

// Object finds an object by its ID, nil for none.
func (w *Waits) Object(id int) *WaitObject {
	if w == nil {
		return nil
	}
	i := slices.IndexFunc(w.Objects, func(o WaitObject) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Objects[i]
}

// waitKinds lists the kinds of what is waited for.
func waitKinds() []WaitKind {
	return []WaitKind{
		WaitMutex, WaitRWMutex, WaitWaitGroup, WaitCond, WaitOnce, WaitSemaphore,
		WaitChannel, WaitNothing, WaitTimer, WaitNetwork, WaitSyscall, WaitRuntime,
	}
}

// findingKinds lists the kinds of findings.
func findingKinds() []WaitFindingKind {
	return []WaitFindingKind{
		FindDeadlock, FindSelf, FindAcross, FindConvoy, FindCancelled, FindForever, FindLeak, FindPileUp,
	}
}

// waits checks what is known of waits: enumerations, counts, references.
func (v *validator) waits(w *Waits) {
	if w == nil {
		return
	}
	known := map[int]bool{}
	for i := range w.Objects {
		o := &w.Objects[i]
		if o.ID <= 0 || known[o.ID] {
			v.add("waits.objects", "has an ID that is not positive or occurs twice")
		}
		known[o.ID] = true
		if !slices.Contains(waitKinds(), o.Kind) || o.Waiting < len(o.Waiters) || o.Len < 0 || o.Cap < 0 || o.Since < 0 {
			v.add("waits.objects", "has an unknown kind, a negative size or counts fewer waiters than it lists")
		}
		for j := range o.Holders {
			v.grade("waits.objects.holders", o.Holders[j].Grade)
		}
	}
	for i := range w.Findings {
		f := &w.Findings[i]
		if !slices.Contains(findingKinds(), f.Kind) || f.Count < len(f.Goroutines) {
			v.add("waits.findings", "has an unknown kind or counts fewer goroutines than it lists")
		}
		v.grade("waits.findings", f.Grade)
		v.reference("waits.findings", f.Object, known)
		for j := range f.Steps {
			v.reference("waits.findings.steps", f.Steps[j].Object, known)
			v.reference("waits.findings.steps", f.Steps[j].Holds, known)
		}
	}
	for i := range w.Groups {
		for _, o := range w.Groups[i].Objects {
			v.reference("waits.groups", o.Object, known)
		}
	}
}

// grade checks a grade.
func (v *validator) grade(where string, g WaitGrade) {
	switch g {
	case WaitProven, WaitStrong, WaitWeak, WaitCandidate:
	default:
		v.add(where, "has an unknown grade")
	}
}

// reference checks the ID of an object, 0 for none.
func (v *validator) reference(where string, id int, known map[int]bool) {
	if id != 0 && !known[id] {
		v.add(where, "refers to an object that is not listed")
	}
}
