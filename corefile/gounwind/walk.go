package gounwind

import (
	"encoding/binary"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
)

const (
	// maxSteps bounds the frames of one stack: the largest that Go allows by
	// default (1 GB) with its smallest frames.
	maxSteps = 1 << 26
	// maxJumps bounds the changes of stack on one walk: signals in signals,
	// calls to and from C.
	maxJumps = 256
)

// cursor is a place on a stack.
type cursor struct {
	pc, sp uint64
	exact  bool                 // pc was interrupted; otherwise it is a return address
	full   bool                 // all registers are known
	known  uint32               // which of regs are, by DWARF number
	regs   [generalRegs]uint64  // by DWARF number; RSP is sp
	whole  *corefile.Registers  // all of them, vectors too, of a thread or signal
	note   string               // why the walk goes on here, not where it came to
	adds   []recoveredRegisters // what the frame above saved
}

// generalRegs is how many registers a cursor follows.
const generalRegs = 16

// recoveredRegisters are contents of registers by number.
type recoveredRegisters struct {
	reg  uint64
	data []byte
}

// move goes to another place on the same stack, of which no register is known
// but those in keep, a mask as in known.
func (c *cursor) move(pc, sp uint64, exact bool, keep uint32) {
	c.pc, c.sp, c.exact, c.known = pc, sp, exact, c.known&keep
	c.full, c.whole, c.note, c.adds = false, nil, "", nil
}

func (c *cursor) set(reg int, v uint64) {
	c.regs[reg], c.known = v, c.known|1<<reg
}

// walker walks one stack at a time.
type walker struct {
	b       *Backend
	rec     recorder
	collect bool // registers of special frames are wanted
	special []specialFrame

	g        *goruntime.Saved // whose stack it is, nil for a thread without one
	own      goruntime.Saved
	m        *machine // that runs it, nil when none
	cur      cursor
	resume   *cursor // where to go on if the walk ends before g's own stack
	resumeAt cursor
	system   bool   // not on g's stack
	limit    uint64 // end of the stack at hand, 0 when unknown
	window   window
	steps    int
	jumps    int
	end      string
	done     bool
}

// specialFrame is a frame of which more registers are known.
type specialFrame struct {
	pc, cfa uint64
	regs    *corefile.Registers
}

func (w *walker) begin(buf []Raw, maxFrames int, collect bool) {
	limit := w.b.o.MaxFrames
	if maxFrames > 0 && maxFrames < limit {
		limit = maxFrames
	}
	*w = walker{b: w.b, collect: collect, special: w.special[:0]}
	w.rec.begin(buf, limit, w.b.o.KeepOutermost)
}

// window is a part of memory that is read word by word.
type window struct {
	base uint64
	data []byte
}

// word reads a word of a stack.
func (w *walker) word(addr uint64) (uint64, bool) {
	if off := addr - w.window.base; off <= uint64(len(w.window.data)) && uint64(len(w.window.data))-off >= 8 {
		return binary.LittleEndian.Uint64(w.window.data[off:]), true
	}
	// The frame pointer lies right below the return address.
	const below, most = 64, 1 << 30
	if data := w.b.mem.Window(addr-below, most); len(data) >= below+8 {
		w.window = window{addr - below, data}
		return binary.LittleEndian.Uint64(data[below:]), true
	}
	if data := w.b.mem.Window(addr, most); len(data) >= 8 {
		w.window = window{addr, data}
		return binary.LittleEndian.Uint64(data), true
	}
	v, err := w.b.mem.Uint64(addr)
	return v, err == nil
}

// walk goes from cur to the end of the stack.
func (w *walker) walk() {
	w.place()
	for !w.done {
		if w.steps++; w.steps > maxSteps || w.jumps > maxJumps {
			w.end = fmt.Sprintf("stack was given up after %d frames and %d changes of stack", w.steps, w.jumps)
			return
		}
		r := w.b.rule(w.cur.pc, w.cur.exact)
		switch r.kind {
		case kindGo:
			w.plain(&r)
		case kindUnknown:
			w.unknown(&r)
		case kindTop:
			w.record(w.cur.sp+uint64(r.delta), false)
			w.done = true
		default:
			w.change(&r)
		}
	}
}

// record notes the frame at the cursor. registers says that more than the
// usual ones are known.
func (w *walker) record(cfa uint64, registers bool) {
	f := Raw{PC: w.cur.pc, CFA: cfa, SP: w.cur.sp}
	if w.cur.exact {
		f.Flags |= RawExact
	}
	if w.system {
		f.Flags |= RawSystem
	}
	if w.cur.known&(1<<corefile.RegRBP) != 0 {
		f.BP = w.cur.regs[corefile.RegRBP]
		f.Flags |= RawBP
	}
	if w.collect && (registers || w.cur.whole != nil || len(w.cur.adds) > 0) {
		f.Flags |= rawRegisters
		w.special = append(w.special, specialFrame{f.PC, cfa, w.registers()})
	}
	w.rec.add(f)
}

// registers are all registers that are known at the cursor.
func (w *walker) registers() *corefile.Registers {
	if w.cur.whole != nil {
		return w.cur.whole
	}
	r := &corefile.Registers{}
	for _, a := range w.cur.adds {
		r.Set(a.reg, a.data)
	}
	for reg, v := range w.cur.regs {
		if w.cur.known&(1<<reg) != 0 {
			r.SetWord(uint64(reg), v)
		}
	}
	r.SetWord(corefile.RegRSP, w.cur.sp)
	r.SetWord(corefile.RegRIP, w.cur.pc)
	return r
}

// plain leaves a frame of Go code by its return address.
func (w *walker) plain(r *rule) {
	cfa := w.cur.sp + uint64(r.delta)
	if !w.inside(cfa) {
		return
	}
	w.record(cfa, false)
	w.leave(r, cfa)
}

// inside checks that a frame address lies on the stack at hand.
func (w *walker) inside(cfa uint64) bool {
	if cfa <= w.cur.sp || w.limit != 0 && cfa > w.limit {
		w.stop("frame of pc %#x would end at %#x, outside of its stack, which ends at %#x", w.cur.pc, cfa, w.limit)
		return false
	}
	return true
}

// leave goes to the caller of a function whose frame ends at cfa.
func (w *walker) leave(r *rule, cfa uint64) {
	ret, ok := w.word(cfa - 8)
	if !ok {
		w.stop("stack memory at %#x is not in the core", cfa-8)
		return
	}
	if ret == 0 {
		w.stop("return address at %#x is 0", cfa-8)
		return
	}
	if ret == w.cur.pc && !w.cur.exact && w.rec.folding() && r.bp == bpSaved {
		w.repeat(r, cfa)
		return
	}
	var saved []recoveredRegisters
	if r.saves != savesNothing && w.collect {
		saved = w.saved(r, cfa)
	}
	var keep uint32
	if r.bp == bpKept {
		keep = 1 << corefile.RegRBP
	}
	w.cur.move(ret, cfa, r.traps, keep)
	if r.bp == bpSaved {
		if bp, ok := w.word(cfa - 16); ok {
			w.cur.set(corefile.RegRBP, bp)
		}
	}
	if w.cur.adds = saved; r.saves == savesHost {
		w.host(&w.cur, r, cfa)
	}
}

// repeat goes along frames of one function that calls itself from one place,
// as many as there are but the last few. The frame at the cursor, which ends at
// cfa and returns to its own PC, is recorded.
func (w *walker) repeat(r *rule, cfa uint64) {
	size := uint64(r.delta)
	n := 0
	for end := cfa; ; n++ {
		// A frame from end to end+size returns to the same place.
		end += size
		if w.limit != 0 && end > w.limit || w.steps+n >= maxSteps {
			break
		}
		if ret, ok := w.word(end - 8); !ok || ret != w.cur.pc {
			break
		}
	}
	if n -= max(foldLast, w.rec.keep) + 1; n > 0 {
		w.rec.skip(n, w.cur.pc)
		w.steps += n
		cfa += uint64(n) * size
	}
	next := cursor{pc: w.cur.pc, sp: cfa}
	if bp, ok := w.word(cfa - 16); ok {
		next.set(corefile.RegRBP, bp)
	}
	w.cur = next
}

// stop ends the walk, or continues it where the goroutine left its own stack.
func (w *walker) stop(format string, args ...any) {
	if w.resume != nil {
		next := w.resume
		w.resume = nil
		if w.end == "" && next.note != "" {
			w.end = next.note + ": " + fmt.Sprintf(format, args...)
		}
		w.jump(*next)
		return
	}
	if w.end == "" {
		w.end = fmt.Sprintf(format, args...)
	}
	w.done = true
}

// jump continues on another stack.
func (w *walker) jump(to cursor) {
	w.jumps++
	w.cur = to
	w.place()
}

// place finds out on which stack the cursor is.
func (w *walker) place() {
	sp := w.cur.sp
	w.limit = 0
	w.system = true
	if w.g != nil && sp >= w.g.Lo && sp < w.g.Hi {
		w.system, w.limit, w.resume = false, w.g.Hi, nil
		return
	}
	if w.m != nil && sp >= w.m.signal.Lo && sp < w.m.signal.Hi {
		w.limit = w.m.signal.Hi
	}
}

// unknown leaves a frame that is no Go code: by call frame information, or where
// nothing was called yet, by the word on top of the stack.
func (w *walker) unknown(r *rule) {
	if !w.cur.exact && w.endsSignal(w.cur.pc) {
		// C code handles the signal: runtime.cgoSigtramp jumps to
		// runtime/cgo's x_cgo_callers (fixtures/cgosigprof).
		w.interrupted(w.cur.sp)
		return
	}
	if w.leaveC(r) {
		return
	}
	if w.cur.exact {
		// A call to a bad address: it got no further than its return address.
		if _, known := w.b.table.Find(w.cur.pc); !known {
			if ret, ok := w.word(w.cur.sp); ok {
				if f, ok := w.b.table.Find(ret); ok && f.IsGo() {
					cfa := w.cur.sp + 8
					if !w.inside(cfa) {
						return
					}
					w.record(cfa, false)
					w.leave(&rule{bp: bpKept}, cfa)
					return
				}
			}
		}
		w.record(0, false)
		w.stop("code at %#x is not Go's and has no call frame information", w.cur.pc)
		return
	}
	w.stop("return address %#x is in no known function", w.cur.pc)
}
