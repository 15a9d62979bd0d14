package sdcore_test

import (
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/proc"

	"github.com/safedump/sdcore/corefile"
)

// disagreement is a variable that delve shows wrongly, and why. Only the Go
// versions that begin with only have it, "" are all.
type disagreement struct {
	fixture, function, variable string
	why                         reason
	only                        string
}

// concerns reports whether a row is for fixtures of a Go version.
func (r disagreement) concerns(version string) bool {
	return r.only == sometimes || strings.HasPrefix(version, "go"+r.only)
}

// sometimes marks a row of a goroutine that is stopped anywhere: it need not be
// met.
const sometimes = "sometimes"

// disagreements are all that are known. One that is not met any more fails the
// test, and so does one whose reason the debug information does not prove.
func disagreements() []disagreement {
	return []disagreement{
		{"payment", "main.(*Server).standby", "shift", missingPiece, ""},
		{"payment.pie", "main.(*Server).standby", "shift", missingPiece, ""},
		{"payment.trimpath", "main.(*Server).standby", "shift", missingPiece, ""},
		{"payment.race", "main.(*Server).standby", "shift", missingPiece, ""},
		{"kinds", "main.slices", "flags", missingPiece, ""},
		{"kinds.pie", "main.slices", "flags", missingPiece, ""},
		{"kinds.cgo", "main.slices", "flags", missingPiece, ""},
		{"kinds.race", "main.slices", "flags", missingPiece, ""},
		{"kinds.race", "main.chain.descend", "c", impossible, ""},
		{"nilderef", "main.main", "orders", missingPiece, ""},
		{"manywait", "main.waitSyscall", "buf", missingPiece, ""},
		{"stackroots", "main.iface", "v", missingPiece, ""},
		{"stackroots.race", "main.iface", "v", missingPiece, ""},
		{"stackroots.race", "main.slice", "things", impossible, ""},
		{"manywait", "syscall.Read", "p", missingPiece, ""},
		{"manywait", "internal/poll.(*pollDesc).waitRead", "isFile", lostRegister, "1.27"},
		{"leaks", "internal/poll.(*pollDesc).waitRead", "isFile", lostRegister, "1.25"},
		{"misplaced", "main.(*server).serve", "start", argumentsPlace, "1.26"},
		{"mapwrite", "runtime.mapassign_fast64", "h2Hash", notDuringCall, sometimes},
		{"secrets", "main.die", "list", missingPiece, "1.25"},
	}
}

// reason is a way in which delve is wrong.
type reason string

const (
	missingPiece   reason = "a piece of it has no location: delve takes it for zero"
	lostRegister   reason = "it is in a register that delve does not have: it fills less than a word up with zeros"
	argumentsPlace reason = "its location is that of an argument of another type"
	impossible     reason = "what is at its location can't be of its type"
	collected      reason = "its channel was collected: delve shows what is there now as one"
	notDuringCall  reason = "it has no location while the call runs: delve takes what will be its location after it"
)

// evidence is what a reason is proven by.
type evidence struct {
	dv     *proc.Variable
	theirs []*proc.Variable
	scope  *proc.EvalScope
	fr     *corefile.Frame
	core   *corefile.Core
	c      *comparison
}

// location is the expression that delve evaluated, with its list and PC.
func location(dv *proc.Variable) string {
	if dv.LocationExpr == nil {
		return "no location"
	}
	return dv.LocationExpr.String()
}

var (
	operation = regexp.MustCompile(`DW_OP_\S+`)
	register  = regexp.MustCompile(`DW_OP_reg(\d+)\(`)
	listAt    = regexp.MustCompile(`^\[(0x[0-9a-f]+):`)
	frameSlot = regexp.MustCompile(`DW_OP_fbreg -?0x[0-9a-f]+`)
)

// proves looks into the debug information for a reason. The text says what was
// found there.
func (r reason) proves(e *evidence) (text string, ok bool) {
	expr := location(e.dv)
	switch r {
	case missingPiece:
		ops := operation.FindAllString(expr, -1)
		for i, op := range ops {
			ok = ok || op == "DW_OP_piece" && (i == 0 || ops[i-1] == "DW_OP_piece")
		}
	case lostRegister:
		m := register.FindStringSubmatch(expr)
		if m == nil {
			return expr, false
		}
		n, _ := strconv.ParseUint(m[1], 10, 64)
		ok = e.scope.Regs.Reg(n) == nil
	case argumentsPlace:
		slot := frameSlot.FindString(expr)
		for _, arg := range e.theirs {
			if arg.Flags&proc.VariableArgument != 0 && slot != "" && arg.DwarfType.String() != e.dv.DwarfType.String() &&
				slices.Contains(frameSlot.FindAllString(location(arg), -1), slot) {
				expr, ok = fmt.Sprintf("%s; %s is at %s", expr, arg.Name, location(arg)), true
			}
		}
	case notDuringCall:
		if m := listAt.FindStringSubmatch(expr); m != nil && e.fr.CallPC < e.fr.PC {
			off, _ := strconv.ParseInt(m[1], 0, 64)
			ok = e.hasLocation(list(off), e.fr.PC) && !e.hasLocation(list(off), e.fr.CallPC)
			expr = fmt.Sprintf("%s; nothing at 0x%x", expr, e.fr.CallPC)
		}
	case collected:
		text, isNone := e.noChannel()
		expr, ok = fmt.Sprintf("%s; %s", expr, text), isNone
	case impossible:
		text, isNone := e.notOfItsType()
		expr, ok = fmt.Sprintf("%s; %s", expr, text), isNone
	}
	return expr, ok
}

// notOfItsType reports whether what is at a variable's location can't be a slice
// or a bool.
func (e *evidence) notOfItsType() (text string, ok bool) {
	switch typ := e.dv.RealType.(type) {
	case *godwarf.SliceType:
		last := e.dv.Base + uint64(e.dv.Len*typ.ElemType.Size()) - 1
		ok = e.dv.Len > e.dv.Cap || e.core.Memory().Provenance(last) == corefile.Unmapped
		return fmt.Sprintf("there are length %d and capacity %d", e.dv.Len, e.dv.Cap), ok
	case *godwarf.BoolType:
		b, _, present := e.core.Memory().View(e.dv.Addr, 1)
		if !present {
			return "nothing is there", true
		}
		return fmt.Sprintf("the byte there is %d", b[0]), b[0] > 1
	}
	return "it is neither a slice nor a bool", false
}

// noChannel reports whether what a variable of a channel's type points to can't
// be a channel (runtime/chan.go of Go 1.25 to 1.27: qcount, dataqsiz, buf, elemsize,
// closed, timer, elemtype, sendx, recvx).
func (e *evidence) noChannel() (text string, ok bool) {
	ch, isChan := e.dv.RealType.(*godwarf.ChanType)
	if !isChan {
		return "it is none", false
	}
	m := e.core.Memory()
	at, err := m.Uint64(e.dv.Addr)
	if err != nil {
		return "there is no pointer", false
	}
	b, _, present := m.View(at, 64)
	if !present {
		return fmt.Sprintf("nothing is at 0x%x", at), true
	}
	count, size := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	elem := binary.LittleEndian.Uint16(b[24:])
	closed, send, receive := binary.LittleEndian.Uint32(b[28:]), binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint64(b[56:])
	text = fmt.Sprintf("there are %d elements of %d, of %d bytes each, the next is sent to %d and received from %d, closed is %d", count, size, elem, send, receive, closed)
	return text, count > size || int64(elem) != ch.ElemType.Size() || closed > 1 || send > size || receive > size
}

// list is the offset of a location list, in the place of an entry that has it.
type list int64

// Val returns the value of an attribute.
func (l list) Val(attr dwarf.Attr) any {
	if attr == dwarf.AttrLocation {
		return int64(l)
	}
	return nil
}

// AttrField is Val with its class.
func (l list) AttrField(attr dwarf.Attr) *dwarf.Field {
	return &dwarf.Field{Attr: attr, Val: l.Val(attr), Class: dwarf.ClassLocListPtr}
}

// hasLocation asks delve for the location in a list at a PC.
func (e *evidence) hasLocation(l list, pc uint64) bool {
	_, _, _, err := e.scope.BinInfo.Location(l, dwarf.AttrLocation, pc, e.scope.Regs, e.scope.Mem)
	return err == nil
}

// disagree looks a variable up that is not equal. What both show differently is
// never excused by what is missing.
func (d *differential) disagree(t *testing.T, where string, fr *corefile.Frame, e *evidence) {
	t.Helper()
	for _, row := range disagreements() {
		if row.fixture != d.fixture || row.function != fr.Function || row.variable != e.dv.Name || !row.concerns(d.version) {
			continue
		}
		text, proven := row.why.proves(e)
		if !proven || len(e.c.differ) > 0 {
			break
		}
		if d.met[row]++; d.met[row] == 1 {
			t.Logf("delve is wrong about %s in %s: %s: %s", e.dv.Name, where, row.why, text)
		}
		d.slip(row.why)
		return
	}
	if d.byChance(fr) && len(e.c.differ) == 0 {
		for _, why := range []reason{missingPiece, lostRegister, notDuringCall, collected, impossible} {
			if text, proven := why.proves(e); proven {
				t.Logf("delve is wrong about %s in %s, by chance: %s: %s", e.dv.Name, where, why, text)
				d.slip(why)
				return
			}
		}
	}
	t.Errorf("%s: %s at %s: %s", where, e.dv.Name, location(e.dv), strings.Join(append(e.c.differ, e.c.unknown...), "; "))
}

// slip counts a variable that delve is wrong about.
func (d *differential) slip(why reason) {
	if d.wrong++; why == lostRegister { // nothing was read at all
		d.wrong, d.delve, d.noOpinion = d.wrong-1, d.delve-1, d.noOpinion+1
	}
}

// byChance reports whether a frame was interrupted by a signal, wherever it happened to
// be, so before its results were set perhaps, or is one of the runtime's in a fixture whose
// goroutines are stopped wherever they happen to be, or that collects garbage, so that
// dead variables of the runtime's point to what is something else by now: which of its variables
// delve takes wrongly can't be listed, so it is proven each time.
func (d *differential) byChance(fr *corefile.Frame) bool {
	if fr.CallPC == fr.PC {
		return true
	}
	base, _, _ := strings.Cut(d.fixture, ".")
	return slices.Contains([]string{"mapwrite", "sigabrt", "sigquit", "heapgraph", "heaplocals", "heapwaste", "heapsecrets", "heaparena", "memprofile", "shapes", "stackroots"}, base) && strings.HasPrefix(fr.Function, "runtime.")
}
