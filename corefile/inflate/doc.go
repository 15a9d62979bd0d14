// Package inflate unpacks zlib streams that lie in memory, as the debug
// sections of nearly every Go binary do.
//
// In:  a stream (RFC 1950 with RFC 1951 inside), hostile until proven otherwise.
// Out: its contents in a slice of the caller's, of the size that the caller
// knows.
//
// compress/zlib and klauspost's copy through a window of 32 KiB, because they
// serve streams of any length from readers. With both ends in memory there is
// no window: the output is the window. That makes it more than twice as fast,
// and unpacking is most of what the crash of a large service costs.
package inflate
