// Package die reads the entries of a binary's DWARF without trusting it and
// without allocating: debugging information entries (DIEs), range lists and
// location lists, DWARF 2 to 5.
//
// In:  the uncompressed debug sections.
// Out: [Info] with its units; [Entry] values, whose attributes are decoded when
// they are asked for; the ranges of an entry and the location expression that
// holds at a PC.
//
// debug/dwarf does the same with one map-like allocation per entry, which costs
// a second and hundreds of megabytes of garbage for a large service; and it has
// no way to see location lists. Every read here is checked against the section
// it reads from; a wrong offset gives an [Error] that names the section and the
// offset, never a panic.
//
// It knows nothing of Go: types are gotype's, variables goscope's.
package die
