package crash

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
)

// maxErrors bounds how deep errors are followed, and how many of a list.
const (
	maxErrorDepth = 32
	maxJoined     = 64
)

// errorText is what the Error method of a value returns, for the types of the
// standard library whose methods are known to be what is written here (Go
// 1.26), and for values that were panicked with, whose text the runtime has
// kept; ok is false for all others.
func (x *explainer) errorText(d dyn, depth int) (text string, ok bool) {
	if s, ok := x.said[[2]uint64{d.desc, d.data}]; ok {
		return s, true
	}
	base, addr := d.target()
	if base == nil || addr == 0 || depth > maxErrorDepth {
		return "", false
	}
	o := object{x, base, addr, depth}
	switch d.name() {
	case "*errors.errorString":
		return o.str("s")
	case "*fmt.wrapError", "*fmt.wrapErrors", "*encoding/json.SyntaxError":
		return o.str("msg")
	case "*errors.joinError":
		return o.joined("errs")
	case "runtime.errorString":
		s, err := x.str(addr)
		return "runtime error: " + s, err == nil
	case "runtime.plainError":
		s, err := x.str(addr)
		return s, err == nil
	case "runtime.errorAddressString":
		s, ok := o.str("msg")
		return "runtime error: " + s, ok
	case "runtime.boundsError":
		return o.bounds()
	case "*runtime.TypeAssertionError":
		return o.assertion()
	case "*runtime.PanicNilError":
		return "panic called with nil argument", true
	case "syscall.Errno":
		return x.errno(addr)
	case "context.deadlineExceededError":
		return "context deadline exceeded", true
	case "*internal/poll.DeadlineExceededError":
		return "i/o timeout", true
	case "poll.errNetClosing", "internal/poll.errNetClosing":
		return "use of closed network connection", true
	case "*io/fs.PathError":
		return o.parts("{Op} {Path}: {Err}")
	case "*os.SyscallError":
		return o.parts("{Syscall}: {Err}")
	case "*os.LinkError":
		return o.parts("{Op} {Old} {New}: {Err}")
	case "*strconv.NumError":
		return o.parts("strconv.{Func}: parsing {q:Num}: {Err}")
	case "*net/url.Error":
		return o.parts("{Op} {q:URL}: {Err}")
	case "*os/exec.Error":
		return o.parts("exec: {q:Name}: {Err}")
	}
	return "", false
}

// object is a value whose fields are read by name.
type object struct {
	x     *explainer
	typ   *gotype.Type
	addr  uint64
	depth int
}

func (o object) field(name string) (gotype.Field, uint64, bool) {
	f, ok := o.typ.Field(name)
	if !ok || f.Type == nil || f.Offset < 0 {
		return f, 0, false
	}
	return f, o.addr + uint64(f.Offset), true
}

func (o object) str(name string) (string, bool) {
	f, at, ok := o.field(name)
	if !ok || f.Type.Kind != reflect.String {
		return "", false
	}
	s, err := o.x.str(at)
	return s, err == nil
}

// err is the text of a field of an interface type.
func (o object) err(name string) (string, bool) {
	f, at, ok := o.field(name)
	if !ok || f.Type.Kind != reflect.Interface {
		return "", false
	}
	d, err := o.x.iface(f.Type, at)
	if err != nil || d.desc == 0 {
		return "", false
	}
	return o.x.errorText(d, o.depth+1)
}

// parts puts a text together: {Name} is a field, {q:Name} a quoted one.
func (o object) parts(format string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(format, "{")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, _ := strings.Cut(rest, "}")
		name, quote := strings.CutPrefix(name, "q:")
		s, ok := o.str(name)
		if !ok {
			s, ok = o.err(name)
		}
		if !ok || b.Len()+len(s) > maxText {
			return "", false
		}
		if quote {
			s = strconv.Quote(s)
		}
		b.WriteString(s)
		format = after
	}
}

// joined is the text of errors.Join.
func (o object) joined(name string) (string, bool) {
	f, at, ok := o.field(name)
	if !ok {
		return "", false
	}
	ds, whole := o.x.slice(f.Type, at)
	if !whole {
		return "", false
	}
	var texts []string
	size := 0
	for _, d := range ds {
		s, ok := o.x.errorText(d, o.depth+1)
		if size += len(s); !ok || size > maxText {
			return "", false
		}
		texts = append(texts, s)
	}
	return strings.Join(texts, "\n"), len(texts) > 0
}

// slice reads a slice of interfaces; whole is false when not all were read.
func (x *explainer) slice(t *gotype.Type, addr uint64) (ds []dyn, whole bool) {
	if t == nil || t.Kind != reflect.Slice || t.Elem == nil || t.Elem.Kind != reflect.Interface {
		return nil, false
	}
	ptr, err1 := x.mem.Uint64(addr)
	n, err2 := x.mem.Uint64(addr + 8)
	if err1 != nil || err2 != nil {
		return nil, false
	}
	for i := range min(n, maxJoined) {
		d, err := x.iface(t.Elem, ptr+i*16)
		if err != nil {
			return ds, false
		}
		if d.desc != 0 {
			ds = append(ds, d)
		}
	}
	return ds, n <= maxJoined
}

// errno is the text of a system call error, from the program's own table.
func (x *explainer) errno(addr uint64) (string, bool) {
	n, err := x.mem.Uint64(addr)
	if err != nil || x.in.Runtime == nil {
		return "", false
	}
	table, size, ok := x.in.Core.Binary().Symbol("syscall.errors")
	if !ok {
		return "", false
	}
	if n < size/16 {
		s, err := x.str(table + x.in.Core.LoadBias() + n*16)
		if err != nil {
			return "", false
		}
		if s != "" {
			return s, true
		}
	}
	return "errno " + strconv.FormatUint(n, 10), true
}
