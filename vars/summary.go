package vars

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/safedump/sdcore/corefile/gotype"
)

// summary makes a text of a value that people read as a whole; "" when it
// can't.
type summary func(d *decoder, t *gotype.Type, src region) string

// summaryOf is the table of summaries by type name. The fields that they read
// are those of Go 1.26.8 in the package of the type; where a field is not
// there, there is no summary.
func summaryOf(t *gotype.Type) summary {
	switch t.Name {
	case "time.Time":
		return timeText
	case "sync.Mutex", "internal/sync.Mutex":
		return mutexText
	case "sync.RWMutex":
		return rwMutexText
	case "sync.WaitGroup":
		return waitGroupText
	case "sync.Once":
		return onceText
	case "sync/atomic.Int32", "sync/atomic.Int64", "sync/atomic.Uint32", "sync/atomic.Uint64", "sync/atomic.Uintptr",
		"internal/runtime/atomic.Int32", "internal/runtime/atomic.Int64", "internal/runtime/atomic.Uint32",
		"internal/runtime/atomic.Uint64", "internal/runtime/atomic.Uintptr":
		return atomicText
	case "sync/atomic.Bool":
		return atomicBoolText
	case "net.IP", "net.IPMask", "net.HardwareAddr":
		return netText
	case "net/netip.Addr":
		return addrText
	case "net/netip.AddrPort":
		return addrPortText
	case "net/netip.Prefix":
		return prefixText
	case "net/url.URL":
		return urlText
	case "sync.Cond":
		return condText
	case "math/big.Int":
		return bigIntText
	case "context.valueCtx", "context.cancelCtx", "context.timerCtx", "context.withoutCancelCtx", "context.stopCtx",
		"context.afterFuncCtx", "context.backgroundCtx", "context.todoCtx":
		return contextText
	}
	return nil
}

// summarize puts a summary into Text of tk's value where its type has one. The
// number behind a duration stays beside it, as a child.
func (d *decoder) summarize(tk task) {
	v := tk.dst
	if tk.t.Name == "time.Duration" && tk.t.Kind == reflect.Int64 {
		number := *v
		number.Type, number.Addr = "int64", 0
		if b, f := tk.src.read(d.r.mem, 0, 8); !f.bad() {
			if cs := d.children(v, 1); len(cs) == 1 {
				v.Text, cs[0].Value = time.Duration(signed(b)).String(), number
			}
		}
		return
	}
	if s := summaryOf(tk.t); s != nil {
		v.Text = s(d, tk.t, tk.src)
	}
}

// int reads an integer field.
func (d *decoder) int(t *gotype.Type, src region, path string) (int64, bool) {
	b, ok := d.fieldBytes(t, src, path)
	return signed(b), ok
}

// Seconds from year 1, in which time.Time counts, to 1885 and to 1970: Go
// 1.26.8, time/time.go.
const (
	secondsTo1885 = (1884*365 + 1884/4 - 1884/100 + 1884/400) * 86400
	secondsTo1970 = (1969*365 + 1969/4 - 1969/100 + 1969/400) * 86400
)

// timeText is the time in UTC: the location in memory is not trusted.
func timeText(d *decoder, t *gotype.Type, src region) string {
	w, okW := d.int(t, src, "wall")
	sec, okE := d.int(t, src, "ext")
	if !okW || !okE {
		return ""
	}
	wall := uint64(w)
	nsec := int64(wall & (1<<30 - 1))
	if wall>>63 != 0 {
		sec = secondsTo1885 + int64(wall<<1>>31)
	}
	// RFC 3339 has years of four digits.
	if nsec >= 1e9 || sec < 0 || sec >= secondsTo1970+253402300800 {
		return ""
	}
	return time.Unix(sec-secondsTo1970, nsec).UTC().Format(time.RFC3339Nano)
}

// mutexText: internal/sync/mutex.go; state has bits locked, woken, starving,
// then the number of waiters.
func mutexText(d *decoder, t *gotype.Type, src region) string {
	state, ok := d.int(t, src, "mu.state")
	if !ok {
		if state, ok = d.int(t, src, "state"); !ok {
			return ""
		}
	}
	text := "unlocked"
	if state&1 != 0 {
		text = "locked"
	}
	if n := uint32(state) >> 3; n > 0 {
		text += fmt.Sprintf(", %d waiting", n)
	}
	if state&4 != 0 {
		text += ", starving"
	}
	return text
}

// rwMutexText: sync/rwmutex.go; a pending or active writer makes readerCount
// negative by 1<<30.
func rwMutexText(d *decoder, t *gotype.Type, src region) string {
	const maxReaders = 1 << 30
	n, ok := d.int(t, src, "readerCount.v")
	wait, okW := d.int(t, src, "readerWait.v")
	if !ok || !okW || n < -maxReaders || n > maxReaders {
		return ""
	}
	switch {
	case n < 0 && wait > 0:
		return fmt.Sprintf("read-locked by %d, a writer waiting, %d readers waiting", wait, n+maxReaders-wait)
	case n < 0 && n > -maxReaders:
		return fmt.Sprintf("locked, %d readers waiting", n+maxReaders)
	case n < 0:
		return "locked"
	case n > 0:
		return fmt.Sprintf("read-locked by %d", n)
	}
	return "unlocked"
}

// waitGroupText: sync/waitgroup.go; the counter is in the high half of state,
// the waiters in the low 31 bits.
func waitGroupText(d *decoder, t *gotype.Type, src region) string {
	n, ok := d.int(t, src, "state.v")
	if !ok {
		return ""
	}
	text := fmt.Sprintf("counter %d", n>>32)
	if w := n & 0x7fffffff; w > 0 {
		text += fmt.Sprintf(", %d waiting", w)
	}
	return text
}

// onceText: sync/once.go.
func onceText(d *decoder, t *gotype.Type, src region) string {
	n, ok := d.int(t, src, "done.v")
	switch {
	case !ok:
		return ""
	case n != 0:
		return "done"
	}
	if m, _ := d.int(t, src, "m.mu.state"); m&1 != 0 {
		return "running"
	}
	return "not done"
}

// condText: sync/cond.go and sync/runtime.go; tickets are given to those that
// wait and those that were notified.
func condText(d *decoder, t *gotype.Type, src region) string {
	wait, ok := d.int(t, src, "notify.wait")
	notify, ok2 := d.int(t, src, "notify.notify")
	n := uint32(wait) - uint32(notify)
	switch {
	case !ok || !ok2 || n > 1<<31:
		return ""
	case n == 0:
		return "nobody waiting"
	}
	return fmt.Sprintf("%d waiting", n)
}

// atomicText: sync/atomic/type.go and internal/runtime/atomic/types.go.
func atomicText(d *decoder, t *gotype.Type, src region) string {
	fd, ok := fieldAt(t, "v")
	if !ok {
		fd, ok = fieldAt(t, "value")
	}
	if !ok {
		return ""
	}
	n := width(fd.Type.Kind)
	b, f := src.read(d.r.mem, fd.Offset, n)
	if n == 0 || f.bad() {
		return ""
	}
	return scalarText(fd.Type.Kind, b)
}

// atomicBoolText: sync/atomic/type.go keeps a bool as uint32.
func atomicBoolText(d *decoder, t *gotype.Type, src region) string {
	n, ok := d.int(t, src, "v")
	if !ok || n != 0 && n != 1 {
		return ""
	}
	return fmt.Sprint(n == 1)
}

// bigIntText: math/big/int.go and nat.go; little-endian words.
func bigIntText(d *decoder, t *gotype.Type, src region) string {
	neg, ok := d.int(t, src, "neg")
	fd, ok2 := fieldAt(t, "abs")
	if !ok || !ok2 || fd.Type.Kind != reflect.Slice {
		return ""
	}
	abs, ok := src.sub(fd.Offset, fd.Type.Size)
	if !ok {
		return ""
	}
	h, f := d.sliceHeader(fd.Type, abs)
	if f.bad() || h.n > hardBigInt {
		return ""
	}
	words, f := view(d.r.mem, h.ptr, int(h.n)*8)
	if f.bad() {
		return ""
	}
	be := make([]byte, len(words))
	for i, c := range words {
		be[len(words)-1-i] = c
	}
	n := new(big.Int).SetBytes(be)
	if neg != 0 {
		n.Neg(n)
	}
	return n.String()
}

// contextText names the chain of contexts, outermost first, without values:
// context/context.go; each but the first embeds its parent as Context.
func contextText(d *decoder, t *gotype.Type, src region) string {
	var chain []string
	for range hardChain {
		chain = append(chain, contextName(t.Name))
		parent, ok := fieldAt(t, "cancelCtx.Context")
		for _, path := range []string{"Context", "c"} {
			if !ok {
				parent, ok = fieldAt(t, path)
			}
		}
		if !ok || parent.Type.Kind != reflect.Interface {
			break
		}
		in, ok := src.sub(parent.Offset, 16)
		if !ok {
			break
		}
		var f fault
		if t, src, f = d.dynamic(parent.Type, in); f.bad() || t == nil {
			break
		}
		if t.Kind == reflect.Pointer && t.Elem != nil {
			p, f := d.word(src, 0)
			if f.bad() || p == 0 {
				break
			}
			t, src = t.Elem, at(p, sizeOf(t.Elem))
		}
	}
	for i, j := 0, len(chain)-1; i < j; i, j = i+1, j-1 {
		chain[i], chain[j] = chain[j], chain[i]
	}
	return strings.Join(chain, ".")
}

// contextName is how a context prints itself.
func contextName(typ string) string {
	switch typ {
	case "context.backgroundCtx":
		return "context.Background"
	case "context.todoCtx":
		return "context.TODO"
	case "context.valueCtx":
		return "WithValue"
	case "context.cancelCtx":
		return "WithCancel"
	case "context.timerCtx":
		return "WithDeadline"
	case "context.withoutCancelCtx":
		return "WithoutCancel"
	}
	return typ
}
