package serve

import (
	"context"
	"sync"

	"github.com/safedump/sdcore/triage/index"
)

// shelf keeps the index open between requests: a database far away takes its time
// to be connected to. It is opened anew when it has become another one, and after
// it could not be read.
type shelf struct {
	mu   sync.Mutex
	held *lease
}

// lease is the index for one request, which gives it back by Close.
type lease struct {
	*index.Index
	shelf   *shelf
	which   string // see Options.Which
	users   int
	dropped bool
}

// open opens the index, or hands out the one that is.
func (s *Server) open(ctx context.Context) (*lease, error) {
	which := s.o.Which()
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	if l := s.shelf.held; l != nil {
		if l.which == which {
			l.users++
			return l, nil
		}
		s.shelf.drop()
	}
	x, err := s.o.Open(ctx)
	if err != nil {
		return nil, err
	}
	s.shelf.held = &lease{Index: x, shelf: &s.shelf, which: which, users: 1}
	return s.shelf.held, nil
}

// Close gives the index back.
func (l *lease) Close() {
	l.shelf.mu.Lock()
	defer l.shelf.mu.Unlock()
	l.users--
	l.end()
}

// end closes an index that nobody uses and nobody will.
func (l *lease) end() {
	if l.dropped && l.users == 0 {
		l.Index.Close()
	}
}

// drop lets the next request open the index anew. The lock is held.
func (s *shelf) drop() {
	if l := s.held; l != nil {
		s.held, l.dropped = nil, true
		l.end()
	}
}

// forget is drop for who does not hold the lock.
func (s *shelf) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}
