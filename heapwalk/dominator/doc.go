// Package dominator finds out which nodes of a graph keep which others alive:
// dominators, retained sizes, and shortest paths from the roots.
//
// In:  a [Graph] of nodes numbered densely, whose edges come on demand, and its
// entries: the nodes that the roots hold. Out: a [Tree].
//
// It knows nothing of heaps, types or names, and imports only the standard
// library.
package dominator
