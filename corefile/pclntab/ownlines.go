package pclntab

// OwnLines returns the lowest and the highest line that the function itself has
// code for; 0, 0 when that is unknown. Inlined calls count with the line of the
// call. It runs the tables of the whole function: keep the result.
func (f *Func) OwnLines() (first, last int) {
	if f.t == nil {
		return 0, 0
	}
	add := func(line int) {
		if line <= 0 {
			return
		}
		if first == 0 || line < first {
			first = line
		}
		last = max(last, line)
	}
	inlined := f.t.steps(f.pcdata(inlTreePCData))
	lines := f.t.steps(f.word(funcPCLine))
	if len(inlined) > maxOwnSteps || len(lines) > maxOwnSteps {
		return 0, 0
	}
	seen := map[int32]bool{}
	next := 0
	for _, s := range lines {
		for next < len(inlined) && inlined[next].end <= s.start {
			next++
		}
		// A step of the lines may lie over several steps of the calls.
		for i := next; ; i++ {
			if i >= len(inlined) || inlined[i].start >= s.end {
				if i == next {
					add(int(s.value)) // nothing is inlined here
				}
				break
			}
			index := inlined[i].value
			if index < 0 {
				add(int(s.value))
				continue
			}
			if seen[index] {
				continue
			}
			seen[index] = true
			sites, ok := f.sites(f.entry + inlined[i].start)
			if !ok {
				return 0, 0
			}
			if n := len(sites); n > 0 {
				add(f.Line(sites[n-1].parent))
			}
		}
	}
	return first, last
}

// maxOwnSteps bounds the work of OwnLines, which looks up a line for each
// inlined call. Functions have hundreds of steps.
const maxOwnSteps = 1 << 13

// step is a run of instructions with one value, by the distance from the
// function's entry.
type step struct {
	start, end uint64
	value      int32
}

// steps runs the whole table at off, as far as it makes sense.
func (t *Table) steps(off uint32) []step {
	if off == 0 || uint64(off) >= uint64(len(t.pctab)) {
		return nil
	}
	b := t.pctab[off:]
	v, pc := int32(-1), uint64(0)
	var out []step
	for i := range maxEntries {
		delta, n := varint(b)
		if n == 0 || delta == 0 && i > 0 {
			break
		}
		b = b[n:]
		v += int32(delta>>1) ^ -int32(delta&1)
		run, n := varint(b)
		if n == 0 {
			break
		}
		b = b[n:]
		start := pc
		pc += uint64(run) * t.quantum
		out = append(out, step{start, pc, v})
	}
	return out
}
