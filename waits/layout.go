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
	onceState, onceSema               place
	condNotify                        place
	pollFD, pollRead, pollWrite       place
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
	find := func(typ string, to map[*place][]string) {
		s, err := t.ByName(typ)
		if err != nil || s == nil || s.Err != nil {
			return
		}
		for p, paths := range to {
			for _, path := range paths {
				if f, ok := s.Field(path); ok && f.Offset >= 0 && f.Type != nil && f.Offset+f.Type.Size <= s.Size {
					*p = place{uint64(f.Offset), true}
					break
				}
			}
		}
	}
	find("sync.Mutex", map[*place][]string{
		&l.mutexState: {"state", "mu.state"}, &l.mutexSema: {"sema", "mu.sema"},
	})
	find("sync.RWMutex", map[*place][]string{
		&l.rwMutexSema: {"w.sema", "w.mu.sema"}, &l.writerSem: {"writerSem"}, &l.readerSem: {"readerSem"},
		&l.readerCount: {"readerCount.v", "readerCount"}, &l.readerWait: {"readerWait.v", "readerWait"},
	})
	find("sync.WaitGroup", map[*place][]string{&l.groupState: {"state.v", "state"}, &l.groupSema: {"sema"}})
	find("sync.Once", map[*place][]string{
		&l.onceState: {"m.state", "m.mu.state"}, &l.onceSema: {"m.sema", "m.mu.sema"},
	})
	find("runtime.pollDesc", map[*place][]string{&l.pollFD: {"fd"}, &l.pollRead: {"rg"}, &l.pollWrite: {"wg"}})
	find("sync.Cond", map[*place][]string{&l.condNotify: {"notify"}})
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
