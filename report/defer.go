package report

// DeferKind says where a deferred call that is still to run is noted.
type DeferKind string

// The kinds of deferred calls.
const (
	DeferOpenCoded DeferKind = "open-coded" // in the frame itself
	DeferRecord    DeferKind = "record"     // a runtime._defer
)

// Defer is a deferred call that is still to run.
type Defer struct {
	// Function is what will be called: "main.handle.func1" of a function
	// literal, "sync.(*Mutex).Unlock" of `defer mu.Unlock()`. It is empty for a nil
	// func, which panics when it is called.
	Function string `json:"function" redact:"code"`
	// Wrapper is the compiler's function around a call with a receiver or
	// arguments, "main.handle.deferwrap1"; empty where there is none.
	Wrapper string `json:"wrapper,omitempty" redact:"code"`
	// File and Line are where the code at Closure begins: the function literal,
	// or with a Wrapper the defer statement. Empty and 0 when unknown.
	File string    `json:"file" redact:"path"`
	Line int       `json:"line"`
	Kind DeferKind `json:"kind" redact:"safe"`
	// Closure is the address of the func value's closure, 0 for a nil func.
	Closure Addr `json:"closure,omitempty"`
	// Vars are what is known of the call's data: the variables that a function
	// literal captured, or with a Wrapper the arguments, the receiver first.
	Vars []Variable `json:"vars,omitempty"`
}
