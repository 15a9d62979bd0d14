package heapwalk

import "github.com/safedump/sdcore/heapwalk/shape"

// stackHints follows the typed pointers of roots to values on the same stack: a
// closure or struct that did not escape has pointers whose types only its own type
// tells. Which of its words are alive the stack maps tell, so that they are roots
// already: what is found here gets a type and is not marked.
type stackHints struct {
	reader *rootReader
	w      *walker
	queue  []hint
	seen   map[uint64]bool
}

type hint struct {
	addr, size uint64
	id         shape.ID
}

const (
	maxHints    = 64      // values that one root leads to
	maxHintSize = 1 << 16 // bytes of one
)

// visit takes an edge of a root.
func (s *stackHints) visit(e *shape.Edge) {
	s.w.edge(e)
	s.note(e)
}

// note remembers a pointer that does not lead into the heap.
func (s *stackHints) note(e *shape.Edge) {
	if e.Elem == shape.Unknown || len(s.queue) >= maxHints || s.seen[e.Ptr] {
		return
	}
	if span, _ := s.w.w.h.find(e.Ptr); span != nil {
		return
	}
	in := s.reader.table.Info(e.Elem)
	if in.PtrBytes == 0 || in.Size == 0 || in.Size > maxHintSize || e.Count > maxHintSize/in.Size {
		return
	}
	s.seen[e.Ptr] = true
	s.queue = append(s.queue, hint{e.Ptr, in.Size * max(e.Count, 1), e.Elem})
}

// follow offers types to what the noted values point to.
func (s *stackHints) follow() {
	if len(s.queue) == 0 {
		return
	}
	for i := 0; i < len(s.queue); i++ {
		q := s.queue[i]
		if data, _, ok := s.reader.h.mem.View(q.addr, int(q.size)); ok {
			s.reader.edges.Edges(q.id, data, func(e *shape.Edge) {
				s.w.hint(e)
				s.note(e)
			})
		}
	}
	s.queue = s.queue[:0]
	clear(s.seen)
}
