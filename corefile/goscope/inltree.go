package goscope

import "slices"

// moveToCallSites finds the blocks of the outer calls anew, at the place where
// each calls the next one. The instructions of an inlined call are in none of
// the caller's blocks, by the compiler's tables: the caller's variables would be
// missing, and shadowed ones take their place. sites are from the innermost
// call outwards; when they are not as many as the calls, nothing is changed.
func (fn *function) moveToCallSites(chain []activeCall, sites []uint64) {
	if len(sites) != len(chain) {
		return
	}
	for depth := range chain[:len(chain)-1] {
		chain[depth].blocks = fn.blocksOf(chain[depth].call, sites[len(chain)-1-depth])
	}
}

// blocksOf lists a call and the blocks in it that are active at a PC of its
// own, outer before inner.
func (fn *function) blocksOf(call int, pc uint64) []int {
	out := []int{call}
	for i := call + 1; i < len(fn.nodes); i++ {
		n := &fn.nodes[i]
		if !n.call && slices.Contains(out, n.parent) && n.contains(pc) {
			out = append(out, i)
		}
	}
	return out
}
