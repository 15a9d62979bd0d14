package gounwind

// Raw is a physical frame as it is walked. A frame that stands for several in a
// row has Repeat > 1.
type Raw struct {
	PC, CFA uint64
	SP, BP  uint64 // BP only with RawBP
	Repeat  int
	Flags   RawFlags
}

// RawFlags tell more of a raw frame.
type RawFlags uint8

// The flags of raw frames.
const (
	// RawExact: PC is the instruction that was interrupted, not a return
	// address.
	RawExact RawFlags = 1 << iota
	// RawSystem: on g0's or a signal's stack.
	RawSystem
	// RawBP: the frame pointer is known.
	RawBP
	// rawRegisters: more registers are known, recorded beside.
	rawRegisters
)

// Long runs of one and the same call are folded: of more than foldMin frames
// the first and the last ones are kept, and one between them stands for the
// others.
const foldMin, foldFirst, foldLast = 64, 32, 15

// recorder keeps the frames of one stack: the innermost ones up to a bound with
// long runs folded, and of those behind the bound the outermost ones.
type recorder struct {
	out     []Raw
	max     int // of out before ring
	keep    int // length of ring
	run     int // frames in a row at the end of out with the same PC
	ring    int // frames behind max
	next    int // where in the ring the next one goes
	omitted int
	same    bool // what was omitted is the last call before, over and over
}

func (r *recorder) begin(buf []Raw, maxFrames, keep int) {
	*r = recorder{out: buf, max: maxFrames, keep: keep, same: true}
}

// add records a frame.
func (r *recorder) add(f Raw) {
	if len(r.out) >= r.max {
		r.addOuter(f)
		return
	}
	n := len(r.out)
	if n > 0 && r.out[n-1].PC == f.PC && (r.out[n-1].Flags|f.Flags)&(RawExact|rawRegisters) == 0 {
		r.run++
	} else {
		r.run = 1
	}
	if r.run <= foldMin {
		r.out = append(r.out, f)
		return
	}
	if r.run == foldMin+1 {
		first := n - foldMin
		last := n - (foldLast - 1)
		r.out[first+foldFirst].Repeat = last - (first + foldFirst)
		r.out = append(r.out[:first+foldFirst+1], r.out[last:n]...)
		r.out = append(r.out, f)
		return
	}
	last := r.out[n-foldLast:]
	r.out[n-foldLast-1].Repeat++
	copy(last, last[1:])
	last[foldLast-1] = f
}

// folding reports whether a frame like the last one would be folded away.
func (r *recorder) folding() bool {
	return r.run > foldMin || r.ring > r.keep && len(r.out) > 0
}

// skip counts n more frames like the last one.
func (r *recorder) skip(n int, pc uint64) {
	if len(r.out) >= r.max && r.ring > 0 {
		r.drop(n, pc)
		return
	}
	r.out[len(r.out)-foldLast-1].Repeat += n
}

// addOuter records a frame behind the bound.
func (r *recorder) addOuter(f Raw) {
	if r.ring < r.keep {
		r.ring++
		r.out = append(r.out, f)
		return
	}
	if r.ring == r.keep {
		r.ring++
	}
	at := &r.out[len(r.out)-r.keep+r.next]
	r.drop(1, at.PC)
	*at = f
	r.next = (r.next + 1) % r.keep
}

func (r *recorder) drop(n int, pc uint64) {
	r.omitted += n
	if r.max == 0 || r.out[r.max-1].PC != pc {
		r.same = false
	}
}

// finish returns the frames in order.
func (r *recorder) finish() []Raw {
	if r.omitted == 0 {
		return r.out
	}
	tail := r.out[len(r.out)-r.keep:]
	rotate(tail, r.next)
	if last := &r.out[r.max-1]; r.same && last.Flags&(RawExact|rawRegisters) == 0 {
		last.Repeat = max(last.Repeat, 1) + r.omitted
		r.omitted = 0
	}
	return r.out
}

// rotate brings element n to the front.
func rotate(s []Raw, n int) {
	reverse(s[:n])
	reverse(s[n:])
	reverse(s)
}

func reverse(s []Raw) {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
}
