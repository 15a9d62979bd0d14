package waits

import "github.com/safedump/sdcore/corefile/gotype"

// layout is where package sync keeps what. Since go1.24 a sync.Mutex is a field of
// type internal/sync.Mutex, since go1.19 counters are of types of sync/atomic:
// each offset has the spellings of all releases.
type layout struct {
	mutexState, mutexSema             place
	rwMutexSema, writerSem, readerSem place
	readerCount, readerWait           place
	groupState, groupSema             place
	onceDone, onceState, onceSema     place
	condNotify                        place
	mutexSize, rwMutexSize, groupSize int64
	onceSize, condSize                int64
}

// place is an offset; !ok: this release has none, or the program has no such type.
type place struct {
	off uint64
	ok  bool
}

func readLayout(t *gotype.Types) layout {
	var l layout
	if t == nil {
		return l
	}
	find := func(size *int64, typ string, to map[*place][]string) {
		s, err := t.ByName(typ)
		if err != nil || s == nil || s.Err != nil {
			return
		}
		*size = s.Size
		for p, paths := range to {
			for _, path := range paths {
				if f, ok := s.Field(path); ok && f.Offset >= 0 && f.Type != nil && f.Offset+f.Type.Size <= s.Size {
					*p = place{uint64(f.Offset), true}
					break
				}
			}
		}
	}
	find(&l.mutexSize, "sync.Mutex", map[*place][]string{
		&l.mutexState: {"state", "mu.state"}, &l.mutexSema: {"sema", "mu.sema"},
	})
	find(&l.rwMutexSize, "sync.RWMutex", map[*place][]string{
		&l.rwMutexSema: {"w.sema", "w.mu.sema"}, &l.writerSem: {"writerSem"}, &l.readerSem: {"readerSem"},
		&l.readerCount: {"readerCount.v", "readerCount"}, &l.readerWait: {"readerWait.v", "readerWait"},
	})
	find(&l.groupSize, "sync.WaitGroup", map[*place][]string{&l.groupState: {"state.v", "state", "state1"}, &l.groupSema: {"sema"}})
	find(&l.onceSize, "sync.Once", map[*place][]string{
		&l.onceDone: {"done.v", "done"}, &l.onceState: {"m.state", "m.mu.state"}, &l.onceSema: {"m.sema", "m.mu.sema"},
	})
	find(&l.condSize, "sync.Cond", map[*place][]string{&l.condNotify: {"notify"}})
	return l
}

// semaphore is the offset of the semaphore of an operation in its object.
func (l *layout) semaphore(op *operation) place {
	switch op.part {
	case "sema":
		if op.kind == "waitgroup" {
			return l.groupSema
		}
		return l.mutexSema
	case "writerSem":
		return l.writerSem
	case "readerSem":
		return l.readerSem
	case "w.sema":
		return l.rwMutexSema
	case "m.sema":
		return l.onceSema
	}
	return place{}
}

// size is how large an object of a kind is.
func (l *layout) size(k key) uint64 {
	switch k.kind {
	case "mutex":
		return uint64(max(l.mutexSize, 1))
	case "rwmutex":
		return uint64(max(l.rwMutexSize, 1))
	case "waitgroup":
		return uint64(max(l.groupSize, 1))
	case "once":
		return uint64(max(l.onceSize, 1))
	case "cond":
		return uint64(max(l.condSize, 1))
	}
	return 4
}
