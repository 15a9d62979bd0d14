// Package store is a part of the program that several bugs go through.
package store

import "sync"

// Item is stored.
type Item struct{ Name *string }

// Store holds items.
type Store struct {
	mu    sync.Mutex
	items map[int]*Item
}

// New returns a store of n items without names.
func New(n int) *Store {
	s := &Store{items: map[int]*Item{}}
	for i := range n {
		s.items[i] = &Item{}
	}
	return s
}

// Name dies of an item without a name, and of one that is not there.
func (s *Store) Name(id int) string {
	victim := s.items[id]
	if victim == nil {
		return *victim.Name
	}
	if len(s.items) > 100 {
		return "many"
	}
	return *victim.Name
}

// Lookup goes to Name.
func (s *Store) Lookup(id int) string { return s.find(id) }

func (s *Store) find(id int) string { return "name " + s.Name(id) }

// Lock waits for the store.
func (s *Store) Lock() { s.mu.Lock() }

// Unlock lets go of it.
func (s *Store) Unlock() { s.mu.Unlock() }

// Each calls f for each item.
func (s *Store) Each(f func(int, *Item)) {
	for id, it := range s.items {
		f(id, it)
	}
}

// Numbers returns the number at an index.
func Numbers(xs []int, at int) int {
	return xs[at]
}

// Parse dies of short input.
func Parse(fields []string) string {
	return fields[0] + fields[2]
}

// Counter counts.
type Counter struct{ n *int }

// Run runs a literal.
func (c Counter) Run() {
	run(func() {
		*c.n++
	})
}

// Gauge measures.
type Gauge struct{ n *int }

// Run runs a literal.
func (g Gauge) Run() {
	run(func() {
		*g.n++
	})
}

func run(f func()) { f() }
