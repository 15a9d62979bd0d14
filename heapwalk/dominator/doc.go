// Package dominator finds out which nodes of a graph keep which others alive:
// dominators, retained sizes, where memory accumulates, and shortest paths from
// the roots.
//
// In:  a [Graph] of nodes numbered densely, whose edges come on demand, and its
// entries: the nodes that the roots hold. Out: a [Tree], [Weights] of it, and
// paths as lists of nodes.
//
//	tree, err := dominator.Build(ctx, graph, entries, options)
//	sizes, err := tree.Weigh(ctx, size, options)
//	sizes.Retained(node)                       // free without the node
//	sizes.Top(dominator.Root, 20)              // what holds most
//	sizes.ByClass(len(types), typeOf)          // the same by type
//	sizes.Suspects(dominator.SuspectOptions{}) // where it accumulates
//	paths, err := dominator.Paths(ctx, graph, entries, isTarget, 3, options)
//
// It knows nothing of heaps, types or names, and imports only the standard
// library. Above all entries there is one virtual root, [Root]. Whoever wants the
// objects of a goroutine or of a variable together gives it a node of its own,
// which is an entry and points to them: it then dominates what nothing else
// holds, and paths are distinct by it.
//
// # Memory
//
// A heap has tens of millions of objects, so nothing here is a pointer or a map:
// everything is in arrays of words. While the tree is built they have 28 bytes
// for each node (32 at the end), a finished tree 16, weights 8, a search for paths
// 4 and the nodes at the widest distance. Edges are asked for and not kept but
// for those that lead back in the order of the search, 8 bytes each; a [Copy] of
// all of them takes 4 bytes for each node and one or two for most edges.
//
// # Time
//
// A depth first search numbers the nodes, the algorithm of Lengauer and Tarjan
// finds the dominators in O(m log n), and a last pass orders the nodes as a walk
// through the tree meets them. What a node dominates is then one range of places:
// that answers what is below a node, what it retains and whether one dominates
// another without a walk. The graph may be hostile: nothing recurses, and no
// shape makes the time quadratic. Two algorithms that are often faster were left
// out for that, counted on 5 000 to 40 000 nodes: Semi-NCA takes n²/4 steps where
// a list of n/2 nodes ends in one that points to n/2 others which the first node
// holds as well; that of Cooper, Harvey and Kennedy takes twice as many there,
// and more than n² on a ring whose nodes point both ways.
//
// The search is one after the other, but for what it asks the graph; copying
// edges, adding sizes and paths are done by several goroutines. The results do
// not depend on how many there are.
package dominator
